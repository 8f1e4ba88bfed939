import { KeelsonError } from '@keelson/shared/errors'
import type { PlacementReport, Volume, VolumeSpec } from '@keelson/shared/model'
import {
  countedReplicas,
  formatSize,
  isDiskful,
  volumePhase,
  wasTaken,
} from '@keelson/shared/model'
import { demandOfVolume, placeVolume, volumeWarnings } from '../placement/index.ts'
import type { StateView } from '../state/index.ts'
import type { CommandOf } from './command.ts'
import { createDraft, type Decision, type Draft } from './draft.ts'
import { conflicting, differences, findVolume, found, newMeta, stillDeleting } from './lookup.ts'
import { endOperation, startOperation } from './operation.ts'
import { newReplicas, requireGrowth, whereAre } from './replicas.ts'
import { tellWarnings } from './warn.ts'

/** Places and creates a volume; the same name with the same parameters is the same volume. */
export function decideCreateVolume(state: StateView, command: CommandOf<'CreateVolume'>): Decision {
  const { name, labels, stamp, tenant } = command
  const spec = completeVolumeSpec(state, command.spec)
  const existing = state.volumes.get(name)
  if (existing) return sameOrConflict(state, existing, spec, command)
  checkVolumeNames(state, spec)
  const meta = newMeta(name, labels, stamp, tenant)
  const { places, report, tieBreaker } = placeVolume(state, meta, demandOfVolume({ meta, spec }), {
    explain: command.dryRun === true,
  })
  if (places.length === 0) throw notPlaceable(report)
  const draft = createDraft(state, stamp)
  const volume: Volume = {
    meta,
    spec,
    status: {
      phase: 'Pending',
      conditions: [],
      replicas: newReplicas(state, places, tieBreaker),
      actualSizeBytes: 0,
    },
  }
  putVolume(draft, volume)
  for (const replica of volume.status.replicas) draft.touchNode(replica.node)
  draft.event(
    'Normal',
    'VolumeCreated',
    `volume/${name}`,
    `${formatSize(spec.sizeBytes)} placed on ${whereAre(volume.status.replicas)}`,
  )
  const demand = demandOfVolume(volume)
  const warnings = volumeWarnings(
    state,
    name,
    demand,
    places.map(({ node }) => node),
  )
  return draft.decision({ name, report: tellWarnings(draft, `volume/${name}`, report, warnings) })
}

/** The class's rules where the request leaves a choice; NOT_FOUND if there is no such class. */
export function completeVolumeSpec(state: StateView, spec: VolumeSpec): VolumeSpec {
  const { storageClass: name } = spec
  const ofClass = name === '' ? undefined : found(state.classes.get(name), 'class', name).spec
  return {
    ...spec,
    replicas: spec.replicas || ofClass?.replicas || 1,
    pool: spec.pool || ofClass?.pool || '',
  }
}

/** The spec with the fields that it may leave out, so that a comparison sees them. */
function withAll(spec: VolumeSpec): object {
  return { rules: undefined, replicaRules: undefined, tieBreakerMode: undefined, ...spec }
}

function sameOrConflict(
  state: StateView,
  existing: Volume,
  spec: VolumeSpec,
  command: CommandOf<'CreateVolume'>,
): Decision {
  if (existing.meta.deletionRequestedAt !== undefined) stillDeleting('volume', command.name)
  const changed = [
    ...differences({ tenant: existing.meta.tenant ?? '' }, { tenant: command.tenant ?? '' }),
    ...differences<object>(existing.spec, withAll(spec)),
  ]
  if (changed.length > 0) conflicting('volume', command.name, changed)
  return createDraft(state, command.stamp).decision({ name: command.name })
}

/** A name that exists nowhere is a mistake, not a shortage: NOT_FOUND before placing. */
export function checkVolumeNames(state: StateView, spec: VolumeSpec): void {
  for (const node of [...spec.nodes, ...(spec.rules?.nodes ?? [])])
    found(state.nodes.get(node), 'node', node)
  if (spec.pool === '') return
  const known = state.hosts.candidates().some(({ pool }) => pool.meta.name === spec.pool)
  if (!known) throw new KeelsonError('NOT_FOUND', `pool "${spec.pool}" does not exist on any node`)
}

/** A refusal with its report: what came nearest is named first. */
export function notPlaceable(report: PlacementReport): KeelsonError {
  const rejected = report.nodes.filter((verdict) => verdict.rejectedBy !== '')
  const all = (report.groups ?? []).reduce((sum, { count }) => sum + count, 0)
  const shown = rejected
    .slice(0, 10)
    .map((v) => `${v.pool === '' ? v.node : `${v.node}/${v.pool}`}: ${v.rejectedBy}: ${v.reason}`)
  const details = [
    ...shown,
    ...(all > shown.length ? [`… and ${all - shown.length} more`] : []),
    ...(report.closestMiss ? [`closest: ${report.closestMiss}`] : []),
    ...(report.suggestedFix ? [`fix: ${report.suggestedFix}`] : []),
  ]
  return new KeelsonError('RESOURCE_EXHAUSTED', report.summary, {
    reason: 'not-placeable',
    details,
    report,
  })
}

/** Grows a volume; shrinking would cut off data and is refused. */
export function decideResizeVolume(state: StateView, command: CommandOf<'ResizeVolume'>): Decision {
  const { name, sizeBytes, stamp } = command
  const volume = findVolume(state, name)
  if (volume.meta.deletionRequestedAt !== undefined) stillDeleting('volume', name)
  const draft = createDraft(state, stamp)
  if (sizeBytes === volume.spec.sizeBytes) return draft.decision({ name })
  if (sizeBytes < volume.spec.sizeBytes)
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `volume "${name}" has ${formatSize(volume.spec.sizeBytes)}, it cannot shrink to ${formatSize(sizeBytes)}`,
    )
  refuseDuringSnapshot(state, name)
  refuseDuringMove(volume, 'cannot grow')
  const growthBytes = sizeBytes - volume.spec.sizeBytes
  for (const replica of volume.status.replicas)
    if (isDiskful(replica)) requireGrowth(state, replica, growthBytes)
  const meta = { ...volume.meta, generation: volume.meta.generation + 1 }
  putVolume(draft, { ...volume, meta, spec: { ...volume.spec, sizeBytes } })
  for (const replica of volume.status.replicas) draft.touchNode(replica.node)
  const earlier = state.runningOperation('VolumeResize', `volume/${name}`)
  if (earlier) endOperation(draft, earlier, 'Cancelled', `${formatSize(sizeBytes)} are wanted now`)
  const operation = startOperation(
    draft,
    'VolumeResize',
    `volume/${name}`,
    `growing from ${formatSize(volume.spec.sizeBytes)} to ${formatSize(sizeBytes)}`,
  )
  return draft.decision({ name, operation })
}

/**
 * The hosts take a snapshot and grow in their own time: the snapshot's copies would differ in size.
 */
function refuseDuringSnapshot(state: StateView, name: string): void {
  for (const id of state.hosts.snapshotsOf(name)) {
    const { phase, replicas } = state.snapshots.get(id)!.status
    if (phase === 'Deleting' || replicas.every(wasTaken)) continue
    throw new KeelsonError('FAILED_PRECONDITION', `snapshot "${id}" of it is being taken`, {
      reason: 'in-use',
      details: ['wait for the snapshot, or cancel its operation'],
    })
  }
}

/**
 * A replica that is being added would be made in another size than the one it is to replace.
 * FAILED_PRECONDITION with where it goes.
 */
export function refuseDuringMove({ meta, status }: Volume, problem: string): void {
  const { move } = status
  if (!move) return
  throw new KeelsonError(
    'FAILED_PRECONDITION',
    `volume "${meta.name}" ${problem}: a replica is on its way from ${move.fromNode} to ${move.toNode}`,
    { reason: 'in-use', details: [`wait for operation ${move.operation}, or cancel it`] },
  )
}

/** Marks a volume for deletion; its record goes when every host has let go of its replica. */
export function decideDeleteVolume(state: StateView, command: CommandOf<'DeleteVolume'>): Decision {
  const { name, stamp } = command
  const volume = findVolume(state, name)
  const draft = createDraft(state, stamp)
  if (volume.meta.deletionRequestedAt !== undefined) return draft.decision({ name })
  refuseInUse(state, name)
  refuseWithSnapshots(state, name)
  markDeleting(draft, volume)
  draft.event('Normal', 'VolumeDeleting', `volume/${name}`, 'deletion requested')
  return draft.decision({ name })
}

/** FAILED_PRECONDITION while a volume has snapshots: their data would go with it. */
export function refuseWithSnapshots(state: StateView, name: string): void {
  const snapshots = [...state.hosts.snapshotsOf(name)].sort()
  if (snapshots.length === 0) return
  throw new KeelsonError(
    'FAILED_PRECONDITION',
    `volume "${name}" has ${snapshots.length} snapshot${snapshots.length > 1 ? 's' : ''}: ${snapshots.slice(0, 5).join(', ')}`,
    { reason: 'in-use', details: ['delete the snapshots first'] },
  )
}

/** FAILED_PRECONDITION while machines use a volume. */
export function refuseInUse(state: StateView, name: string): void {
  const machines = [...state.hosts.machinesOf(name)].sort()
  if (machines.length === 0) return
  throw new KeelsonError(
    'FAILED_PRECONDITION',
    `volume "${name}" is used by ${machines.length} machine${machines.length > 1 ? 's' : ''}: ${machines.slice(0, 5).join(', ')}`,
    { reason: 'in-use', details: ['delete the machines first, or take the disk away from them'] },
  )
}

/** Puts the volume with every replica Deleting, and tells its hosts; a move ends with it. */
export function markDeleting(draft: Draft, volume: Volume): void {
  const { move, ...status } = volume.status
  const moving = move && draft.state.operations.get(move.operation)
  if (moving) endOperation(draft, moving, 'Failed', 'the volume is being deleted')
  const replicas = volume.status.replicas.map((replica) => ({
    ...replica,
    phase: 'Deleting' as const,
  }))
  putVolume(draft, {
    ...volume,
    meta: { ...volume.meta, deletionRequestedAt: draft.stamp.now },
    status: { ...status, replicas },
  })
  for (const replica of replicas) draft.touchNode(replica.node)
}

/** Puts a volume with the phase its replicas give it. */
export function putVolume(draft: Draft, volume: Volume): void {
  const deleting = volume.meta.deletionRequestedAt !== undefined
  const phase = volumePhase(deleting, countedReplicas(volume))
  draft.put('volume', volume.meta.name, { ...volume, status: { ...volume.status, phase } })
}
