import type { RebalanceLimits } from '@keelson/shared/model'
import { describe, expect, it } from 'vitest'
import { bandwidthAt, payOff } from './bandwidth.ts'

const MIB = 2 ** 20
const day = (hours: number, minutes = 0) => Date.UTC(2026, 0, 5, hours, minutes)

/** 10 MiB/s, 100 at night from 22:00 to 06:00, none from 12:00 to 13:00. */
const LIMITS: RebalanceLimits = {
  movesPerNode: 1,
  movesPerDomain: 4,
  failureDomain: '',
  bandwidthBytesPerSecond: 10 * MIB,
  windows: [
    { startMinute: 22 * 60, endMinute: 6 * 60, bandwidthBytesPerSecond: 100 * MIB },
    { startMinute: 12 * 60, endMinute: 13 * 60, bandwidthBytesPerSecond: 0 },
  ],
}
const FREE: RebalanceLimits = { ...LIMITS, bandwidthBytesPerSecond: 0, windows: [] }

describe('the bandwidth at a time of day', () => {
  const cases: [time: number, mib: number][] = [
    [day(5, 59), 100],
    [day(6), 10],
    [day(11, 59), 10],
    [day(12), 0],
    [day(13), 10],
    [day(22), 100],
    [day(24), 100],
  ]
  it.each(cases)('%i: %i MiB/s', (time, mib) => {
    expect(bandwidthAt(LIMITS, time)).toBe(mib * MIB)
  })

  it('has no bound without a limit', () => {
    expect(bandwidthAt(FREE, day(9))).toBe(Number.POSITIVE_INFINITY)
  })

  it('is that of a window which lasts the whole day', () => {
    const windows = [{ startMinute: 60, endMinute: 60, bandwidthBytesPerSecond: MIB }]
    for (const hour of [0, 1, 2, 23]) expect(bandwidthAt({ ...FREE, windows }, day(hour))).toBe(MIB)
  })
})

describe('paying off', () => {
  const cases: [name: string, from: number, to: number, mib: number, left: number][] = [
    ['at the usual rate', day(9), day(9, 1), 1000, 400],
    ['nothing left is nothing', day(9), day(9, 10), 1000, 0],
    ['across the beginning of a window', day(21, 59), day(22, 1), 10_000, 10_000 - 600 - 6000],
    ['not in a window that allows none', day(11, 59), day(12, 30), 1000, 400],
    ['again after it', day(12, 30), day(13, 1), 1000, 400],
  ]
  it.each(cases)('%s', (_name, from, to, mib, left) => {
    expect(payOff({ bytes: mib * MIB, at: from }, LIMITS, to)).toEqual({
      bytes: left * MIB,
      at: to,
    })
  })

  it('is at once without a limit', () => {
    expect(payOff({ bytes: 1e15, at: day(9) }, FREE, day(9) + 1).bytes).toBe(0)
  })

  it('in many steps is as in one', () => {
    let debt = { bytes: 50_000 * MIB, at: day(5, 30) }
    const whole = payOff(debt, LIMITS, day(6, 30))
    for (let at = day(5, 30); at <= day(6, 30); at += 7_000) debt = payOff(debt, LIMITS, at)
    expect(payOff(debt, LIMITS, day(6, 30)).bytes).toBeCloseTo(whole.bytes, -3)
  })
})
