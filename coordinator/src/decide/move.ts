/**
 * A replica moves: it is added in the new place, made equal there, and only then dropped in the old
 * one. Until the drop everything can be taken back; at no time is there one copy less.
 */
import { KeelsonError } from '@keelson/shared/errors'
import { NO_RULES, RACK_LABEL, type Replica, type Volume, wasMade } from '@keelson/shared/model'
import { placeVolume, type VolumePlacement } from '../placement/index.ts'
import type { StateView } from '../state/index.ts'
import type { CommandOf } from './command.ts'
import { createDraft, type Decision, type Draft } from './draft.ts'
import { findVolume, stillDeleting } from './lookup.ts'
import { endOperation, startOperation } from './operation.ts'
import { firstFree, newReplica } from './replicas.ts'
import { notPlaceable, putVolume } from './volume.ts'

/** Starts to move one replica; the operation ends when the old place has let go of it. */
export function decideMoveReplica(state: StateView, command: CommandOf<'MoveReplica'>): Decision {
  const { fromNode, stamp } = command
  const volume = findVolume(state, command.volume)
  const { name } = volume.meta
  const leaving = movable(state, volume, fromNode)
  const placement = placeMoved(state, volume, leaving, command)
  const place = placement.places[0]
  if (place === undefined) throw notPlaceable(placement.report)
  const draft = createDraft(state, stamp)
  const { replicas } = volume.status
  const taken = new Set(replicas.flatMap(({ drbdNodeId }) => drbdNodeId ?? []))
  const operation = startOperation(
    draft,
    'VolumeMove',
    `volume/${name}`,
    `moving the replica on ${fromNode}/${leaving.pool} to ${place.node}/${place.pool}`,
  )
  const joining = newReplica(state, place, firstFree(taken, 0))
  putVolume(draft, {
    ...volume,
    status: {
      ...volume.status,
      replicas: [...replicas, joining],
      move: { fromNode, toNode: place.node, operation },
    },
  })
  for (const { node } of [...replicas, joining]) draft.touchNode(node)
  return draft.decision({ name, operation, report: placement.report })
}

/** The replica on that host, or why it cannot move. */
function movable(state: StateView, volume: Volume, fromNode: string): Replica {
  const { name } = volume.meta
  if (volume.meta.deletionRequestedAt !== undefined) stillDeleting('volume', name)
  const refuse = (problem: string, ...details: string[]): never => {
    throw new KeelsonError('FAILED_PRECONDITION', `volume "${name}" ${problem}`, { details })
  }
  const { actualSizeBytes, move, replicas } = volume.status
  const leaving = replicas.find(({ node }) => node === fromNode)
  if (leaving?.role !== 'Diskful' || leaving.phase === 'Deleting')
    throw new KeelsonError('NOT_FOUND', `volume "${name}" has no replica on "${fromNode}"`, {
      details: [`its replicas are on ${replicas.map(({ node }) => node).join(', ')}`],
    })
  if (move) refuse(`has a replica on its way from ${move.fromNode} to ${move.toNode}`)
  if (leaving.drbdNodeId === undefined)
    refuse('has one replica and is not replicated: there is nothing to make another equal with')
  if (!replicas.some(({ phase, role }) => role === 'Diskful' && phase === 'Ready'))
    refuse('has no replica that is Ready: there is nothing to copy from')
  if (actualSizeBytes !== volume.spec.sizeBytes) refuse('is growing; wait until it has grown')
  const snapshots = [...state.hosts.snapshotsOf(name)].sort()
  if (snapshots.length > 0)
    refuse(`has snapshots, and they cannot move: ${snapshots.slice(0, 5).join(', ')}`)
  for (const machine of state.hosts.machinesOf(name)) {
    const { spec, status } = state.virtualMachines.get(machine)!
    if (spec.volumeLocality === 'Required' && status.node === fromNode)
      refuse(`is used by machine "${machine}" on ${fromNode}, which must run beside its data`)
  }
  return leaving
}

/** A place for the replica that keeps the rules beside the ones that stay. */
function placeMoved(
  state: StateView,
  volume: Volume,
  leaving: Replica,
  { toNode, toPool, stamp }: CommandOf<'MoveReplica'>,
): VolumePlacement {
  const { spec, meta } = volume
  const rules = spec.rules ?? NO_RULES
  const stays = volume.status.replicas.filter((replica) => replica !== leaving)
  const excluded = [...volume.status.replicas.map(({ node }) => node)]
  const allowed = hostsBeside(state, volume, stays)
  const wanted = toNode === '' ? (rules.nodes.length > 0 ? rules.nodes : spec.nodes) : [toNode]
  const nodes = allowed
    ? (wanted.length > 0 ? wanted : [...allowed]).filter((node) => allowed.has(node))
    : wanted
  if (allowed && nodes.length === 0)
    throw new KeelsonError(
      'RESOURCE_EXHAUSTED',
      `no host keeps the failure-domain rules of volume "${meta.name}" beside ${stays.map(({ node }) => node).join(', ')}`,
      { reason: 'not-placeable' },
    )
  return placeVolume(
    state,
    { name: meta.name, uid: stamp.uid },
    {
      sizeBytes: spec.sizeBytes,
      storageClass: spec.storageClass,
      pool: toPool || spec.pool,
      poolKinds: [],
      replicas: 1,
      rules: { ...rules, nodes, excludedNodes: [...rules.excludedNodes, ...excluded] },
      replicaRules: [],
      tieBreakerMode: 'Never',
      tenant: meta.tenant ?? '',
    },
    { explain: false, replicated: true },
  )
}

/** Hosts that keep every binding rule about failure domains; undefined if all do. */
function hostsBeside(
  state: StateView,
  { spec }: Volume,
  stays: readonly Replica[],
): ReadonlySet<string> | undefined {
  const { failureDomain, failureDomainMode } = state.classes.get(spec.storageClass)?.spec ?? {
    failureDomain: RACK_LABEL,
    failureDomainMode: 'PreferDifferent' as const,
  }
  const ofClass = { failureDomain, mode: failureDomainMode, maximumPerDomain: 1 }
  const rules = [ofClass, ...(spec.replicaRules ?? [])].filter(
    ({ mode }) => mode !== 'PreferDifferent',
  )
  if (rules.length === 0) return undefined
  const domainOf = (node: string, label: string) => state.nodes.get(node)?.meta.labels[label]
  const keeps = (node: string) =>
    rules.every(({ failureDomain: label, maximumPerDomain, mode }) => {
      const domain = domainOf(node, label)
      if (domain === undefined) return false
      const same = stays.filter((replica) => domainOf(replica.node, label) === domain).length
      return mode === 'Same' ? same === stays.length : same < maximumPerDomain
    })
  return new Set([...state.nodes.values()].map(({ meta }) => meta.name).filter(keeps))
}

/** After a report: the old replica goes once the new one is Ready; a failed new one is undone. */
export function followMove(draft: Draft, volume: Volume): Volume {
  const { move, replicas } = volume.status
  if (!move || volume.meta.deletionRequestedAt !== undefined) return volume
  const joined = replicas.find(({ node }) => node === move.toNode)
  const leaving = replicas.find(({ node }) => node === move.fromNode)
  if (!joined || !leaving || leaving.phase === 'Deleting') return volume
  if (joined.phase === 'Failed' && !wasMade(joined)) {
    const operation = draft.state.runningOperation('VolumeMove', `volume/${volume.meta.name}`)
    if (operation) endOperation(draft, operation, 'Failed', `${joined.node}: ${joined.message}`)
    return withoutJoined(draft, volume)
  }
  return joined.phase === 'Ready' ? markReplicaDeleting(draft, volume, move.fromNode) : volume
}

/** After a host has let go: the move is over if it was the one the replica left. */
export function dropMoved(draft: Draft, volume: Volume, node: string): Volume {
  const { move, ...status } = volume.status
  if (move?.fromNode !== node) return volume
  const operation = draft.state.runningOperation('VolumeMove', `volume/${volume.meta.name}`)
  if (operation && volume.meta.deletionRequestedAt === undefined)
    endOperation(draft, operation, 'Succeeded', `moved from ${move.fromNode} to ${move.toNode}`)
  return { ...volume, status }
}

/** Takes the new replica back; FAILED_PRECONDITION once the old one is being dropped. */
export function cancelMove(draft: Draft, name: string): void {
  const volume = draft.state.volumes.get(name)
  const move = volume?.status.move
  if (!volume || !move) return
  const leaving = volume.status.replicas.find(({ node }) => node === move.fromNode)
  if (leaving?.phase === 'Deleting')
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `the replica of volume "${name}" on ${move.fromNode} is being dropped already`,
    )
  putVolume(draft, withoutJoined(draft, volume))
}

function withoutJoined(draft: Draft, volume: Volume): Volume {
  const { move, ...status } = volume.status
  const without = { ...volume, status }
  return move ? markReplicaDeleting(draft, without, move.toNode) : without
}

function markReplicaDeleting(draft: Draft, volume: Volume, from: string): Volume {
  for (const { node } of volume.status.replicas) draft.touchNode(node)
  const replicas = volume.status.replicas.map((replica) =>
    replica.node === from ? { ...replica, phase: 'Deleting' as const } : replica,
  )
  return { ...volume, status: { ...volume.status, replicas } }
}
