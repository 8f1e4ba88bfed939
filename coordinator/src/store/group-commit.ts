/**
 * The order of commits, for engines that are written by this process alone: transactions wait in
 * one queue, and while one group is being made durable the next one gathers, so that many callers
 * share one flush. Also the one place that decides what happens after a failed write: everything
 * behind it is refused, because it was decided on state that is not there.
 */
import { assert, KeelsonError } from '@keelson/shared/errors'
import type { History } from './history.ts'
import { type Change, checkTransaction, type Transaction } from './store.ts'

/** What became of one transaction of a group. */
export type Outcome =
  | {
      readonly type: 'committed'
      /** Its own revision, or the one it saw if it changed nothing. */
      readonly revision: number
      /** Indexes of its deletes that found no record. */
      readonly idle: readonly number[]
    }
  | {
      readonly type: 'conflict'
      /** Index of the first guard that does not hold. */
      readonly guard: number
      /** The record's revision, 0 if there is none. */
      readonly modRevision: number
    }

/** What an engine gives. */
export interface GroupCommitOptions {
  readonly history: History
  /** Newest durable revision. */
  readonly revision: number
  /**
   * Applies the transactions in order, each with its guards judged after those before it, all of
   * them durable together when it resolves. Raises a KeelsonError if nothing may be acknowledged.
   */
  readonly write: (group: readonly Transaction[]) => Promise<readonly Outcome[]>
  /** Waits for more transactions before a group begins that finds none under way. */
  readonly gather: () => Promise<void>
}

/** A queue in front of an engine. */
export interface GroupCommit {
  readonly revision: number
  /** Why the queue stopped, if it did. */
  readonly failure: KeelsonError | undefined
  /** See `Store.commit`. */
  commit(transaction: Transaction): Promise<number>
  /** Refuses everything from now on with `error`, also what is waiting, and ends the watches. */
  stop(error: KeelsonError): void
  /** Takes nothing new, finishes what is waiting, then stops. */
  close(): Promise<void>
}

interface Waiting {
  readonly transaction: Transaction
  readonly sizeBytes: number
  readonly resolve: (revision: number) => void
  readonly reject: (error: KeelsonError) => void
}

// A group is large enough to make the flush cheap for each and small enough to be over soon.
const GROUP_TRANSACTIONS = 1024
const GROUP_BYTES = 4 * 1024 * 1024

/** Makes a queue; nothing runs until the first commit. */
export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  const { history, write, gather } = options
  let { revision } = options
  let failure: KeelsonError | undefined
  // What a new commit is refused with, if it is.
  let refusal: KeelsonError | undefined
  let queue: Waiting[] = []
  let running: Promise<void> | undefined

  function takeGroup(): Waiting[] {
    let sizeBytes = 0
    let count = 0
    for (const waiting of queue) {
      sizeBytes += waiting.sizeBytes
      if (count > 0 && (sizeBytes > GROUP_BYTES || count === GROUP_TRANSACTIONS)) break
      count++
    }
    return queue.splice(0, count)
  }

  function settle({ transaction, resolve, reject }: Waiting, outcome: Outcome): void {
    if (outcome.type === 'conflict') {
      reject(conflictError(transaction, outcome))
      return
    }
    if (outcome.revision > revision) {
      revision = outcome.revision
      history.append(changesOf(transaction, outcome.revision, outcome.idle))
    }
    resolve(outcome.revision)
  }

  function stop(error: KeelsonError): void {
    if (failure) return
    failure = error
    refusal ??= stoppedError(error)
    const refused = queue
    queue = []
    for (const waiting of refused) waiting.reject(error)
    history.end(error)
  }

  async function run(): Promise<void> {
    await gather()
    while (queue.length > 0) {
      const group = takeGroup()
      try {
        const outcomes = await write(group.map((waiting) => waiting.transaction))
        // A store that was stopped meanwhile acknowledges nothing, even what became durable.
        if (failure) throw failure
        assert(outcomes.length === group.length, 'every transaction has an outcome')
        for (const [index, waiting] of group.entries()) settle(waiting, outcomes[index] as Outcome)
      } catch (error) {
        const known = KeelsonError.from(error, 'UNAVAILABLE', 'commit failed')
        for (const waiting of group) waiting.reject(known)
        stop(known)
      }
    }
    // In the same turn as the last look at the queue, so that no commit is left in between.
    running = undefined
  }

  return {
    get revision() {
      return revision
    },
    get failure() {
      return failure
    },
    commit(transaction) {
      return new Promise((resolve, reject) => {
        const sizeBytes = checkTransaction(transaction)
        if (refusal) throw refusal
        queue.push({ transaction, sizeBytes, resolve, reject })
        running ??= run()
      })
    },
    stop,
    async close() {
      const closed = new KeelsonError('UNAVAILABLE', 'the store is closed')
      refusal = closed
      await running
      stop(closed)
    },
  }
}

function changesOf(
  transaction: Transaction,
  revision: number,
  idle: readonly number[],
): readonly Change[] {
  const changes: Change[] = []
  for (const [index, operation] of transaction.operations.entries()) {
    if (idle.includes(index)) continue
    const value = operation.type === 'put' ? operation.value : undefined
    changes.push({ revision, key: operation.key, value })
  }
  return changes
}

function conflictError(
  transaction: Transaction,
  conflict: Extract<Outcome, { type: 'conflict' }>,
): KeelsonError {
  const guard = transaction.guards[conflict.guard]
  assert(guard, 'a conflict names a guard')
  const found = conflict.modRevision === 0 ? 'absent' : `at revision ${conflict.modRevision}`
  const wanted = guard.modRevision === 0 ? 'absent' : `at revision ${guard.modRevision}`
  return new KeelsonError('ABORTED', `record ${guard.key} is ${found}, expected ${wanted}`)
}

function stoppedError(failure: KeelsonError): KeelsonError {
  return new KeelsonError(failure.code, 'the store stopped and must be reopened', {
    cause: failure,
  })
}
