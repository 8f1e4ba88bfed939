/**
 * A replica moves: it is added in the new place, made equal there, and only then dropped in the old
 * one. Until the drop everything can be taken back; at no time is there one copy less.
 *
 *   added        the new replica is told to its host; the volume counts without it
 *   dropped      it is Ready, and so are all that stay: the old one is Deleting
 *   over         the old host has let go
 *   taken back   cancelled, or the new host could not make it, or a machine needs the old one by
 *                now: the new one is Deleting
 *
 * `status.move` is there in the first two, together with a running operation. A volume that is
 * deleted ends its move.
 */
import { KeelsonError } from '@keelson/shared/errors'
import {
  isDiskful,
  type PlacementReport,
  type Replica,
  type Volume,
  wasMade,
} from '@keelson/shared/model'
import { demandOfVolume, volumeWarnings } from '../placement/index.ts'
import type { StateView } from '../state/index.ts'
import type { CommandOf } from './command.ts'
import { createDraft, type Decision, type Draft } from './draft.ts'
import { findVolume, found, stillDeleting } from './lookup.ts'
import { type MoveRequest, placeMoved } from './move-place.ts'
import { endOperation, startOperation } from './operation.ts'
import { firstFree, newReplica, newTieBreaker, whereAre } from './replicas.ts'
import { putVolume, refuseDuringMove } from './volume.ts'
import { tellWarnings } from './warn.ts'

/** Starts to move one replica; the operation ends when the old place has let go of it. */
export function decideMoveReplica(state: StateView, command: CommandOf<'MoveReplica'>): Decision {
  const draft = createDraft(state, command.stamp)
  return draft.decision({ name: command.volume, ...moveReplica(draft, command) })
}

/** The same within a greater decision; a refusal comes before the first write. */
export function moveReplica(
  draft: Draft,
  command: MoveRequest,
): { readonly operation: string; readonly report: PlacementReport } {
  const { state } = draft
  const { fromNode } = command
  const volume = findVolume(state, command.volume)
  const { name } = volume.meta
  const leaving = movable(state, volume, fromNode)
  const { place, report } = placeMoved(state, volume, leaving, command)
  const { replicas } = volume.status
  const taken = new Set(replicas.flatMap(({ drbdNodeId }) => drbdNodeId ?? []))
  const id = firstFree(taken, 0)
  const copy = isDiskful(leaving)
  const joining = copy ? newReplica(state, place, id) : newTieBreaker(state, place.node, id)
  const message = copy
    ? `moving the replica on ${whereAre([leaving])} to ${whereAre([joining])}`
    : `moving the tie-breaker on ${fromNode} to ${place.node}`
  const operation = startOperation(draft, 'VolumeMove', `volume/${name}`, message)
  putVolume(draft, {
    ...volume,
    status: {
      ...volume.status,
      replicas: [...replicas, joining],
      move: { fromNode, toNode: place.node, operation },
    },
  })
  for (const { node } of [...replicas, joining]) draft.touchNode(node)
  const after = [...replicas, joining].filter((one) => isDiskful(one) && one !== leaving)
  const hosts = after.map(({ node }) => node)
  const warnings = copy ? volumeWarnings(state, name, demandOfVolume(volume), hosts) : []
  return { operation, report: tellWarnings(draft, `volume/${name}`, report, warnings) }
}

/** The replica on that host, or why it cannot move. */
function movable(state: StateView, volume: Volume, fromNode: string): Replica {
  const { name } = volume.meta
  if (volume.meta.deletionRequestedAt !== undefined) stillDeleting('volume', name)
  const refuse = (problem: string, ...details: string[]): never => {
    throw new KeelsonError('FAILED_PRECONDITION', `volume "${name}" ${problem}`, { details })
  }
  const { actualSizeBytes, replicas } = volume.status
  refuseDuringMove(volume, `cannot move the replica on ${fromNode}`)
  const left = replicas.find(({ phase }) => phase === 'Deleting')
  if (left) refuse(`is still being let go of by ${left.node}`)
  const leaving = replicas.find(onNode(fromNode))
  if (!leaving)
    throw new KeelsonError('NOT_FOUND', `volume "${name}" has no replica on "${fromNode}"`, {
      details: [`its replicas are on ${replicas.map(({ node }) => node).join(', ')}`],
    })
  if (!isDiskful(leaving)) return leaving
  const others = replicas.filter((replica) => replica !== leaving && isDiskful(replica))
  if (leaving.drbdNodeId === undefined || others.length === 0)
    refuse('has one replica and is not replicated: there is nothing to make another equal with')
  if (!others.some(({ phase }) => phase === 'Ready'))
    refuse(
      `has no other replica that is Ready: ${others.map(({ node, phase }) => `${node} is ${phase}`).join(', ')}`,
    )
  if (actualSizeBytes !== volume.spec.sizeBytes) refuse('is growing; wait until it has grown')
  if (state.runningOperation('SnapshotRestore', `volume/${name}`))
    refuse(`is still being restored from ${volume.spec.sourceSnapshot}`)
  const snapshots = [...state.hosts.snapshotsOf(name)].sort()
  if (snapshots.length > 0)
    refuse(`has snapshots, and they cannot move: ${snapshots.slice(0, 5).join(', ')}`)
  const needing = machineBesideIt(state, volume, fromNode)
  if (needing !== undefined)
    refuse(`is used by machine "${needing}" on ${fromNode}, which must run beside its data`)
  return leaving
}

/** A machine that runs on the host, or is on its way there, and must have the data beside it. */
function machineBesideIt(state: StateView, { meta }: Volume, node: string): string | undefined {
  return [...state.hosts.machinesOf(meta.name)].sort().find((name) => {
    const { spec, status } = found(state.virtualMachines.get(name), 'vm', name)
    const there = status.node === node || status.targetNode === node
    return spec.volumeLocality === 'Required' && there
  })
}

/**
 * After a report: the old replica goes once the new one and all that stay are Ready, so that a
 * copy is never dropped while another is missing; a new one that cannot be made is taken back.
 */
export function followMove(draft: Draft, volume: Volume): Volume {
  const { move, replicas } = volume.status
  if (!move) return volume
  const joined = found(replicas.find(onNode(move.toNode)), 'replica', move.toNode)
  const leaving = found(replicas.find(onNode(move.fromNode)), 'replica', move.fromNode)
  if (leaving.phase === 'Deleting') return volume
  if (joined.phase === 'Failed' && !wasMade(joined))
    return giveUp(draft, volume, `${joined.node}: ${joined.message}`)
  const kept = replicas.filter((replica) => replica !== leaving)
  const complete = kept.every(({ phase }) => phase === 'Ready')
  if (!complete) return volume
  if (!isDiskful(joined)) return markReplicaDeleting(draft, volume, move.fromNode)
  if (joined.sizeBytes < volume.spec.sizeBytes) return volume
  const needing = machineBesideIt(draft.state, volume, move.fromNode)
  if (needing === undefined) return markReplicaDeleting(draft, volume, move.fromNode)
  if (machineBesideIt(draft.state, volume, move.toNode) !== undefined) return volume
  return giveUp(draft, volume, `machine "${needing}" runs on ${move.fromNode} beside it by now`)
}

function giveUp(draft: Draft, volume: Volume, why: string): Volume {
  const operation = draft.state.operations.get(volume.status.move?.operation ?? '')
  if (operation) endOperation(draft, operation, 'Failed', why)
  return withoutJoined(draft, volume)
}

/** After a host has let go: the move is over if it was the one the replica left. */
export function dropMoved(draft: Draft, volume: Volume, node: string): Volume {
  const { move, ...status } = volume.status
  if (move?.fromNode !== node) return volume
  const operation = draft.state.operations.get(move.operation)
  if (operation)
    endOperation(draft, operation, 'Succeeded', `moved from ${move.fromNode} to ${move.toNode}`)
  return { ...volume, status }
}

/** Takes the new replica back; FAILED_PRECONDITION once the old one is being dropped. */
export function cancelMove(draft: Draft, name: string): void {
  const volume = findVolume(draft.state, name)
  const { move, replicas } = volume.status
  if (move && replicas.find(onNode(move.fromNode))?.phase === 'Deleting')
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `the replica of volume "${name}" on ${move.fromNode} is being dropped already`,
    )
  const needing = move && machineBesideIt(draft.state, volume, move.toNode)
  if (needing !== undefined)
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `machine "${needing}" runs on ${move?.toNode} beside the new replica of volume "${name}"`,
    )
  putVolume(draft, withoutJoined(draft, volume))
}

function onNode(name: string): (replica: Replica) => boolean {
  return ({ node }) => node === name
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
