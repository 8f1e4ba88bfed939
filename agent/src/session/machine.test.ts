import type { Code } from '@keelson/shared/errors'
import { seededRng } from '@keelson/shared/runtime'
import { describe, expect, it } from 'vitest'
import { createConnectionMachine } from './machine.ts'

/** Chance that always says the most: waits are their ceilings. */
const longest = { next: () => 1 }

/**
 * Plays a script of "<milliseconds> <event> [argument]" lines. Before each event the machine runs
 * whenever it asked to; the transcript has one line per event and per action.
 */
function play(script: string): string {
  const machine = createConnectionMachine(longest)
  const lines: string[] = []
  const note = (now: number, what: string) => {
    const wake = machine.wakeAt()
    const wait = wake === undefined ? 'waits for an event' : `wakes at ${wake}`
    lines.push(`${String(now).padStart(6)} ${what.padEnd(28)} ${machine.state()}, ${wait}`)
  }
  const runUntil = (until: number) => {
    for (let wake = machine.wakeAt(); wake !== undefined && wake <= until; wake = machine.wakeAt())
      note(wake, `  => ${machine.run(wake)}`)
  }
  for (const line of script.trim().split('\n')) {
    const [time = '', event = '', argument = ''] = line.trim().split(/\s+/)
    const now = Number(time)
    runUntil(now - 1)
    if (event === 'start') machine.start(now)
    if (event === 'welcomed') machine.welcomed(now, Number(argument))
    if (event === 'failed') machine.failed(now, argument as Code)
    if (event === 'hurry') machine.hurry(now)
    if (event === 'stop') machine.stop()
    note(now, `${event} ${argument}`)
    runUntil(now)
  }
  return `\n${lines.join('\n')}\n`
}

describe('the connection machine', () => {
  it('connects, beats, and comes back soon after a good connection', () => {
    expect(
      play(`
        0     start
        40    welcomed 2000
        7000  failed UNAVAILABLE
        7300  welcomed 2000
        7301  stop`),
    ).toBe(`
     0 start                        Backoff, wakes at 0
     0   => Connect                 Connecting, wakes at 30000
    40 welcomed 2000                Active, wakes at 2040
  2040   => Heartbeat               Active, wakes at 4040
  4040   => Heartbeat               Active, wakes at 6040
  6040   => Heartbeat               Active, wakes at 8040
  7000 failed UNAVAILABLE           Backoff, wakes at 7200
  7200   => Connect                 Connecting, wakes at 37200
  7300 welcomed 2000                Active, wakes at 9300
  7301 stop                         Closed, waits for an event
`)
  })

  it('doubles its waits up to the limit, also when it is welcomed and dropped at once', () => {
    expect(
      play(`
        0     start
        10    failed UNAVAILABLE
        220   failed UNAVAILABLE
        700   welcomed 2000
        800   failed UNAVAILABLE
        1700  failed UNAVAILABLE
        3400  failed UNAVAILABLE
        6700  failed UNAVAILABLE
        11800 failed UNAVAILABLE`),
    ).toBe(`
     0 start                        Backoff, wakes at 0
     0   => Connect                 Connecting, wakes at 30000
    10 failed UNAVAILABLE           Backoff, wakes at 210
   210   => Connect                 Connecting, wakes at 30210
   220 failed UNAVAILABLE           Backoff, wakes at 620
   620   => Connect                 Connecting, wakes at 30620
   700 welcomed 2000                Active, wakes at 2700
   800 failed UNAVAILABLE           Backoff, wakes at 1600
  1600   => Connect                 Connecting, wakes at 31600
  1700 failed UNAVAILABLE           Backoff, wakes at 3300
  3300   => Connect                 Connecting, wakes at 33300
  3400 failed UNAVAILABLE           Backoff, wakes at 6600
  6600   => Connect                 Connecting, wakes at 36600
  6700 failed UNAVAILABLE           Backoff, wakes at 11700
 11700   => Connect                 Connecting, wakes at 41700
 11800 failed UNAVAILABLE           Backoff, wakes at 16800
`)
  })

  it('gives up a try that is never welcomed', () => {
    expect(
      play(`
        0     start
        30001 failed DEADLINE_EXCEEDED`),
    ).toBe(`
     0 start                        Backoff, wakes at 0
     0   => Connect                 Connecting, wakes at 30000
 30000   => Disconnect              Connecting, waits for an event
 30001 failed DEADLINE_EXCEEDED     Backoff, wakes at 30201
`)
  })

  it('asks rarely where the answer will stay the same, and at once when told to hurry', () => {
    expect(
      play(`
        0     start
        10    failed PERMISSION_DENIED
        500   hurry
        510   failed UNAUTHENTICATED`),
    ).toBe(`
     0 start                        Backoff, wakes at 0
     0   => Connect                 Connecting, wakes at 30000
    10 failed PERMISSION_DENIED     Backoff, wakes at 30010
   500 hurry                        Backoff, wakes at 500
   500   => Connect                 Connecting, wakes at 30500
   510 failed UNAUTHENTICATED       Backoff, wakes at 30510
`)
  })

  it('leaves the field to another agent after three lost contests', () => {
    expect(
      play(`
        0     start
        10    welcomed 60000
        20    failed ABORTED
        300   welcomed 60000
        310   failed ABORTED
        800   welcomed 60000
        900   failed ABORTED`),
    ).toBe(`
     0 start                        Backoff, wakes at 0
     0   => Connect                 Connecting, wakes at 30000
    10 welcomed 60000               Active, wakes at 60010
    20 failed ABORTED               Backoff, wakes at 220
   220   => Connect                 Connecting, wakes at 30220
   300 welcomed 60000               Active, wakes at 60300
   310 failed ABORTED               Backoff, wakes at 710
   710   => Connect                 Connecting, wakes at 30710
   800 welcomed 60000               Active, wakes at 60800
   900 failed ABORTED               Closed, waits for an event
`)
  })

  it('does not take a lost contest after a long session for a second agent', () => {
    const machine = createConnectionMachine(longest)
    machine.start(0)
    for (let now = 0; now < 1e6; now += 100_000) {
      expect(machine.run(now + 50)).toBe('Connect')
      machine.welcomed(now + 50, 1_000)
      machine.failed(now + 90_000, 'ABORTED')
      expect(machine.state()).toBe('Backoff')
    }
  })

  it('spreads the tries of many agents', () => {
    const waits = Array.from({ length: 100 }, (_, seed) => {
      const machine = createConnectionMachine(seededRng(seed))
      machine.start(0)
      machine.run(0)
      machine.failed(0, 'UNAVAILABLE')
      return machine.wakeAt() ?? 0
    })
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(100)
    expect(Math.max(...waits)).toBeLessThanOrEqual(200)
    expect(new Set(waits).size).toBeGreaterThan(40)
  })

  it('ignores what comes too late', () => {
    const machine = createConnectionMachine(longest)
    machine.failed(0, 'UNAVAILABLE')
    machine.welcomed(0, 1_000)
    expect(machine.state()).toBe('Void')
    machine.start(0)
    machine.welcomed(0, 1_000)
    expect(machine.state()).toBe('Backoff')
    machine.stop()
    machine.failed(1, 'ABORTED')
    machine.hurry(1)
    expect(machine.run(1e9)).toBeUndefined()
    expect(machine.state()).toBe('Closed')
  })
})
