/** A state with some records put over it: what would be. The state stays as it is. */
import type { HardwareSection, Node, StoragePool } from '@keelson/shared/model'
import { isThin } from '@keelson/shared/model'
import {
  type Candidate,
  type PolicyHistory,
  poolId,
  type ReadonlyTable,
  type StateView,
} from '../../state/index.ts'

/** Records by id that replace or join those of a state. */
export interface Overlay {
  readonly nodes?: ReadonlyMap<string, Node>
  /** Pools that the state does not have. */
  readonly pools?: ReadonlyMap<string, StoragePool>
  readonly inventory?: ReadonlyMap<string, HardwareSection>
  readonly policies?: ReadonlyMap<string, PolicyHistory>
}

/** The state with the records put over it, as it is at this moment. */
export function overlayState(state: StateView, overlay: Overlay): StateView {
  const { inventory, nodes, policies, pools } = overlay
  const known = state.hosts.candidates().map((candidate) => withNode(candidate, nodes))
  const added = [...(pools?.values() ?? [])].map((pool) => candidateOf(pool, nodes))
  const candidates = [...known, ...added]
  const byId = new Map(candidates.map((candidate) => [idOf(candidate.pool), candidate]))
  const poolsOn = new Map<string, Set<string>>()
  for (const [id, { spec }] of pools ?? []) {
    const ids = poolsOn.get(spec.node) ?? new Set(state.hosts.poolsOn(spec.node))
    poolsOn.set(spec.node, ids.add(id))
  }
  return {
    ...state,
    nodes: overlayTable(state.nodes, nodes),
    pools: overlayTable(state.pools, pools),
    inventory: overlayTable(state.inventory, inventory),
    policies: overlayTable(state.policies, policies),
    hosts: {
      ...state.hosts,
      candidates: () => candidates,
      candidate: (id) => byId.get(id),
      poolsOn: (node) => poolsOn.get(node) ?? state.hosts.poolsOn(node),
    },
  }
}

function idOf({ meta, spec }: StoragePool): string {
  return poolId(spec.node, meta.name)
}

function withNode(candidate: Candidate, nodes: Overlay['nodes']): Candidate {
  const node = nodes?.get(candidate.pool.spec.node)
  return node ? { ...candidate, node, open: isOpen(candidate.pool, node) } : candidate
}

function isOpen(pool: StoragePool, node: Node | undefined): boolean {
  if (pool.status.phase !== 'Ready') return false
  return node?.status.phase === 'Online' && node.spec.schedulable
}

/** A pool in which nothing is placed. */
function candidateOf(pool: StoragePool, nodes: Overlay['nodes']): Candidate {
  const node = nodes?.get(pool.spec.node)
  return {
    ...{ pool, node, hash: 0, open: isOpen(pool, node), thin: isThin(pool.spec.kind) },
    totalBytes: pool.status.totalBytes,
    freeBytes: pool.status.freeBytes,
    overcommitPercent: pool.spec.overcommitPercent,
    ...{ promisedBytes: 0, allocatedBytes: 0, unmadeBytes: 0, replicaCount: 0 },
  }
}

function overlayTable<T>(
  base: ReadonlyTable<T>,
  over: ReadonlyMap<string, T> = new Map(),
): ReadonlyTable<T> {
  if (over.size === 0) return base
  const added = [...over.keys()].filter((id) => !base.has(id))
  const ids = added.length > 0 ? [...base.sortedIds(), ...added].sort(compare) : base.sortedIds()
  const get = (id: string) => over.get(id) ?? base.get(id)
  return {
    get,
    has: (id) => over.has(id) || base.has(id),
    size: ids.length,
    values: () => ids.map((id) => get(id)!),
    entries: () => ids.map((id): [string, T] => [id, get(id)!]),
    sortedIds: () => ids,
    idsWithPrefix: (prefix) => ids.filter((id) => id.startsWith(prefix)),
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
