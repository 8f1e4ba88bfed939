/**
 * How much a rebalance may copy, as a debt: a move that begins owes its bytes at once, and time
 * pays them off at the bandwidth of the hour. The next one begins when nothing is owed. So the
 * average is kept, whatever the speed of a single copy is.
 */
import type { RebalanceLimits } from '@keelson/shared/model'
import type { RebalanceRecord } from '../state/index.ts'

/** What is owed since when. */
export type Debt = RebalanceRecord['owed']

const MINUTE_MS = 60_000
const MINUTES_OF_DAY = 24 * 60

/** Bytes per second at a time; 0 allows none, Infinity any. The first matching window counts. */
export function bandwidthAt(
  { bandwidthBytesPerSecond, windows }: RebalanceLimits,
  time: number,
): number {
  const minute = Math.floor(time / MINUTE_MS) % MINUTES_OF_DAY
  const window = windows.find(({ endMinute, startMinute }) =>
    startMinute < endMinute
      ? startMinute <= minute && minute < endMinute
      : startMinute <= minute || minute < endMinute,
  )
  if (window) return window.bandwidthBytesPerSecond
  return bandwidthBytesPerSecond === 0 ? Number.POSITIVE_INFINITY : bandwidthBytesPerSecond
}

/** What is still owed at `now`. */
export function payOff(debt: Debt, limits: RebalanceLimits, now: number): Debt {
  let { at, bytes } = debt
  while (bytes > 0 && at < now) {
    const end = Math.min(now, (Math.floor(at / MINUTE_MS) + 1) * MINUTE_MS)
    bytes -= (bandwidthAt(limits, at) * (end - at)) / 1000
    at = end
  }
  return { bytes: Math.max(0, bytes), at: now }
}
