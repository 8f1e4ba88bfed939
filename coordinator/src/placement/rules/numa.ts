/** Whether and where a machine lies on the NUMA nodes of a host. */
import {
  type ComputeDemand,
  formatSize,
  type HostReservation,
  type NumaReservation,
} from '@keelson/shared/model'
import { cpuMillis, dedicatedCpus, type FleetView, overheadBytes } from '../view/index.ts'
import type { PlacedThing } from './neighbours.ts'

/** What a NUMA node has left. */
interface FreeCell {
  readonly id: number
  /** Logical CPUs that nobody has to itself. */
  readonly cpuIds: readonly number[]
  /** Memory, or hugepages of the size asked for. */
  readonly memoryBytes: number
}

/** The cells it would lie on, or why there are none. */
export type NumaFit = { readonly cells: readonly NumaReservation[] } | { readonly reason: string }

/**
 * Fits a machine with the policies Single or Spread to the cells of a host, beside all machines of
 * the state but `except`, and beside `others` that the state does not have yet.
 */
export function fitNuma(
  view: FleetView,
  host: number,
  compute: ComputeDemand,
  overcommitPercent: number,
  except: string,
  others: readonly PlacedThing[] = [],
): NumaFit {
  const cells = freeCells(view, host, compute.hugepageSizeBytes, except, others)
  if (cells.length === 0) return { reason: 'NUMA nodes of the host are not known' }
  const memoryBytes =
    compute.memoryBytes + (compute.hugepageSizeBytes > 0 ? 0 : overheadBytes(compute))
  const dedicated = dedicatedCpus(compute)
  const cpus = Math.ceil(cpuMillis(compute, overcommitPercent) / 1000)
  if (compute.numaPolicy === 'Single')
    return (
      fitParts(cells, 1, memoryBytes, cpus, dedicated > 0) ?? {
        reason: misfit(cells, memoryBytes, cpus),
      }
    )
  for (let parts = 2; parts <= cells.length; parts++) {
    if (compute.vcpus % parts !== 0) continue
    const fit = fitParts(
      cells,
      parts,
      Math.ceil(memoryBytes / parts),
      Math.ceil(cpus / parts),
      dedicated > 0,
    )
    if (fit) return fit
  }
  if (cells.length < 2) return { reason: 'host has 1 NUMA node, equal parts need 2' }
  return {
    reason: `no equal parts of ${compute.vcpus} vCPUs and ${formatSize(memoryBytes)} fit its ${cells.length} NUMA nodes`,
  }
}

function freeCells(
  { facts, fleet, state }: FleetView,
  host: number,
  pageBytes: number,
  except: string,
  others: readonly PlacedThing[],
): FreeCell[] {
  const { name } = fleet.hosts[host]!
  const taken = new Map<number, { cpuIds: Set<number>; memoryBytes: number }>()
  const here: (HostReservation | undefined)[] = others
    .filter(({ hosts }) => hosts.includes(host))
    .map(({ reserved }) => reserved)
  for (const id of state.hosts.machinesOn(name)) {
    if (id === except) continue
    const { status } = state.virtualMachines.get(id)!
    if (status.node === name) here.push(status.reserved)
    if (status.targetNode === name) here.push(status.targetReserved)
  }
  for (const reserved of here)
    for (const cell of reserved?.numaNodes ?? []) {
      const sum = taken.get(cell.numaNode) ?? { cpuIds: new Set(), memoryBytes: 0 }
      for (const cpu of cell.cpuIds) sum.cpuIds.add(cpu)
      if (reserved?.hugepageSizeBytes === pageBytes) sum.memoryBytes += cell.memoryBytes
      taken.set(cell.numaNode, sum)
    }
  return facts(host).cells.map(({ cpuIds, hugepages, id, memoryBytes }) => {
    const used = taken.get(id)
    const all = pageBytes > 0 ? (hugepages.get(pageBytes) ?? 0) : memoryBytes
    return {
      id,
      cpuIds: cpuIds.filter((cpu) => !used?.cpuIds.has(cpu)),
      memoryBytes: all - (used?.memoryBytes ?? 0),
    }
  })
}

/** The fullest cells that take a part each, so that empty ones stay whole. */
function fitParts(
  cells: readonly FreeCell[],
  parts: number,
  memoryBytes: number,
  cpus: number,
  dedicated: boolean,
): NumaFit | undefined {
  const fitting = cells
    .filter((cell) => cell.memoryBytes >= memoryBytes && cell.cpuIds.length >= cpus)
    .sort((a, b) => a.memoryBytes - b.memoryBytes || a.id - b.id)
    .slice(0, parts)
  if (fitting.length < parts) return undefined
  return {
    cells: fitting.map(({ cpuIds, id }) => ({
      numaNode: id,
      cpuIds: dedicated ? cpuIds.slice(0, cpus) : [],
      memoryBytes,
    })),
  }
}

function misfit(cells: readonly FreeCell[], memoryBytes: number, cpus: number): string {
  const memory = Math.max(...cells.map((cell) => cell.memoryBytes))
  const most = Math.max(...cells.map(({ cpuIds }) => cpuIds.length))
  if (memory < memoryBytes)
    return `needs ${formatSize(memoryBytes)} on one NUMA node, the freest has ${formatSize(Math.max(0, memory))}`
  if (most < cpus) return `needs ${cpus} CPUs on one NUMA node, the freest has ${most}`
  return `no NUMA node has both ${cpus} CPUs and ${formatSize(memoryBytes)}`
}
