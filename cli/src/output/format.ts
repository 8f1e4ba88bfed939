/** Sizes, times and counts for people. What is not known is empty; tables show it as "-". */
import { formatSize } from '@keelson/shared/model'

/** A size in binary units, as one word that can be given back: "1.5GiB". */
export function size(sizeBytes: bigint | number | undefined): string {
  return sizeBytes === undefined ? '' : formatSize(Number(sizeBytes)).replace(/(\.0)? /, '')
}

/** A size followed by its exact bytes: "1.5GiB (1610612736 bytes)". */
export function exactSize(sizeBytes: bigint | number | undefined): string {
  return sizeBytes === undefined ? '' : `${size(sizeBytes)} (${sizeBytes} bytes)`
}

/** A number, or empty when it is not known. */
export function count(value: bigint | number | undefined): string {
  return value === undefined ? '' : String(value)
}

/** "yes", "no", or empty when it is not known. */
export function yesNo(value: boolean | undefined): string {
  return value === undefined ? '' : value ? 'yes' : 'no'
}

/** How long ago, in one or two units: "42s", "5m12s", "3h20m", "6d4h", "80d". */
export function age(time: Date | undefined, nowMs: number): string {
  if (time === undefined) return ''
  const seconds = Math.floor(Math.max(0, nowMs - time.getTime()) / 1_000)
  return duration(seconds * 1_000)
}

/** How far away a time is: "in 3h20m", or "expired". */
export function until(time: Date | undefined, nowMs: number): string {
  if (time === undefined) return ''
  const seconds = Math.ceil((time.getTime() - nowMs) / 1_000)
  return seconds <= 0 ? 'expired' : `in ${duration(seconds * 1_000)}`
}

/** A duration in at most two units: "950ms", "42s", "5m12s". */
export function duration(durationMs: number): string {
  if (durationMs < 1_000) return durationMs === 0 ? '0s' : `${Math.round(durationMs)}ms`
  const seconds = Math.floor(durationMs / 1_000)
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's')
  if (minutes < 180) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return two(hours, 'h', minutes % 60, 'm')
  const days = Math.floor(hours / 24)
  return days < 14 ? two(days, 'd', hours % 24, 'h') : `${days}d`
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`
}

/** A time to the second where the user is: "2026-05-01 13:37:00". */
export function timestamp(time: Date | undefined): string {
  if (time === undefined) return ''
  const pad = (value: number) => String(value).padStart(2, '0')
  const date = `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())}`
  return `${date} ${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}`
}

/** A time with how long ago it was: "2026-05-01 13:37:00 (42s ago)". */
export function timeAndAge(time: Date | undefined, nowMs: number): string {
  return time === undefined ? '' : `${timestamp(time)} (${age(time, nowMs)} ago)`
}

/** Labels as they are written on the command line: "rack=a,tier=gold". */
export function labels(values: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(values ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => (value === '' ? key : `${key}=${value}`))
    .join(',')
}

/** Different words joined by commas, without the empty ones. */
export function distinct(words: readonly string[]): string {
  return [...new Set(words.filter((word) => word !== ''))].join(',')
}
