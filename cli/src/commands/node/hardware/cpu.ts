/** Processors and NUMA nodes. */
import {
  type CpuCache,
  type CpuFacts,
  type CpuPackage,
  cpuCacheKindToJSON,
  type HardwareReadings,
  type NumaFacts,
  type NumaNode,
} from '@keelson/shared/api'
import { type Column, count, type Description, size, word } from '../../../output/index.ts'

/** Sockets, caches, features, vulnerabilities. */
export function describeCpu(
  cpu: CpuFacts,
  to: Description,
  { wide }: { readonly wide: boolean },
): void {
  const offline = cpu.cpus.filter(({ online }) => !online)
  to.fields([
    ['Architecture', cpu.architecture ?? ''],
    ['Sockets', count(cpu.sockets)],
    ['Cores', count(cpu.cores)],
    ['Threads', count(cpu.threads)],
    ['Multithreading (SMT)', cpu.smt ?? ''],
    ['Offline', offline.map(({ id }) => id).join(', ')],
    ['Isolated', cpuList(cpu, ({ isolated }) => isolated)],
    ['Tickless', cpuList(cpu, ({ tickless }) => tickless)],
    ['Governor', [...new Set(cpu.cpus.flatMap(({ governor }) => governor ?? []))].join(', ')],
    ['Address bits', addressBits(cpu)],
    ['Features', wide ? cpu.flags.join(' ') : `${cpu.flags.length} (-o wide lists them)`],
  ])
  to.table(packageColumns, cpu.packages)
  to.section('Caches:', (inner) => inner.table(cacheColumns, cachesByKind(cpu.caches)))
  const vulnerabilities = Object.entries(cpu.vulnerabilities).sort(([a], [b]) => (a < b ? -1 : 1))
  const shown = wide ? vulnerabilities : vulnerabilities.filter(([, state]) => isVulnerable(state))
  to.section(wide ? 'Vulnerabilities:' : 'Vulnerable to:', (inner) =>
    inner.fields(
      shown.map(([name, state]) => [name, state, isVulnerable(state) ? 'bad' : 'plain'] as const),
    ),
  )
}

function isVulnerable(state: string): boolean {
  return /^vulnerable/i.test(state)
}

function cpuList(cpu: CpuFacts, which: (cpu: CpuFacts['cpus'][number]) => boolean): string {
  return cpu.cpus
    .filter(which)
    .map(({ id }) => id)
    .join(',')
}

function addressBits({ physicalAddressBits, virtualAddressBits }: CpuFacts): string {
  if (physicalAddressBits === undefined || virtualAddressBits === undefined) return ''
  return `${physicalAddressBits} physical, ${virtualAddressBits} virtual`
}

const packageColumns: readonly Column<CpuPackage>[] = [
  { title: 'SOCKET', cell: ({ id }) => count(id), right: true },
  { title: 'CORES', cell: ({ cores }) => count(cores), right: true },
  { title: 'THREADS', cell: ({ threads }) => count(threads), right: true },
  { title: 'BASE', cell: ({ baseKhz }) => frequency(baseKhz), right: true },
  { title: 'MAX', cell: ({ maxKhz }) => frequency(maxKhz), right: true },
  {
    title: 'FAMILY/MODEL/STEPPING',
    cell: ({ family, model, stepping }) =>
      [family, model, stepping].every((part) => part === undefined)
        ? ''
        : [family, model, stepping].map((part) => part ?? '?').join('/'),
  },
  { title: 'MICROCODE', cell: ({ microcode }) => microcode ?? '' },
  { title: 'VENDOR', cell: ({ vendor }) => vendor ?? '', wide: true },
  { title: 'MODEL', cell: ({ modelName }) => modelName ?? '' },
]

function frequency(khz: number | undefined): string {
  return khz === undefined ? '' : `${(khz / 1e6).toFixed(2)}GHz`
}

interface CacheGroup extends Pick<CpuCache, 'level' | 'kind' | 'sizeBytes'> {
  readonly count: number
}

/** A host has hundreds of equal caches; how many there are of each is enough. */
function cachesByKind(caches: readonly CpuCache[]): readonly CacheGroup[] {
  const groups = Map.groupBy(
    caches,
    ({ level, kind, sizeBytes }) => `${level} ${kind} ${sizeBytes}`,
  )
  return [...groups.values()].map((group) => ({ ...group[0]!, count: group.length }))
}

const cacheColumns: readonly Column<CacheGroup>[] = [
  { title: 'LEVEL', cell: ({ level }) => `L${level}` },
  { title: 'KIND', cell: ({ kind }) => word(cpuCacheKindToJSON(kind), 'CPU_CACHE_KIND_') },
  { title: 'SIZE', cell: ({ sizeBytes }) => size(sizeBytes), right: true },
  { title: 'COUNT', cell: (group) => count(group.count), right: true },
]

/** Memory and processors by distance. */
export function describeNuma(
  numa: NumaFacts,
  readings: HardwareReadings | undefined,
  to: Description,
): void {
  const free = new Map(readings?.numa.map(({ id, freeBytes }) => [id, freeBytes]))
  const columns: Column<NumaNode>[] = [
    { title: 'NODE', cell: ({ id }) => count(id), right: true },
    { title: 'MEMORY', cell: ({ memoryBytes }) => size(memoryBytes), right: true },
    { title: 'FREE', cell: ({ id }) => size(free.get(id)), right: true },
    { title: 'CPUS', cell: ({ cpus }) => cpus || 'none' },
    { title: 'DISTANCES', cell: ({ distances }) => distances.join(',') },
    { title: 'HUGEPAGES', cell: ({ hugePages }) => hugePagesOf(hugePages) },
  ]
  to.table(columns, numa.nodes)
}

/** "512x2MiB,4x1GiB"; sizes without a reserved page are left out. */
export function hugePagesOf(pages: NumaNode['hugePages']): string {
  return pages
    .filter(({ total }) => total > 0n)
    .map(({ pageBytes, total }) => `${total}x${size(pageBytes)}`)
    .join(',')
}
