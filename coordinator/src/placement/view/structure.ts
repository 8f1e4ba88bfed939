/** What a view is built on: rows of hosts and pools, columns, labels, sizes. */
import type { Candidate, Change, StateView } from '../../state/index.ts'
import { poolId } from '../../state/index.ts'
import { createFleet, type Fleet, type HostInput } from '../fleet/index.ts'
import { machineGuarantees } from '../policy/index.ts'
import { type HostFacts, machineCapacity, readHostFacts } from './host-facts.ts'

/** What stays for the life of a view. */
export interface Structure {
  readonly state: StateView
  /** Nothing is placed in it at first. */
  readonly fleet: Fleet
  readonly hostNames: readonly string[]
  readonly pools: readonly Candidate[]
  /** Rows of pools by id. */
  readonly poolRows: ReadonlyMap<string, number>
  /** By host row. */
  readonly facts: HostFacts[]
  /** 1 for every host row that has said what it has for machines. */
  readonly known: Uint8Array
}

/** Where the room for lost domains is counted, if a guarantee asks for it. */
interface LossCover {
  readonly label: string
  readonly enforced: boolean
}

/** Rows of hosts and pools in the order of their names, whatever the order they came in. */
export function readStructure(state: StateView): Structure {
  const pools = [...state.hosts.candidates()].sort((a, b) => compare(idOf(a), idOf(b)))
  const poolRows = new Map(pools.map((candidate, row) => [idOf(candidate), row]))
  const names = new Set(state.nodes.sortedIds())
  for (const { pool } of pools) names.add(pool.spec.node)
  const hostNames = [...names].sort(compare)
  const hostRows = new Map(hostNames.map((name, row) => [name, row]))
  const facts: HostFacts[] = []
  const columns = new Set<string>()
  const known = new Uint8Array(hostNames.length)
  const hosts = hostNames.map((name, row): HostInput => {
    const node = state.nodes.get(name)
    const hostFacts = readHostFacts(state, name)
    facts.push(hostFacts)
    const capacity = machineCapacity(node, hostFacts)
    for (const column of Object.keys(capacity ?? {})) columns.add(column)
    known[row] = capacity ? 1 : 0
    return { name, labels: node?.meta.labels ?? {}, capacity: capacity ?? {} }
  })
  columns.delete('memory')
  columns.delete('cpu')
  const more = [...columns].sort(compare)
  const cover = lossCover(state, hosts)
  const fleet = createFleet({
    hosts,
    pools: pools.map((candidate) => ({
      name: candidate.pool.meta.name,
      host: hostRows.get(candidate.pool.spec.node)!,
      capacityBytes: nominalBytes(candidate),
    })),
    columns: more,
    standbyColumns: cover.enforced ? ['memory', 'cpu', ...more] : [],
    lossLabel: cover.label,
  })
  return { state, fleet, pools, poolRows, hostNames, facts, known }
}

/**
 * About what a pool could promise if nobody else used its space: choosing takes it for the pool's
 * size. Some kinds report another total whenever something is written, so it is rounded to an
 * eighth of a power of two.
 */
function nominalBytes({ overcommitPercent, thin, totalBytes }: Candidate): number {
  if (totalBytes <= 0) return 0
  const bytes = thin ? (totalBytes * overcommitPercent) / 100 : totalBytes
  return Math.round(2 ** (Math.round(Math.log2(bytes) * 8) / 8))
}

/** The coarsest failure domain whose loss some policy enforces to be survived by machines. */
function lossCover(state: StateView, hosts: readonly HostInput[]): LossCover {
  const labels = [...machineGuarantees(state).values()]
    .flat()
    .filter(({ mode }) => mode === 'Enforce')
    .map(({ failureDomain }) => failureDomain)
  const domainCount = (label: string) =>
    label === '' ? hosts.length + 1 : new Set(hosts.map((host) => host.labels[label])).size
  labels.sort((a, b) => domainCount(a) - domainCount(b) || compare(a, b))
  return { label: labels[0] ?? '', enforced: labels.length > 0 }
}

function idOf({ pool }: Candidate): string {
  return poolId(pool.spec.node, pool.meta.name)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Whether a change leaves rows, columns, sizes, labels and policies as they are. */
export function keepsStructure(structure: Structure, { kind, id }: Change): boolean {
  const { fleet, pools, poolRows, state } = structure
  switch (kind) {
    case 'policy':
      return false
    case 'node': {
      const row = fleet.hostRow(id)
      const node = state.nodes.get(id)
      if (row < 0 || !node || !equal(fleet.hosts[row]!.labels, node.meta.labels)) return false
      return keepsCapacity(structure, row, structure.facts[row]!)
    }
    case 'inventory': {
      const row = fleet.hostRow(hostOfSection(id))
      return row < 0 || keepsCapacity(structure, row, readHostFacts(state, hostOfSection(id)))
    }
    case 'pool': {
      const row = poolRows.get(id)
      if (row === undefined || state.hosts.candidate(id) !== pools[row]) return false
      return nominalBytes(pools[row]!) === fleet.pools[row]!.capacityBytes
    }
    default:
      return true
  }
}

function keepsCapacity({ fleet, known, state }: Structure, row: number, facts: HostFacts): boolean {
  const { capacity, name } = fleet.hosts[row]!
  const now = machineCapacity(state.nodes.get(name), facts)
  return (known[row] === 1) === (now !== undefined) && equal(capacity, now ?? {})
}

/** Host of an inventory section. */
export function hostOfSection(id: string): string {
  return id.slice(0, id.indexOf('/'))
}

function equal<T>(a: Readonly<Record<string, T>>, b: Readonly<Record<string, T>>): boolean {
  if (a === b) return true
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}
