/** Readings: what moves by itself. Cheap enough to go with a heartbeat. */
import type {
  Gap,
  HardwareReadings,
  LinkReading,
  LoadReading,
  MemoryReading,
  NumaReading,
} from '@keelson/shared/model'
import type { Clock } from '@keelson/shared/runtime'
import { clockService } from './clock-sync.ts'
import { readHugePages } from './huge-pages.ts'
import { linkNames } from './nics.ts'
import { numaMemory, numaNodeIds } from './numa.ts'
import { colonLines, compact, sizeBytes, uint } from './parse.ts'
import type { SysReader } from './reader.ts'

/** Takes the readings of a host. */
export function readReadings(reader: SysReader, clock: Clock, node: string): HardwareReadings {
  const gaps: Gap[] = []
  const gap = (path: string, file: string) => gaps.push({ path, reason: reader.problem(file) })
  const memory = readMemory(reader)
  if (memory.totalBytes === undefined) gap('memory', '/proc/meminfo')
  const load = readLoad(reader)
  if (load === undefined) gap('load', '/proc/loadavg')
  const uptime = /^\d+(\.\d+)?/.exec(reader.text('/proc/uptime') ?? '')?.[0]
  if (uptime === undefined) gap('uptimeSeconds', '/proc/uptime')
  const { synchronized, lastSyncAt, problem } = clockService(reader)
  if (problem !== undefined) gaps.push({ path: 'clock.synchronized', reason: problem })
  gaps.push({ path: 'clock.offsetUs', reason: 'the kernel tells it by a system call only' })
  return compact({
    node,
    collectedAt: clock.now(),
    memory,
    load,
    uptimeSeconds: uptime === undefined ? undefined : Number(uptime),
    clock: compact({ synchronized, lastSyncAt }),
    numa: numaNodeIds(reader).map((id) => readNuma(reader, id)),
    links: linkNames(reader).flatMap((name) => readLink(reader, name) ?? []),
    gaps,
  })
}

function readMemory(reader: SysReader): MemoryReading {
  const meminfo = colonLines(reader.text('/proc/meminfo'))
  return compact({
    totalBytes: sizeBytes(meminfo.get('MemTotal')),
    freeBytes: sizeBytes(meminfo.get('MemFree')),
    availableBytes: sizeBytes(meminfo.get('MemAvailable')),
    swapTotalBytes: sizeBytes(meminfo.get('SwapTotal')),
    swapFreeBytes: sizeBytes(meminfo.get('SwapFree')),
  })
}

function readLoad(reader: SysReader): LoadReading | undefined {
  const match = /^([\d.]+) ([\d.]+) ([\d.]+) /.exec(reader.text('/proc/loadavg') ?? '')
  if (!match) return undefined
  const [oneMinute, fiveMinutes, fifteenMinutes] = match.slice(1).map(Number)
  return { oneMinute: oneMinute!, fiveMinutes: fiveMinutes!, fifteenMinutes: fifteenMinutes! }
}

function readNuma(reader: SysReader, id: number): NumaReading {
  const path = `/sys/devices/system/node/node${id}/hugepages`
  return compact({
    id,
    freeBytes: numaMemory(reader, id, 'MemFree'),
    hugePages: readHugePages(reader, path, 'free_hugepages').map(({ pageBytes, count }) => ({
      pageBytes,
      free: count,
    })),
  })
}

function readLink(reader: SysReader, name: string): LinkReading | undefined {
  const carrierChanges = uint(reader.text(`/sys/class/net/${name}/carrier_changes`))
  return carrierChanges === undefined ? undefined : { name, carrierChanges }
}
