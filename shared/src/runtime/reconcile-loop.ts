/**
 * A reconcile loop takes no payload: a trigger says "look again", never what changed. It runs one
 * pass at a time, again if it was triggered meanwhile, and on a timer in case a trigger was lost.
 * A pass that throws is reported and retried with backoff; the pass itself never retries inside.
 */
import { KeelsonError } from '../errors/index.ts'
import { type BackoffOptions, backoffMs } from './backoff.ts'
import type { Clock, Timer } from './clock.ts'
import type { Rng } from './rng.ts'

/** What a loop has been doing, for `debug` output and tests. */
export interface LoopStatus {
  readonly name: string
  readonly passes: number
  readonly running: boolean
  readonly lastStartedAt: number | undefined
  readonly lastDurationMs: number | undefined
  readonly lastError: string | undefined
}

/** How a loop runs. */
export interface LoopOptions {
  readonly name: string
  readonly clock: Clock
  readonly rng: Rng
  /** Longest time between two passes. */
  readonly periodMs: number
  readonly backoff?: BackoffOptions
  /** One pass: read everything anew, do what is missing. */
  readonly pass: (signal: AbortSignal) => Promise<void>
  readonly onError?: (error: KeelsonError) => void
}

/** A running loop. */
export interface ReconcileLoop {
  /** Asks for a pass soon; calls before it starts are one. */
  trigger(): void
  status(): LoopStatus
  /** Aborts the pass under way and waits for it to end. */
  stop(): Promise<void>
}

/** Starts a loop; its first pass begins at once. */
export function startReconcileLoop(options: LoopOptions): ReconcileLoop {
  const { clock, rng, periodMs, name } = options
  const backoff = options.backoff ?? { initialMs: 500, maximumMs: 30_000 }
  const abort = new AbortController()
  let timer: Timer | undefined
  let current: Promise<void> | undefined
  let triggered = false
  let failures = 0
  let passes = 0
  let lastStartedAt: number | undefined
  let lastDurationMs: number | undefined
  let lastError: string | undefined

  const schedule = (delayMs: number) => {
    timer?.cancel()
    timer = clock.after(delayMs, run)
  }
  async function once(): Promise<void> {
    triggered = false
    lastStartedAt = clock.now()
    passes++
    try {
      await options.pass(abort.signal)
      failures = 0
      lastError = undefined
    } catch (error) {
      if (abort.signal.aborted) return
      failures++
      const known = KeelsonError.from(error, 'INTERNAL', `${name} failed`)
      lastError = known.message
      options.onError?.(known)
    } finally {
      lastDurationMs = clock.now() - lastStartedAt
    }
  }
  function run(): void {
    if (abort.signal.aborted || current) return
    timer?.cancel()
    current = once().finally(() => {
      current = undefined
      if (abort.signal.aborted) return
      if (failures > 0) schedule(backoffMs(failures, backoff, rng))
      else schedule(triggered ? 0 : periodMs)
    })
  }
  run()
  return {
    trigger() {
      triggered = true
      if (!current && failures === 0) schedule(0)
    },
    status: () => ({
      name,
      passes,
      running: current !== undefined,
      lastStartedAt,
      lastDurationMs,
      lastError,
    }),
    async stop() {
      timer?.cancel()
      abort.abort(new KeelsonError('CANCELLED', `${name} stopped`))
      await current
    },
  }
}
