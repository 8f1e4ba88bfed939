/**
 * The life of the agent's connection, as a pure state machine: every method is told the time, none
 * looks at a clock, waits, or touches a connection. Whoever drives it performs what `run` says and
 * reports what came of it. So a whole day of bad network is a table in a test.
 *
 *     Void ─start→ Backoff ─run→ Connecting ─welcomed→ Active
 *                     ↑               │ failed            │ failed
 *                     └───────────────┴───────────────────┘        stop, or superseded → Closed
 */
import { assert, type Code } from '@keelson/shared/errors'
import { type BackoffOptions, backoffMs, type Rng } from '@keelson/shared/runtime'

/** Where the connection is. */
export type ConnectionState = 'Void' | 'Backoff' | 'Connecting' | 'Active' | 'Closed'

/** What is to be done now. A `Disconnect` is answered with `failed`, like any other end. */
export type ConnectionAction = 'Connect' | 'Disconnect' | 'Heartbeat'

/** Limits of the machine. */
export interface ConnectionLimits {
  /** Waits between tries. Default 200 ms to 5 s. */
  readonly backoff?: BackoffOptions
  /** Wait after an answer that another try soon will not change. Default 30 s. */
  readonly slowRetryMs?: number
  /** From the beginning of a try to the coordinator's welcome. Default 30 s. */
  readonly connectTimeoutMs?: number
}

/** The state machine of one connection. */
export interface ConnectionMachine {
  state(): ConnectionState
  /** Ends of connections in a row, none of which stood for long. */
  failures(): number
  /** Begins to try. */
  start(now: number): void
  /** The coordinator has welcomed the agent. */
  welcomed(now: number, heartbeatIntervalMs: number): void
  /** The try or the connection has ended, for a reason of this code. */
  failed(now: number, code: Code): void
  /** Something has changed that makes the next try worth while at once. */
  hurry(now: number): void
  /** Never again. */
  stop(): void
  /** What to do now, if anything. Each action is said once. */
  run(now: number): ConnectionAction | undefined
  /** When `run` has something to say next; undefined when only an event can change that. */
  wakeAt(): number | undefined
}

/** Answers that stay the same until somebody changes something. */
const LASTING: ReadonlySet<Code> = new Set<Code>([
  'PERMISSION_DENIED',
  'UNAUTHENTICATED',
  'FAILED_PRECONDITION',
  'INVALID_ARGUMENT',
  'UNIMPLEMENTED',
  'ALREADY_EXISTS',
])
/** A connection that stood this long was a good one: the next try comes soon. */
const STABLE_MS = 5_000
/** A session ended in favour of a newer one this soon after its start counts as a contest. */
const CONTEST_MS = 60_000
/**
 * One lost contest may be our own: a coordinator that was stopped for a while finds the old and the
 * new connection of one agent at once, and may take them in the wrong order. Three in a row are
 * not.
 */
const CONTESTS_LOST = 3

/** A machine in state Void; `rng` spreads the tries of many agents. */
export function createConnectionMachine(
  rng: Pick<Rng, 'next'>,
  limits: ConnectionLimits = {},
): ConnectionMachine {
  const backoff = limits.backoff ?? { initialMs: 200, maximumMs: 5_000 }
  const slowRetryMs = limits.slowRetryMs ?? 30_000
  const connectTimeoutMs = limits.connectTimeoutMs ?? 30_000
  let state: ConnectionState = 'Void'
  let wakeAt: number | undefined
  let enteredAt = 0
  let heartbeatIntervalMs = 0
  let failures = 0
  let contestsLost = 0

  function enter(next: ConnectionState, now: number, wake: number | undefined): void {
    state = next
    enteredAt = now
    wakeAt = wake
  }

  return {
    state: () => state,
    failures: () => failures,
    wakeAt: () => wakeAt,
    start(now) {
      assert(state === 'Void', `started while ${state}`)
      enter('Backoff', now, now)
    },
    welcomed(now, intervalMs) {
      if (state !== 'Connecting') return
      heartbeatIntervalMs = Math.max(100, intervalMs)
      enter('Active', now, now + heartbeatIntervalMs)
    },
    failed(now, code) {
      if (state !== 'Connecting' && state !== 'Active') return
      const stoodMs = state === 'Active' ? now - enteredAt : 0
      if (stoodMs >= STABLE_MS) failures = 0
      failures++
      contestsLost = code === 'ABORTED' ? (stoodMs < CONTEST_MS ? contestsLost : 0) + 1 : 0
      if (contestsLost >= CONTESTS_LOST) return enter('Closed', now, undefined)
      const slow = { initialMs: slowRetryMs, maximumMs: slowRetryMs }
      const delayMs = backoffMs(failures, LASTING.has(code) ? slow : backoff, rng as Rng)
      enter('Backoff', now, now + delayMs)
    },
    hurry(now) {
      if (state === 'Backoff') wakeAt = now
    },
    stop() {
      enter('Closed', enteredAt, undefined)
    },
    run(now) {
      if (wakeAt === undefined || now < wakeAt) return undefined
      switch (state) {
        case 'Backoff':
          enter('Connecting', now, now + connectTimeoutMs)
          return 'Connect'
        case 'Connecting':
          wakeAt = undefined
          return 'Disconnect'
        case 'Active':
          wakeAt = now + heartbeatIntervalMs
          return 'Heartbeat'
        default:
          return undefined
      }
    },
  }
}
