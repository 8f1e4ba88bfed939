import type { Node } from '@keelson/shared/model'
import type { Candidate, StateView } from '../../state/index.ts'
import { type Chooser, createChooser } from '../choose/index.ts'
import type { Fleet } from '../fleet/index.ts'
import { type EffectivePolicy, effectivePolicy, type PolicySubject } from '../policy/index.ts'
import type { HostFacts } from './host-facts.ts'
import { take, takeEverything } from './keeping.ts'
import { createMaskCache, type MaskCache } from './masks.ts'
import { keepsStructure, readStructure } from './structure.ts'

/** The cluster as placement sees it. It follows its state; ask `fleetView` for it each time. */
export interface FleetView {
  readonly state: StateView
  /** Every host and every pool, whatever their condition. Not to be changed: clone it to try. */
  readonly fleet: Fleet
  /** Record of each host row; undefined for a host that pools speak of and nobody knows. */
  readonly nodes: readonly (Node | undefined)[]
  /** Pool of each pool row, always up to date. */
  readonly pools: readonly Candidate[]
  /** Row of a pool by id; -1 if there is none. */
  poolRow(id: string): number
  facts(host: number): HostFacts
  /** Whether a host has said what it has for machines. */
  capacityKnown(host: number): boolean
  policy(subject: PolicySubject): EffectivePolicy
  /** Domains by a label; hosts without it share one if `shared`. The same array each time. */
  domains(label: string, shared: boolean): Int32Array
  /** Chooses in the fleet with these weights. */
  chooser(weights: EffectivePolicy['weights']): Chooser
  readonly hostMasks: MaskCache
  readonly poolMasks: MaskCache
  /** Rows of the hosts that have taints. */
  readonly tainted: ReadonlySet<number>
  /** "volume/<name>" and "vm/<name>" of everything that has affinities or groups. */
  readonly bound: ReadonlySet<string>
}

/** A view with what keeps it. */
interface KeptView extends FleetView {
  /** Takes in what changed; false if hosts, pools, labels or policies are others now. */
  catchUp(): boolean
}

const views = new WeakMap<StateView, KeptView>()

/**
 * The view of a state, caught up. Building it costs a look at every record, catching up a look at
 * what changed.
 */
export function fleetView(state: StateView): FleetView {
  const known = views.get(state)
  if (known?.catchUp()) return known
  const view = createView(state)
  views.set(state, view)
  return view
}

/** A view made from nothing. */
export function createFleetView(state: StateView): FleetView {
  return createView(state)
}

function createView(state: StateView): KeptView {
  const kept = takeEverything(readStructure(state))
  const { bound, facts, fleet, hostChanges, known, nodes, poolChanges, poolRows, pools, tainted } =
    kept
  let position = state.journal.position
  const policies = new Map<string, EffectivePolicy>()
  const choosers = new Map<string, Chooser>()
  const sharedDomains = new Map<string, Int32Array>()
  return {
    state,
    fleet,
    nodes,
    pools,
    tainted,
    bound,
    poolRow: (id) => poolRows.get(id) ?? -1,
    facts: (host) => facts[host]!,
    capacityKnown: (host) => known[host] === 1,
    policy(subject) {
      const key = `${subject.storageClass ?? ''}/${subject.tenant ?? ''}`
      const policy = policies.get(key) ?? effectivePolicy(state, subject)
      policies.set(key, policy)
      return policy
    },
    domains(label, shared) {
      const plain = fleet.domainsOf(label)
      if (!shared || !plain.includes(-1)) return plain
      const known = sharedDomains.get(label) ?? withSharedDomain(plain)
      sharedDomains.set(label, known)
      return known
    },
    chooser(weights) {
      const key = JSON.stringify(weights)
      const chooser = choosers.get(key) ?? createChooser(fleet, weights)
      choosers.set(key, chooser)
      return chooser
    },
    hostMasks: createMaskCache(fleet.hostCount, hostChanges),
    poolMasks: createMaskCache(fleet.poolCount, poolChanges),
    catchUp() {
      const { journal } = state
      if (journal.position === position) return true
      const changes = journal.since(position)
      if (!changes?.every((change) => keepsStructure(kept, change))) return false
      position = journal.position
      for (const change of changes) take(kept, change)
      return true
    },
  }
}

function withSharedDomain(domains: Int32Array): Int32Array {
  const shared = domains.reduce((largest, domain) => Math.max(largest, domain), -1) + 1
  return domains.map((domain) => (domain < 0 ? shared : domain))
}
