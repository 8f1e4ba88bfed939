/**
 * Whether the clock is in step. The kernel's own answer (adjtimex) is a system call without a file,
 * so this goes by what the service that keeps the clock leaves behind, and says so where it leaves
 * nothing.
 */
import { hostFile } from './host-files.ts'
import type { SysReader } from './reader.ts'

/** What is known of the clock. */
export interface ClockState {
  /** Service that keeps the clock; empty if none is seen. */
  readonly service: string
  readonly synchronized?: boolean
  readonly lastSyncAt?: number
  /** Why `synchronized` is absent. */
  readonly problem?: string
}

const TIMESYNC = '/run/systemd/timesync'
/** What a running service keeps below /run. */
const SERVICES: readonly (readonly [file: string, service: string])[] = [
  ['/run/chrony/chronyd.pid', 'chrony'],
  ['/run/chronyd.pid', 'chrony'],
  ['/run/ntpd.pid', 'ntpd'],
  ['/run/ntpsec/ntpd.pid', 'ntpd'],
]

/** Reads it. */
export function clockService(reader: SysReader): ClockState {
  const timesync = hostFile(reader, TIMESYNC)
  if (reader.exists(timesync)) {
    // timesyncd touches this file each time it sets the clock, and only then makes it.
    const stamp = reader.stamp(`${timesync}/synchronized`)
    const service = 'systemd-timesyncd'
    if (stamp === undefined) return { service, synchronized: false }
    return { service, synchronized: true, lastSyncAt: Math.round(Number.parseFloat(stamp)) }
  }
  const service = SERVICES.find(([file]) => reader.exists(hostFile(reader, file)))?.[1]
  return service === undefined
    ? { service: '', problem: 'no time service was seen below /run, and the kernel has no file' }
    : { service, problem: `${service} keeps its state to itself` }
}
