/**
 * The store for tests and the simulation. It keeps the contract of the real engines, crashes when
 * told to, and has no timers, files or chance of its own, so the same seed gives the same run.
 *
 * A disk is what survives: a store opened on it, crashed and opened again shows exactly what was
 * durable at the crash.
 */
import { assert, errorChain, KeelsonError } from '@keelson/shared/errors'
import { type Clock, sleep } from '@keelson/shared/runtime'
import { createGroupCommit, type Outcome } from './group-commit.ts'
import { createHistory, type HistoryLimits } from './history.ts'
import {
  checkKey,
  checkPrefix,
  type KeyValue,
  type Page,
  type Store,
  type Transaction,
} from './store.ts'

/** Durable content in memory, as if it were a directory. */
export interface MemoryDisk {
  /** The durable records, by key, in no order. For the engine and for a test's eyes. */
  readonly records: Map<string, KeyValue>
  /** Newest durable revision; 0 if nothing was ever written. */
  revision: number
  /** Stops the open store at once, as `kill -9` does: what is not durable yet is lost. */
  crash(): void
  /** A disk with the same content that goes its own way from here. */
  clone(): MemoryDisk
  /** Claims the disk for one store; FAILED_PRECONDITION if another store has it open. */
  attach(onCrash: () => void): void
  detach(): void
}

/** What can go wrong, transaction by transaction. Both hooks may call `disk.crash()`. */
export interface MemoryFaults {
  /** Before anything is applied: an error returned stops the store and its group is lost. */
  beforeCommit?(transaction: Transaction): KeelsonError | undefined
  /** Durable but not acknowledged yet: an error returned stops the store, its group is kept. */
  afterCommit?(transaction: Transaction, revision: number): KeelsonError | undefined
}

/** How a memory store behaves. */
export interface MemoryStoreOptions {
  readonly faults?: MemoryFaults
  /** How long a group of transactions takes to become durable. Default: a microtask. */
  readonly delay?: { readonly clock: Clock; readonly delayMs: () => number }
  readonly history?: HistoryLimits
  /** Most records on a page of `range`. Default 1000. */
  readonly pageRecords?: number
}

/** An empty disk. */
export function createMemoryDisk(): MemoryDisk {
  return diskWith(new Map(), 0)
}

function diskWith(records: Map<string, KeyValue>, revision: number): MemoryDisk {
  let onCrash: (() => void) | undefined
  return {
    records,
    revision,
    crash() {
      onCrash?.()
      onCrash = undefined
    },
    clone() {
      return diskWith(new Map(this.records), this.revision)
    },
    attach(callback) {
      if (onCrash) throw new KeelsonError('FAILED_PRECONDITION', 'the disk is open in a store')
      onCrash = callback
    },
    detach() {
      onCrash = undefined
    },
  }
}

/** A store on a disk of its own. */
export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  return openMemoryStore(createMemoryDisk(), options)
}

/** Opens what is durable on `disk`. Raises FAILED_PRECONDITION if a store has it open. */
export function openMemoryStore(disk: MemoryDisk, options: MemoryStoreOptions = {}): Store {
  const { faults, delay, pageRecords = 1000 } = options
  const history = createHistory(disk.revision, options.history)
  let state: 'open' | 'closed' | 'crashed' = 'open'
  disk.attach(() => {
    state = 'crashed'
    queue.stop(new KeelsonError('UNAVAILABLE', 'the store crashed'))
  })

  const queue = createGroupCommit({
    history,
    revision: disk.revision,
    gather: () => Promise.resolve(),
    async write(group) {
      if (delay) await sleep(delay.clock, delay.delayMs())
      // A group becomes durable as a whole, so a fault before any of it leaves nothing of it.
      for (const transaction of group) raise(faults?.beforeCommit?.(transaction))
      assertOpen()
      const outcomes = group.map((transaction) => apply(disk, transaction))
      for (const [index, transaction] of group.entries()) {
        const outcome = outcomes[index]
        if (outcome?.type === 'committed')
          raise(faults?.afterCommit?.(transaction, outcome.revision))
      }
      return outcomes
    },
  })

  function assertOpen(): void {
    if (state !== 'open') throw new KeelsonError('UNAVAILABLE', `the store is ${state}`)
  }

  return {
    get revision() {
      return queue.revision
    },
    commit: (transaction) => queue.commit(transaction),
    async get(key) {
      checkKey(key)
      assertOpen()
      return disk.records.get(key)
    },
    async *range(prefix): AsyncGenerator<Page> {
      checkPrefix(prefix)
      assertOpen()
      const { revision } = disk
      const records = sortedUnder(disk, prefix)
      for (let start = 0; start === 0 || start < records.length; start += pageRecords) {
        assertOpen()
        yield { revision, records: records.slice(start, start + pageRecords) }
      }
    },
    watch(prefix, fromRevision, signal) {
      checkPrefix(prefix)
      return history.watch(prefix, fromRevision, signal)
    },
    async compact(revision) {
      assertOpen()
      history.compact(revision)
    },
    async status() {
      assertOpen()
      let sizeBytes = 0
      for (const { key, value } of disk.records.values()) sizeBytes += key.length + value.length
      return {
        engine: 'memory',
        location: 'memory',
        revision: queue.revision,
        compactedRevision: history.compactedRevision,
        keys: disk.records.size,
        sizeBytes,
        ...(queue.failure && { failure: errorChain(queue.failure) }),
      }
    },
    async close() {
      await queue.close()
      if (state !== 'open') return
      state = 'closed'
      disk.detach()
    },
  }
}

function raise(error: KeelsonError | undefined): void {
  if (error) throw error
}

function sortedUnder(disk: MemoryDisk, prefix: string): KeyValue[] {
  const records = [...disk.records.values()].filter((record) => record.key.startsWith(prefix))
  return records.sort((a, b) => (a.key < b.key ? -1 : 1))
}

function apply(disk: MemoryDisk, { guards, operations }: Transaction): Outcome {
  for (const [index, guard] of guards.entries()) {
    const modRevision = disk.records.get(guard.key)?.modRevision ?? 0
    if (modRevision !== guard.modRevision) return { type: 'conflict', guard: index, modRevision }
  }
  const idle: number[] = []
  const revision = disk.revision + 1
  for (const [index, operation] of operations.entries()) {
    const { key } = operation
    if (operation.type === 'put')
      disk.records.set(key, { key, value: operation.value, modRevision: revision })
    else if (!disk.records.delete(key)) idle.push(index)
  }
  if (idle.length < operations.length) disk.revision = revision
  assert(disk.revision <= Number.MAX_SAFE_INTEGER, 'revisions stay exact')
  return { type: 'committed', revision: disk.revision, idle }
}
