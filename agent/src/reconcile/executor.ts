/**
 * Starts steps and remembers how they ended. It makes no plans and keeps no queue: with every pass
 * it is offered all the steps that are wanted now, and starts those that can start. What cannot
 * start yet is simply offered again, so nothing stale is ever waiting to be done.
 *
 * A step can start when it is not running already, when none that is running shares a lock with it,
 * when its last failure is long enough ago, and when there is room. Steps that copy whole volumes
 * have room of their own, so that hours of copying hold up nothing else.
 */
import { KeelsonError } from '@keelson/shared/errors'
import { type BackoffOptions, backoffMs, type Clock, type Rng } from '@keelson/shared/runtime'
import type { CallOptions, CopyProgress } from '../storage/driver.ts'
import { waitAtMost } from './patience.ts'
import type { StepResult } from './perform.ts'
import { type ItemKey, locksOf, mayCopy, type Step, type StepLocks, wishOf } from './step.ts'

/** How a step ended. */
export type StepOutcome =
  | { readonly ok: true; readonly result: StepResult }
  | { readonly ok: false; readonly error: KeelsonError; readonly cancelled: boolean }

/** A step that is under way. */
export interface RunningStep {
  readonly step: Step
  readonly startedAt: number
  readonly progress: CopyProgress | undefined
}

/** A step that failed, until it succeeds or something else is wanted. */
export interface FailedStep {
  readonly step: Step
  readonly error: KeelsonError
  readonly failures: number
  readonly retryAt: number
}

/** What an executor needs. */
export interface ExecutorOptions {
  readonly clock: Clock
  readonly rng: Rng
  readonly perform: (step: Step, options: CallOptions) => Promise<StepResult>
  /** Called once for each started step, when nothing of it is running any more. */
  readonly onSettled: (step: Step, outcome: StepOutcome) => void
  /** A copy has got on; at most every two seconds per step. */
  readonly onProgress: () => void
  /** Steps at once; 8 unless told, and half as many copies besides. */
  readonly concurrency?: number
  /** Waits after failures; 1 s to 60 s unless told. */
  readonly backoff?: BackoffOptions
}

/** Runs steps. */
export interface Executor {
  /**
   * Starts what can start of `wanted`, in this order. Failures of items that are neither wanted nor
   * in `keep` are forgotten.
   */
  offer(wanted: readonly Step[], keep?: ReadonlySet<ItemKey>): void
  running(item: ItemKey): RunningStep | undefined
  /** The last failure of this very step; another wish of the item has a clean slate. */
  failure(step: Step): FailedStep | undefined
  /** Aborts the item's running step. */
  cancel(item: ItemKey, reason: string): void
  /** Steps of the last offer that were never tried. */
  untried(): number
  /** When the next failed step may be tried again. */
  nextRetryAt(): number | undefined
  status(): { readonly running: readonly RunningStep[]; readonly failed: readonly FailedStep[] }
  /** Aborts everything and waits until it has ended, 5 s at most. */
  stop(): Promise<void>
}

/** How long a stop waits for what is under way. */
export const STOP_GRACE_MS = 5_000
/** Waits after failures. */
export const RETRY: BackoffOptions = { initialMs: 1_000, maximumMs: 60_000 }
/** How often the progress of a copy is news. */
const PROGRESS_MS = 2_000
/** A step that succeeded and is wanted again at once did not do what it should: no tight loop. */
const REPEAT_MS = 5_000

interface Running extends RunningStep {
  progress: CopyProgress | undefined
  readonly locks: StepLocks
  readonly abort: AbortController
  readonly ended: Promise<void>
}

/** An executor with nothing to do. */
export function createExecutor(options: ExecutorOptions): Executor {
  const { clock, rng } = options
  const backoff = options.backoff ?? RETRY
  const concurrency = options.concurrency ?? 8
  const running = new Map<ItemKey, Running>()
  const failed = new Map<ItemKey, FailedStep>()
  const done = new Map<ItemKey, { readonly wish: string; readonly at: number }>()
  let untried = 0
  let stopped = false

  function failureOf(step: Step): FailedStep | undefined {
    const failure = failed.get(step.item)
    return failure && wishOf(failure.step) === wishOf(step) ? failure : undefined
  }

  function wasJustDone(step: Step): boolean {
    const last = done.get(step.item)
    return last?.wish === wishOf(step) && clock.now() - last.at < REPEAT_MS
  }

  function canStart(step: Step): boolean {
    if (running.has(step.item) || wasJustDone(step)) return false
    if ((failureOf(step)?.retryAt ?? 0) > clock.now()) return false
    const locks = locksOf(step)
    const copies = mayCopy(step)
    let sameLane = 0
    for (const other of running.values()) {
      if (mayCopy(other.step) === copies) sameLane++
      if (other.step.pool.uid === step.pool.uid && exclude(locks, other.locks)) return false
    }
    return sameLane < (copies ? Math.ceil(concurrency / 2) : concurrency)
  }

  function start(step: Step): void {
    const abort = new AbortController()
    const startedAt = clock.now()
    let notedAt = startedAt
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    const entry: Running = {
      step,
      startedAt,
      progress: undefined,
      locks: locksOf(step),
      abort,
      ended,
    }
    running.set(step.item, entry)
    const onProgress = (progress: CopyProgress) => {
      entry.progress = progress
      if (clock.now() - notedAt < PROGRESS_MS) return
      notedAt = clock.now()
      options.onProgress()
    }
    void attempt(step, { signal: abort.signal, onProgress }).then((outcome) => {
      running.delete(step.item)
      remember(step, outcome)
      end()
      if (!stopped) options.onSettled(step, outcome)
    })
  }

  async function attempt(step: Step, call: CallOptions): Promise<StepOutcome> {
    try {
      return { ok: true, result: await options.perform(step, call) }
    } catch (cause) {
      const cancelled = call.signal?.aborted ?? false
      const error = KeelsonError.from(cause, 'INTERNAL', `${step.type} failed`)
      return { ok: false, error, cancelled }
    }
  }

  function remember(step: Step, outcome: StepOutcome): void {
    const before = failureOf(step)
    failed.delete(step.item)
    if (outcome.ok) done.set(step.item, { wish: wishOf(step), at: clock.now() })
    if (outcome.ok || outcome.cancelled) return
    const failures = (before?.failures ?? 0) + 1
    const retryAt = clock.now() + backoffMs(failures, backoff, rng)
    failed.set(step.item, { step, error: outcome.error, failures, retryAt })
  }

  return {
    offer(wanted, keep) {
      if (stopped) return
      const items = new Set(wanted.map(({ item }) => item))
      for (const item of failed.keys())
        if (!items.has(item) && !keep?.has(item) && !running.has(item)) failed.delete(item)
      for (const [item, { at }] of done) if (clock.now() - at >= REPEAT_MS) done.delete(item)
      untried = 0
      for (const step of wanted) {
        if (canStart(step)) start(step)
        else if (!running.has(step.item) && !failureOf(step) && !wasJustDone(step)) untried++
      }
    },
    running: (item) => running.get(item),
    failure: failureOf,
    cancel(item, reason) {
      running.get(item)?.abort.abort(new KeelsonError('CANCELLED', reason))
    },
    untried: () => untried,
    nextRetryAt() {
      const times = [...failed.values()].map(({ retryAt }) => retryAt)
      return times.length === 0 ? undefined : Math.min(...times)
    },
    status: () => ({
      running: [...running.values()].map(({ step, startedAt, progress }) => ({
        step,
        startedAt,
        progress,
      })),
      failed: [...failed.values()],
    }),
    async stop() {
      stopped = true
      const reason = new KeelsonError('CANCELLED', 'the agent stops')
      const ends = [...running.values()].map(({ abort, ended }) => {
        abort.abort(reason)
        return ended
      })
      // A call that is stuck in the kernel is not waited for.
      await waitAtMost(clock, STOP_GRACE_MS, Promise.all(ends))
    },
  }
}

function exclude(a: StepLocks, b: StepLocks): boolean {
  return a.poolExclusive || b.poolExclusive || a.keys.some((key) => b.keys.includes(key))
}
