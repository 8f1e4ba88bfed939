/** Section "numa": which CPUs and how much memory are near each other. */
import type { NumaFacts, NumaNode } from '@keelson/shared/model'
import { readHugePages } from './huge-pages.ts'
import { colonLines, compact, sizeBytes, uint } from './parse.ts'
import type { SysReader } from './reader.ts'
import type { CollectContext } from './section.ts'

const NODES = '/sys/devices/system/node'

/** Numbers of the host's NUMA nodes, ascending. */
export function numaNodeIds(reader: SysReader): readonly number[] {
  return reader
    .names(NODES)
    .flatMap((name) => uint(/^node(\d+)$/.exec(name)?.[1]) ?? [])
    .sort((a, b) => a - b)
}

/** One field of a node's meminfo, such as "MemFree", in bytes. */
export function numaMemory(reader: SysReader, id: number, field: string): number | undefined {
  const text = reader.text(`${NODES}/node${id}/meminfo`) ?? ''
  return sizeBytes(new RegExp(`^Node ${id} ${field}:\\s+(.*)$`, 'm').exec(text)?.[1])
}

/** Reads the section. */
export async function collectNuma({ reader, gap }: CollectContext): Promise<NumaFacts | undefined> {
  const ids = numaNodeIds(reader)
  if (ids.length === 0) {
    gap('', reader.problem(NODES))
    return undefined
  }
  // A lone node has all the memory; its own count lags while a virtual machine's memory grows.
  const whole =
    ids.length > 1 ? undefined : sizeBytes(colonLines(reader.text('/proc/meminfo')).get('MemTotal'))
  return { nodes: ids.map((id) => readNode(reader, gap, id, whole)) }
}

function readNode(
  reader: SysReader,
  gap: CollectContext['gap'],
  id: number,
  whole: number | undefined,
): NumaNode {
  const path = `${NODES}/node${id}`
  const memoryBytes = whole ?? numaMemory(reader, id, 'MemTotal')
  if (memoryBytes === undefined) gap(`nodes[${id}].memoryBytes`, reader.problem(`${path}/meminfo`))
  const distances = (reader.text(`${path}/distance`) ?? '').split(/\s+/)
  return compact({
    id,
    cpus: reader.text(`${path}/cpulist`) ?? '',
    memoryBytes,
    distances: distances.flatMap((text) => uint(text) ?? []),
    hugePages: readHugePages(reader, `${path}/hugepages`, 'nr_hugepages').map(
      ({ pageBytes, count }) => ({ pageBytes, total: count }),
    ),
  })
}
