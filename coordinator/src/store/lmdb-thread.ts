/**
 * The thread that owns the LMDB file. It answers calls one after another, in the order they were
 * sent; see `lmdb-engine.ts` for why it exists and `lmdb.ts` for the other end.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { assert, errorChain, KeelsonError } from '@keelson/shared/errors'
import { type LmdbEngine, openLmdbEngine } from './lmdb-engine.ts'

/** What can be called. */
export type LmdbMethod = keyof LmdbEngine

/** A call; `id` comes back with its answer. */
export interface LmdbCall {
  readonly id: number
  readonly method: LmdbMethod
  readonly args: readonly unknown[]
}

/** An error that can be sent between threads. */
export interface PlainError {
  readonly code: KeelsonError['code']
  readonly message: string
  readonly details: readonly string[]
  /** The messages of the causes, if there were any. */
  readonly cause?: string
}

/** The answer to a call, or, with id 0, to opening the file. */
export interface LmdbAnswer {
  readonly id: number
  readonly result?: unknown
  readonly error?: PlainError
}

const port = parentPort
assert(port, 'lmdb-thread.ts runs as a worker thread')

async function answer(id: number, run: () => unknown): Promise<void> {
  try {
    port?.postMessage({ id, result: await run() } satisfies LmdbAnswer)
  } catch (error) {
    port?.postMessage({ id, error: plain(error) } satisfies LmdbAnswer)
  }
}

function plain(error: unknown): PlainError {
  const { code, message, details, cause } = KeelsonError.from(error)
  return { code, message, details, ...(cause !== undefined && { cause: errorChain(cause) }) }
}

await answer(0, async () => {
  const engine = await openLmdbEngine(workerData)
  port.on('message', ({ id, method, args }: LmdbCall) => {
    const call = engine[method] as (...args: readonly unknown[]) => unknown
    void answer(id, () => call(...args)).then(() => {
      if (method === 'close') port.close()
    })
  })
  return engine.facts()
})
