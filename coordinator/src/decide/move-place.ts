/** Where a replica moves: a place beside the replicas that stay. */
import { KeelsonError } from '@keelson/shared/errors'
import {
  isDiskful,
  type Node,
  type PlacementReport,
  RACK_LABEL,
  REPLICATION_CAPABILITY,
  type Replica,
  type ReplicaRule,
  type Volume,
} from '@keelson/shared/model'
import {
  demandOfVolume,
  effectivePolicy,
  guaranteeRules,
  placeTieBreaker,
  placeVolume,
  type VolumePlacement,
} from '../placement/index.ts'
import type { StateView } from '../state/index.ts'
import type { CommandOf } from './command.ts'
import { findNode } from './lookup.ts'
import type { Place } from './replicas.ts'
import { notPlaceable } from './volume.ts'

/** What is asked for. */
export type MoveRequest = Omit<CommandOf<'MoveReplica'>, 'type'>

/** Where a replica goes, and the report about it. */
export interface NewPlace {
  readonly place: Place
  readonly report: PlacementReport
}

/**
 * A place for a replica that keeps the rules beside the ones that stay: RESOURCE_EXHAUSTED if there
 * is none. A tie-breaker needs no pool.
 */
export function placeMoved(
  state: StateView,
  volume: Volume,
  leaving: Replica,
  request: MoveRequest,
): NewPlace {
  if (!isDiskful(leaving)) return placeVote(state, volume, leaving, request)
  const { places, report } = placeCopy(state, volume, leaving, request)
  const place = places[0]
  if (place === undefined) throw notPlaceable(report)
  return { place, report }
}

function placeVote(
  state: StateView,
  volume: Volume,
  leaving: Replica,
  { stamp, toNode, toPool }: MoveRequest,
): NewPlace {
  const { name } = volume.meta
  if (toPool !== '')
    throw new KeelsonError('INVALID_ARGUMENT', 'a tie-breaker holds nothing and is in no pool')
  if (toNode !== '') findNode(state, toNode)
  const demand = demandOfVolume(volume)
  const { excludedNodes, nodes } = demand.rules
  const rules = {
    ...demand.rules,
    nodes: toNode === '' ? nodes : [toNode],
    excludedNodes: [...excludedNodes, leaving.node],
  }
  const copies = volume.status.replicas.filter(isDiskful).map((copy) => copy.node)
  const allowed = toNode === '' || nodes.length === 0 || nodes.includes(toNode)
  const node = allowed ? placeTieBreaker(state, stamp, { ...demand, rules }, copies) : ''
  if (node === '')
    throw new KeelsonError(
      'RESOURCE_EXHAUSTED',
      toNode === ''
        ? `no other node can hold the tie-breaker of volume "${name}"`
        : `node "${toNode}" cannot hold the tie-breaker of volume "${name}"`,
      { reason: 'not-placeable' },
    )
  return { place: { node, pool: '' }, report: voteReport(state, name, node) }
}

function voteReport(state: StateView, name: string, node: string): PlacementReport {
  return {
    subject: `volume/${name}`,
    placeable: true,
    summary: `tie-breaker on ${node}`,
    replicasRequested: 0,
    nodes: [],
    funnel: [],
    closestMiss: '',
    suggestedFix: '',
    resourceVersion: state.revision,
  }
}

function placeCopy(
  state: StateView,
  volume: Volume,
  leaving: Replica,
  command: MoveRequest,
): VolumePlacement {
  const { toNode, volume: name } = command
  const stays = volume.status.replicas.filter((replica) => replica !== leaving)
  const copies = stays.filter(isDiskful)
  const rules = domainRules(state, volume)
  const binding = rules.filter(({ mode }) => mode !== 'PreferDifferent')
  // Beside two copies a tie-breaker is the third vote; beside more it takes no majority with one.
  const voting = copies.length === 1 ? stays : copies
  const guaranteed = new Set(hostsBeside(state, voting, guaranteesOf(state, volume)))
  const keepsGuarantees = (host: string) => guaranteed.has(host)
  const preferred = [hostsBeside(state, stays, rules), hostsBeside(state, copies, rules)]
  if (toNode === '')
    for (const hosts of preferred) {
      const placed = placeAmong(state, volume, command, hosts.filter(keepsGuarantees))
      if (placed && placed.places.length > 0) return placed
    }
  const allowed = hostsBeside(state, copies, binding).filter(keepsGuarantees)
  const placed = placeAmong(state, volume, command, allowed)
  if (placed) return placed
  const beside = copies.map(({ node }) => node).join(', ')
  const message =
    toNode === ''
      ? `no host that can replicate keeps the rules of volume "${name}" beside ${beside}`
      : `node "${toNode}" cannot replicate, or breaks a rule of volume "${name}" beside ${beside}`
  throw new KeelsonError('RESOURCE_EXHAUSTED', message, { reason: 'not-placeable' })
}

/** The best place on one of these hosts; undefined if the volume's own rules leave none of them. */
function placeAmong(
  state: StateView,
  volume: Volume,
  { dryRun = false, stamp, toNode, toPool }: MoveRequest,
  hosts: readonly string[],
): VolumePlacement | undefined {
  if (toNode !== '') findNode(state, toNode)
  const demand = demandOfVolume(volume)
  const { pool, rules } = demand
  if (pool !== '' && toPool !== '' && pool !== toPool) return undefined
  const nodes = hosts.filter(
    (node) =>
      (toNode === '' || node === toNode) &&
      (rules.nodes.length === 0 || rules.nodes.includes(node)) &&
      volume.status.replicas.every((replica) => replica.node !== node),
  )
  if (nodes.length === 0) return undefined
  return placeVolume(
    state,
    { ...volume.meta, uid: stamp.uid },
    {
      ...demand,
      pool: toPool || pool,
      replicas: 1,
      replicaRules: [],
      rules: { ...rules, nodes },
    },
    { explain: dryRun },
  )
}

/** The rules about failure domains: that of the class, then the volume's own. */
function domainRules(state: StateView, { spec }: Volume): readonly ReplicaRule[] {
  const { failureDomain, failureDomainMode } = state.classes.get(spec.storageClass)?.spec ?? {
    failureDomain: RACK_LABEL,
    failureDomainMode: 'PreferDifferent' as const,
  }
  const ofClass = { failureDomain, mode: failureDomainMode, maximumPerDomain: 1 }
  return [ofClass, ...(spec.replicaRules ?? [])]
}

/** What enforced guarantees ask of copies. */
function guaranteesOf(state: StateView, { meta, spec }: Volume): readonly ReplicaRule[] {
  const { tenant = '' } = meta
  return guaranteeRules(
    effectivePolicy(state, { storageClass: spec.storageClass, tenant }),
    spec.replicas,
  )
}

/**
 * Hosts that can replicate and keep every one of the rules beside replicas that stay. A tie-breaker
 * among them keeps its domain to itself, but need not be together with copies.
 */
function hostsBeside(
  state: StateView,
  stays: readonly Replica[],
  rules: readonly ReplicaRule[],
): readonly string[] {
  const domainOf = (node: string, label: string) =>
    label === '' ? node : state.nodes.get(node)?.meta.labels[label]
  const keeps = (node: string) =>
    rules.every(({ failureDomain: label, maximumPerDomain, mode }) => {
      const domain = domainOf(node, label)
      if (domain === undefined) return false
      const same = (replica: Replica) => domainOf(replica.node, label) === domain
      if (mode === 'Same') return stays.filter(isDiskful).every(same)
      return stays.filter(same).length < maximumPerDomain
    })
  return state.nodes
    .sortedIds()
    .filter((name) => canReplicate(state.nodes.get(name)!) && keeps(name))
}

function canReplicate({ status }: Node): boolean {
  return status.capabilities.includes(REPLICATION_CAPABILITY)
}
