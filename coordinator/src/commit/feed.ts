/**
 * What was committed, in order, for those who follow: dispatch, controllers and API watches. Keeps
 * a bounded history, so that a watch can resume; one that fell too far behind is told to list anew.
 */
import { KeelsonError } from '@keelson/shared/errors'
import type { RecordKind, RecordTypes, Write } from '../state/index.ts'

/** A write with what it replaced, so that a deletion can show the last state. */
export type Change = Write & { readonly before: RecordTypes[RecordKind] | undefined }

/** One committed transaction. */
export interface Commit {
  readonly revision: number
  readonly changes: readonly Change[]
}

/** A follower's callback; runs in order, once per durable transaction. */
export type Subscriber = (commit: Commit) => void

/** The stream of durable transactions. */
export interface Feed {
  /** Calls `subscriber` for every transaction from now on; returns how to stop. */
  subscribe(subscriber: Subscriber): () => void
  /**
   * Transactions after `revision`, kept ones first, then those to come, until `signal` aborts.
   * Raises OUT_OF_RANGE (reason `compacted`) when some of them are no longer kept, at the start or
   * because the reader is too slow; and what the feed ended with, once it has shown all there is.
   */
  follow(revision: number, signal: AbortSignal): AsyncGenerator<Commit, void, undefined>
}

/** The feed with its one writer. */
export interface WritableFeed extends Feed {
  publish(commit: Commit): void
  /** Nothing will be published any more; followers must not wait for it. */
  end(error: KeelsonError): void
}

/** A feed that begins after `revision` and keeps `capacity` transactions. */
export function createFeed(revision: number, capacity: number): WritableFeed {
  const subscribers = new Set<Subscriber>()
  const kept: Commit[] = []
  const waiting = new Set<() => void>()
  /** Revision before the oldest kept transaction. */
  let forgotten = revision
  let ended: KeelsonError | undefined
  const wakeAll = () => {
    for (const wake of [...waiting]) wake()
  }

  return {
    subscribe(subscriber) {
      subscribers.add(subscriber)
      return () => subscribers.delete(subscriber)
    },
    async *follow(after, signal) {
      let position = after
      while (!signal.aborted) {
        if (position < forgotten)
          throw new KeelsonError(
            'OUT_OF_RANGE',
            `revision ${position} is too old, changes are kept from ${forgotten}`,
            { reason: 'compacted', details: ['list again and watch from there'] },
          )
        const next = kept[firstAfter(kept, position)]
        if (next) {
          position = next.revision
          yield next
          continue
        }
        if (ended) throw ended
        await new Promise<void>((resolve) => {
          const wake = () => {
            waiting.delete(wake)
            signal.removeEventListener('abort', wake)
            resolve()
          }
          waiting.add(wake)
          signal.addEventListener('abort', wake, { once: true })
        })
      }
    },
    publish(commit) {
      kept.push(commit)
      // Dropping half at once keeps the cost of forgetting constant per transaction.
      if (kept.length >= capacity * 2) {
        const dropped = kept.splice(0, capacity)
        forgotten = dropped[dropped.length - 1]!.revision
      }
      for (const subscriber of subscribers) subscriber(commit)
      wakeAll()
    },
    end(error) {
      ended ??= error
      wakeAll()
    },
  }
}

function firstAfter(commits: readonly Commit[], revision: number): number {
  let low = 0
  let high = commits.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (commits[middle]!.revision <= revision) low = middle + 1
    else high = middle
  }
  return low
}
