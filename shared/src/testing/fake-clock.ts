/**
 * A clock for tests and for the simulation. Time stands still until `advance`, so a test of a
 * backoff takes no time and the same seed gives the same run.
 *
 * Timers fire in order of their time, and in order of creation where that is equal. Around each
 * timer every promise that can go on does go on: a turn of the event loop lets all of them run, as
 * long as they wait for nothing but each other and this clock. Code that waits for a file or a
 * socket needs the real clock.
 */
import { assert } from '../errors/index.ts'
import type { Clock, Timer } from '../runtime/index.ts'

/** A clock under the test's control. */
export interface FakeClock extends Clock {
  /** Lets everything that is ready go on, without moving time; timers that are due do fire. */
  settle(): Promise<void>
  /** Moves time on by `durationMs`, firing each timer at its own moment. */
  advance(durationMs: number): Promise<void>
  /** When the next timer fires; undefined if there is none. */
  nextTimerAt(): number | undefined
}

/** More timers than this at one instant are a loop that never waits. */
const TIMERS_PER_INSTANT = 100_000

/** A clock that begins at `now` (default: 2026-01-01T00:00:00Z). */
export function createFakeClock(options: { readonly now?: number } = {}): FakeClock {
  let now = options.now ?? Date.UTC(2026, 0, 1)
  let created = 0
  let advancing = false
  const timers = new Map<number, { readonly at: number; readonly callback: () => void }>()

  function after(delayMs: number, callback: () => void): Timer {
    assert(!Number.isNaN(delayMs), 'a timer needs a number of milliseconds')
    const id = created++
    timers.set(id, { at: now + Math.max(0, delayMs), callback })
    return { cancel: () => timers.delete(id) }
  }

  /** The timer to fire next: earliest first, then the one created first. */
  function next(): { readonly id: number; readonly at: number } | undefined {
    let first: { id: number; at: number } | undefined
    for (const [id, { at }] of timers) if (!first || at < first.at) first = { id, at }
    return first
  }

  async function advance(durationMs: number): Promise<void> {
    assert(!advancing, 'the clock is being advanced already')
    advancing = true
    try {
      const end = now + durationMs
      await turn()
      let firedAtThisInstant = 0
      for (let timer = next(); timer !== undefined && timer.at <= end; timer = next()) {
        firedAtThisInstant = timer.at > now ? 0 : firedAtThisInstant + 1
        assert(firedAtThisInstant < TIMERS_PER_INSTANT, 'timers that wait for nothing never end')
        now = Math.max(now, timer.at)
        const { callback } = timers.get(timer.id) ?? {}
        timers.delete(timer.id)
        callback?.()
        await turn()
      }
      now = end
    } finally {
      advancing = false
    }
  }

  return {
    now: () => now,
    after,
    advance,
    settle: () => advance(0),
    nextTimerAt: () => next()?.at,
  }
}

/** All promises that can settle have done so before the event loop comes around. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
