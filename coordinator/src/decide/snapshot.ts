import { KeelsonError } from '@keelson/shared/errors'
import type { Replica, Snapshot, Volume } from '@keelson/shared/model'
import {
  finishOperation,
  formatSize,
  isDiskful,
  snapshotPhase,
  wasMade,
} from '@keelson/shared/model'
import { demandOfVolume, placeTieBreaker } from '../placement/index.ts'
import type { StateView } from '../state/index.ts'
import type { CommandOf } from './command.ts'
import { createDraft, type Decision, type Draft } from './draft.ts'
import { conflicting, differences, findVolume, found, newMeta, stillDeleting } from './lookup.ts'
import { startOperation } from './operation.ts'
import { newReplicas, requireRoom } from './replicas.ts'
import { putVolume, refuseDuringMove } from './volume.ts'

/** Takes a snapshot on every host with data of the volume. */
export function decideCreateSnapshot(
  state: StateView,
  command: CommandOf<'CreateSnapshot'>,
): Decision {
  const { name, labels, stamp } = command
  const volume = findVolume(state, command.volume)
  const draft = createDraft(state, stamp)
  const existing = state.snapshots.get(name)
  if (existing) {
    if (existing.meta.deletionRequestedAt !== undefined) stillDeleting('snapshot', name)
    const changed = differences(existing.spec, { volume: command.volume })
    if (changed.length > 0) conflicting('snapshot', name, changed)
    return draft.decision({ name })
  }
  if (volume.meta.deletionRequestedAt !== undefined) stillDeleting('volume', command.volume)
  refuseDuringMove(volume, 'cannot have a snapshot taken')
  const sources = diskful(volume)
  if (sources.some(({ phase }) => phase !== 'Ready'))
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `volume "${command.volume}" is ${volume.status.phase}, a snapshot needs every replica Ready`,
    )
  const { sizeBytes } = volume.spec
  if (volume.status.actualSizeBytes !== sizeBytes)
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `volume "${command.volume}" is growing from ${formatSize(volume.status.actualSizeBytes)} to ${formatSize(sizeBytes)}; its replicas differ in size until then`,
    )
  for (const replica of sources) requireRoom(state, replica, sizeBytes)
  const replicas = sources.map((replica) => ({
    node: replica.node,
    pool: replica.pool,
    phase: 'Pending' as const,
    allocatedBytes: 0,
    copiedBytes: 0,
    message: '',
  }))
  draft.put('snapshot', name, {
    meta: newMeta(name, labels, stamp),
    spec: { volume: command.volume },
    status: { phase: 'Pending', conditions: [], replicas, sizeBytes },
  })
  for (const replica of replicas) draft.touchNode(replica.node)
  const operation = startOperation(
    draft,
    'SnapshotCreate',
    `snapshot/${name}`,
    `taking a snapshot of ${command.volume} (${formatSize(sizeBytes)})`,
  )
  return draft.decision({ name, operation })
}

/** Makes a volume of a snapshot, on the hosts that have the snapshot. */
export function decideRestoreSnapshot(
  state: StateView,
  command: CommandOf<'RestoreSnapshot'>,
): Decision {
  const { stamp, volume: name } = command
  const snapshot = found(state.snapshots.get(command.snapshot), 'snapshot', command.snapshot)
  const spec = restoredSpec(state, snapshot, command)
  const draft = createDraft(state, stamp)
  const existing = state.volumes.get(name)
  if (existing) {
    if (existing.meta.deletionRequestedAt !== undefined) stillDeleting('volume', name)
    const changed = differences(existing.spec, spec)
    if (changed.length > 0) conflicting('volume', name, changed)
    return draft.decision({ name })
  }
  if (snapshot.status.phase !== 'Ready')
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `snapshot "${command.snapshot}" is ${snapshot.status.phase}, only a Ready one can be restored`,
    )
  const sources = snapshot.status.replicas
  for (const source of sources) requireRoom(state, source, spec.sizeBytes)
  const meta = newMeta(name, command.labels, stamp)
  const nodes = sources.map(({ node }) => node)
  const tieBreaker = placeTieBreaker(state, meta, demandOfVolume({ meta, spec }), nodes)
  const replicas = newReplicas(state, sources, tieBreaker)
  putVolume(draft, {
    meta,
    spec,
    status: { phase: 'Pending', conditions: [], replicas, actualSizeBytes: 0 },
  })
  for (const replica of replicas) draft.touchNode(replica.node)
  const operation = startOperation(
    draft,
    'SnapshotRestore',
    `volume/${name}`,
    `restoring ${command.snapshot} (${formatSize(spec.sizeBytes)})`,
  )
  return draft.decision({ name, operation })
}

function restoredSpec(
  state: StateView,
  snapshot: Snapshot,
  command: CommandOf<'RestoreSnapshot'>,
): Volume['spec'] {
  const source = findVolume(state, snapshot.spec.volume)
  const sizeBytes = command.sizeBytes || snapshot.status.sizeBytes
  if (sizeBytes < snapshot.status.sizeBytes)
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `snapshot "${snapshot.meta.name}" has ${formatSize(snapshot.status.sizeBytes)}, a volume of ${formatSize(sizeBytes)} is too small`,
    )
  return {
    ...source.spec,
    sizeBytes,
    replicas: snapshot.status.replicas.length,
    sourceSnapshot: snapshot.meta.name,
  }
}

/** Marks a snapshot for deletion. */
export function decideDeleteSnapshot(
  state: StateView,
  command: CommandOf<'DeleteSnapshot'>,
): Decision {
  const { name, stamp } = command
  const snapshot = found(state.snapshots.get(name), 'snapshot', name)
  const draft = createDraft(state, stamp)
  if (snapshot.meta.deletionRequestedAt !== undefined) return draft.decision({ name })
  const reader = restoreInProgress(state, snapshot)
  if (reader)
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `snapshot "${name}" is being restored to volume "${reader}"`,
      { reason: 'in-use', details: ['wait for the restore, or cancel its operation'] },
    )
  markSnapshotDeleting(draft, snapshot)
  const running = state.runningOperation('SnapshotCreate', `snapshot/${name}`)
  if (running)
    draft.put(
      'operation',
      running.meta.name,
      finishOperation(running, 'Cancelled', 'the snapshot was deleted', stamp.now),
    )
  draft.event('Normal', 'SnapshotDeleting', `snapshot/${name}`, 'deletion requested')
  return draft.decision({ name })
}

/** Puts the snapshot with every replica Deleting, and tells its hosts. */
export function markSnapshotDeleting(draft: Draft, snapshot: Snapshot): void {
  const replicas = snapshot.status.replicas.map((replica) => ({
    ...replica,
    phase: 'Deleting' as const,
  }))
  putSnapshot(draft, {
    ...snapshot,
    meta: { ...snapshot.meta, deletionRequestedAt: draft.stamp.now },
    status: { ...snapshot.status, replicas },
  })
  for (const replica of replicas) draft.touchNode(replica.node)
}

/** Puts a snapshot with the phase its replicas give it. */
export function putSnapshot(draft: Draft, snapshot: Snapshot): void {
  const deleting = snapshot.meta.deletionRequestedAt !== undefined
  const phase = snapshotPhase(deleting, snapshot.status.replicas)
  draft.put('snapshot', snapshot.meta.name, { ...snapshot, status: { ...snapshot.status, phase } })
}

function diskful(volume: Volume): readonly Replica[] {
  return volume.status.replicas.filter(
    (replica) => isDiskful(replica) && replica.phase !== 'Deleting',
  )
}

/** A volume that is still being made of the snapshot. */
function restoreInProgress(state: StateView, snapshot: Snapshot): string | undefined {
  for (const { node } of snapshot.status.replicas)
    for (const name of state.hosts.volumesOn(node)) {
      const volume = state.volumes.get(name)
      if (volume?.spec.sourceSnapshot !== snapshot.meta.name) continue
      if (volume.status.replicas.some((one) => isDiskful(one) && !wasMade(one))) return name
    }
  return undefined
}
