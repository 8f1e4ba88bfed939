/**
 * The recent changes of a store, for engines whose storage keeps only the newest state. A bounded
 * ring in memory: it begins empty when a store is opened, and what falls out is compacted, which is
 * the contract etcd gives its watchers too.
 */
import { assert, KeelsonError } from '@keelson/shared/errors'
import type { Change } from './store.ts'

/** How much history is kept. */
export interface HistoryLimits {
  /** Most changes kept. Default 16384. */
  readonly maxChanges?: number
  /** Most characters of keys and values kept. Default 16 Mi. */
  readonly maxCharacters?: number
}

/** Changes from `compactedRevision` + 1 up to the newest. */
export interface History {
  readonly compactedRevision: number
  /** Adds the effects of the revision after the newest and wakes the watchers. */
  append(changes: readonly Change[]): void
  /** See `Store.compact`. */
  compact(revision: number): void
  /** See `Store.watch`. */
  watch(prefix: string, fromRevision: number, signal: AbortSignal): AsyncIterable<readonly Change[]>
  /** Makes every watch, now and later, raise `error` once it has shown all there is. */
  end(error: KeelsonError): void
}

// A batch ends after the transaction that reaches this many changes, so that a watcher far behind
// hands them on piece by piece.
const BATCH_CHANGES = 1024

/** An empty history of a store that is at `revision`. */
export function createHistory(revision: number, limits: HistoryLimits = {}): History {
  const { maxChanges = 16_384, maxCharacters = 16 * 1024 * 1024 } = limits
  // transactions[first + i] holds the changes of revision compacted + 1 + i.
  let transactions: (readonly Change[])[] = []
  let first = 0
  let compacted = revision
  let changeCount = 0
  let characters = 0
  let ended: KeelsonError | undefined
  const waiting = new Set<() => void>()

  const newest = () => compacted + transactions.length - first

  function dropOldest(): void {
    const changes = transactions[first]
    assert(changes, 'history is not empty')
    changeCount -= changes.length
    characters -= size(changes)
    transactions[first] = []
    compacted++
    first++
    if (first < 1024 || first * 2 < transactions.length) return
    transactions = transactions.slice(first)
    first = 0
  }

  function wake(): void {
    for (const resume of [...waiting]) resume()
  }

  function untilChanged(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const resume = () => {
        waiting.delete(resume)
        signal.removeEventListener('abort', resume)
        resolve()
      }
      waiting.add(resume)
      signal.addEventListener('abort', resume, { once: true })
    })
  }

  async function* watch(
    prefix: string,
    fromRevision: number,
    signal: AbortSignal,
  ): AsyncGenerator<readonly Change[]> {
    let next = fromRevision
    while (!signal.aborted) {
      if (next <= compacted) throw compactedError(next, compacted)
      const batch: Change[] = []
      for (; next <= newest() && batch.length < BATCH_CHANGES; next++) {
        for (const change of transactions[first + next - compacted - 1] ?? [])
          if (change.key.startsWith(prefix)) batch.push(change)
      }
      if (batch.length > 0) yield batch
      else if (ended) throw ended
      else await untilChanged(signal)
    }
  }

  return {
    get compactedRevision() {
      return compacted
    },
    append(changes) {
      const revision = newest() + 1
      for (const change of changes) assert(change.revision === revision, 'revisions have no gaps')
      transactions.push(changes)
      changeCount += changes.length
      characters += size(changes)
      while (changeCount > maxChanges || characters > maxCharacters) dropOldest()
      wake()
    },
    compact(revision) {
      if (revision > newest())
        throw new KeelsonError(
          'OUT_OF_RANGE',
          `cannot compact up to revision ${revision}, the newest is ${newest()}`,
        )
      while (compacted < revision) dropOldest()
      wake()
    },
    watch,
    end(error) {
      ended ??= error
      wake()
    },
  }
}

function size(changes: readonly Change[]): number {
  let characters = 0
  for (const change of changes) characters += change.key.length + (change.value?.length ?? 0)
  return characters
}

function compactedError(fromRevision: number, compacted: number): KeelsonError {
  return new KeelsonError(
    'OUT_OF_RANGE',
    `changes from revision ${fromRevision} are gone, kept are those after ${compacted}`,
    { reason: 'compacted' },
  )
}
