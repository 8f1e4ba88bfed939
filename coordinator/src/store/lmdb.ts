/**
 * The embedded store: one LMDB file, one coordinator, no server to install.
 *
 * This side runs in the coordinator's event loop and keeps order, history and watches; the file is
 * touched by a thread of its own. The directory must be open in one process only: whoever opens it
 * holds the directory's lock. Opening reads the whole file first and refuses a damaged one.
 */
import { resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import { assert, errorChain, KeelsonError } from '@keelson/shared/errors'
import { checkRestored } from './backup.ts'
import { createGroupCommit, type Outcome } from './group-commit.ts'
import { createHistory, type HistoryLimits } from './history.ts'
import type { LmdbEngine, LmdbEngineOptions, LmdbFacts } from './lmdb-engine.ts'
import type { LmdbAnswer, LmdbCall, LmdbMethod, PlainError } from './lmdb-thread.ts'
import { checkKey, checkPrefix, type Page, type Store } from './store.ts'

/** Where the store is and how it behaves; everything but the directory has a good default. */
export interface LmdbStoreOptions {
  /** The store's directory, made with mode 0700 if need be. Nothing else may be kept in it. */
  readonly directory: string
  /**
   * Whether a store that is not there is made. Default true; a coordinator that knows its cluster
   * exists passes false, so that a lost directory is not taken for a new cluster.
   */
  readonly create?: boolean
  readonly history?: HistoryLimits
  /** Address space reserved at first; it grows by itself. Default 1 GiB. */
  readonly mapSizeBytes?: number
  /** Most records on a page of `range`. Default 1000. */
  readonly pageRecords?: number
}

/**
 * Checks and opens the store. Raises DATA_LOSS if the file is damaged or has vanished (the details
 * name every damage and what to do), NOT_FOUND if there is none and none is to be made,
 * FAILED_PRECONDITION if a newer program wrote it, if a restore into it was interrupted, or if this
 * process has it open already, RESOURCE_EXHAUSTED if the disk is full.
 */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<Store> {
  const directory = resolve(options.directory)
  const thread = await startThread({
    directory,
    create: options.create ?? true,
    mapSizeBytes: options.mapSizeBytes ?? 1024 ** 3,
    pageRecords: options.pageRecords ?? 1000,
    pageCharacters: 1024 ** 2,
  })
  const store = createLmdbStore(thread, directory, options.history)
  try {
    await checkRestored(store)
    return store
  } catch (error) {
    await store.close()
    throw error
  }
}

function createLmdbStore(thread: Thread, directory: string, limits?: HistoryLimits): Store {
  const { revision } = thread.facts
  const history = createHistory(revision, limits)
  const queue = createGroupCommit({
    history,
    revision,
    write: (group) => thread.call('commit', group) as Promise<readonly Outcome[]>,
    // One turn of the event loop lets every request that is ready join the first flush.
    gather: () => new Promise((resolve) => setImmediate(resolve)),
  })
  let closed: Promise<void> | undefined
  thread.onExit((error) => queue.stop(error))

  return {
    get revision() {
      return queue.revision
    },
    commit: (transaction) => queue.commit(transaction),
    async get(key) {
      checkKey(key)
      return thread.call('get', key)
    },
    async *range(prefix): AsyncGenerator<Page> {
      checkPrefix(prefix)
      let cursor: number | undefined
      try {
        let page = await thread.call('firstPage', prefix)
        for (;;) {
          cursor = page.cursor
          yield { revision: page.revision, records: page.records }
          if (cursor === undefined) return
          page = await thread.call('nextPage', cursor)
        }
      } finally {
        // A store that closed meanwhile has let go of the snapshot already.
        if (cursor !== undefined) await thread.call('closeCursor', cursor).catch(() => undefined)
      }
    },
    watch(prefix, fromRevision, signal) {
      checkPrefix(prefix)
      return history.watch(prefix, fromRevision, signal)
    },
    async compact(upTo) {
      if (closed) throw new KeelsonError('UNAVAILABLE', 'the store is closed')
      history.compact(upTo)
    },
    async status() {
      const { keys, sizeBytes, freeBytes } = await thread.call('facts')
      return {
        engine: 'lmdb',
        location: directory,
        revision: queue.revision,
        compactedRevision: history.compactedRevision,
        keys,
        sizeBytes,
        freeBytes,
        ...(queue.failure && { failure: errorChain(queue.failure) }),
      }
    },
    close() {
      closed ??= queue.close().then(() => thread.close())
      return closed
    },
  }
}

// --- the thread

interface Thread {
  /** What the file said when it was opened. */
  readonly facts: LmdbFacts
  call<M extends LmdbMethod>(
    method: M,
    ...args: Parameters<LmdbEngine[M]>
  ): Promise<Awaited<ReturnType<LmdbEngine[M]>>>
  /** Called once if the thread ends without being closed. */
  onExit(callback: (error: KeelsonError) => void): void
  close(): Promise<void>
}

// Directories this process has open: LMDB would share one file between two writers.
const openDirectories = new Set<string>()

async function startThread(options: LmdbEngineOptions): Promise<Thread> {
  const { directory } = options
  if (openDirectories.has(directory))
    throw new KeelsonError('FAILED_PRECONDITION', `the store in ${directory} is open already`)
  openDirectories.add(directory)
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  const opened = Promise.withResolvers<unknown>()
  waiting.set(0, opened)
  let nextId = 1
  let ended: KeelsonError | undefined
  let crash: unknown
  let onExit: ((error: KeelsonError) => void) | undefined

  const worker = new Worker(new URL('./lmdb-thread.ts', import.meta.url), { workerData: options })
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  worker.on('message', ({ id, result, error }: LmdbAnswer) => {
    const call = waiting.get(id)
    assert(call, 'every answer has its call')
    waiting.delete(id)
    if (error) call.reject(keelsonError(error))
    else call.resolve(result)
  })
  worker.on('error', (error) => {
    crash = error
  })
  worker.on('exit', () => {
    openDirectories.delete(directory)
    const message = crash === undefined ? 'the store is closed' : 'the thread of the store crashed'
    ended = new KeelsonError('UNAVAILABLE', message, { cause: crash })
    for (const call of waiting.values()) call.reject(ended)
    onExit?.(ended)
  })

  function call(method: LmdbMethod, ...args: readonly unknown[]): Promise<unknown> {
    if (ended) return Promise.reject(ended)
    const id = nextId++
    const result = Promise.withResolvers<unknown>()
    waiting.set(id, result)
    worker.postMessage({ id, method, args } satisfies LmdbCall)
    return result.promise
  }

  try {
    const facts = (await opened.promise) as LmdbFacts
    return {
      facts,
      call: call as Thread['call'],
      onExit(callback) {
        onExit = callback
      },
      async close() {
        if (!ended) await call('close')
        await exited
      },
    }
  } catch (error) {
    await worker.terminate()
    throw error
  }
}

function keelsonError({ code, message, details, cause }: PlainError): KeelsonError {
  const options = { details, ...(cause !== undefined && { cause: new Error(cause) }) }
  return new KeelsonError(code, message, options)
}
