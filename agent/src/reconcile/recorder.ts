/**
 * Has it recorded what was made. Like the executor it is offered with each pass all that is due
 * now; it records that in one write, one write at a time, and tries again when one has failed.
 */
import { KeelsonError } from '@keelson/shared/errors'
import type { Logger } from '@keelson/shared/logging'
import { backoffMs, type Clock, type Rng } from '@keelson/shared/runtime'
import type { MadeItem } from '../ledger/index.ts'
import { RETRY, STOP_GRACE_MS } from './executor.ts'
import { waitAtMost } from './patience.ts'

/** What a recorder needs. */
export interface RecorderOptions {
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Pick<Logger, 'warn'>
  /** Records items; they are on the disk when the promise resolves. */
  readonly recordMade: (items: readonly MadeItem[]) => Promise<void>
  /** Called when a write has ended, well or not. */
  readonly onSettled: () => void
}

/** Records what was made. */
export interface Recorder {
  /** Records `due`, unless a write is under way or the last one failed a moment ago. */
  offer(due: readonly MadeItem[]): void
  /** Why what is due is not recorded; undefined if nothing speaks against it. */
  failure(): KeelsonError | undefined
  /** When a failed write may be tried again. */
  nextRetryAt(): number | undefined
  /** Waits until the write under way has ended, 5 s at most. */
  stop(): Promise<void>
}

/** A recorder with nothing to do. */
export function createRecorder(options: RecorderOptions): Recorder {
  const { clock, rng, log } = options
  let writing: Promise<void> | undefined
  let failed: { readonly error: KeelsonError; readonly retryAt: number } | undefined
  let failures = 0
  let stopped = false

  async function write(items: readonly MadeItem[]): Promise<void> {
    try {
      await options.recordMade(items)
      forgive()
    } catch (cause) {
      const error = KeelsonError.from(cause, 'INTERNAL', 'recording failed')
      failures++
      failed = { error, retryAt: clock.now() + backoffMs(failures, RETRY, rng) }
      log.warn({ err: error, items: items.length }, 'what was made cannot be recorded')
    }
  }

  function forgive(): void {
    failed = undefined
    failures = 0
  }

  function settled(): void {
    writing = undefined
    if (!stopped) options.onSettled()
  }

  return {
    offer(due) {
      if (due.length === 0) forgive()
      if (due.length === 0 || stopped || writing) return
      if (failed && failed.retryAt > clock.now()) return
      writing = write(due).then(settled)
    },
    failure: () => failed?.error,
    nextRetryAt: () => (writing ? undefined : failed?.retryAt),
    async stop() {
      stopped = true
      if (writing) await waitAtMost(clock, STOP_GRACE_MS, writing)
    },
  }
}
