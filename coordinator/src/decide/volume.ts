import { KeelsonError } from '@keelson/shared/errors'
import type { NodeVerdict, StorageClass, Volume, VolumeSpec } from '@keelson/shared/model'
import {
  formatSize,
  isJoining,
  parseSelector,
  RACK_LABEL,
  volumePhase,
  wasTaken,
} from '@keelson/shared/model'
import { FILTERS, placeVolume, type VolumeRequest } from '../placement/index.ts'
import type { Candidate, StateView } from '../state/index.ts'
import type { CommandOf } from './command.ts'
import { createDraft, type Decision, type Draft } from './draft.ts'
import { conflicting, differences, findVolume, found, newMeta, stillDeleting } from './lookup.ts'
import { endOperation, startOperation } from './operation.ts'
import { newReplicas, type Place, requireGrowth } from './replicas.ts'

/** Places and creates a volume; the same name with the same parameters is the same volume. */
export function decideCreateVolume(state: StateView, command: CommandOf<'CreateVolume'>): Decision {
  const { name, labels, stamp } = command
  const storageClass =
    command.spec.storageClass === ''
      ? undefined
      : found(state.classes.get(command.spec.storageClass), 'class', command.spec.storageClass)
  const spec = withClass(command.spec, storageClass)
  const existing = state.volumes.get(name)
  if (existing) return sameOrConflict(state, existing, spec, command)
  checkNames(state, spec)
  const request = volumeRequest(`volume/${name}`, spec, storageClass, stamp.uid)
  const placement = placeVolume(state.hosts.candidates(), request, {
    explain: command.dryRun === true,
    resourceVersion: state.revision,
  })
  if (placement.chosen.length === 0) throw notPlaceable(placement.report)
  const draft = createDraft(state, stamp)
  const volume: Volume = {
    meta: newMeta(name, labels, stamp),
    spec,
    status: {
      phase: 'Pending',
      conditions: [],
      replicas: newReplicas(state, placement.chosen.map(placeOf)),
      actualSizeBytes: 0,
    },
  }
  putVolume(draft, volume)
  for (const replica of volume.status.replicas) draft.touchNode(replica.node)
  const where = volume.status.replicas.map((replica) => `${replica.node}/${replica.pool}`)
  draft.event(
    'Normal',
    'VolumeCreated',
    `volume/${name}`,
    `${formatSize(spec.sizeBytes)} placed on ${where.join(', ')}`,
  )
  return draft.decision({ name, report: placement.report })
}

/** The class's rules where the request leaves a choice. */
function withClass(spec: VolumeSpec, storageClass: StorageClass | undefined): VolumeSpec {
  return {
    ...spec,
    replicas: spec.replicas || storageClass?.spec.replicas || 1,
    pool: spec.pool || storageClass?.spec.pool || '',
  }
}

function sameOrConflict(
  state: StateView,
  existing: Volume,
  spec: VolumeSpec,
  command: CommandOf<'CreateVolume'>,
): Decision {
  if (existing.meta.deletionRequestedAt !== undefined) stillDeleting('volume', command.name)
  const changed = differences(existing.spec, spec)
  if (changed.length > 0) conflicting('volume', command.name, changed)
  return createDraft(state, command.stamp).decision({ name: command.name })
}

/** A name that exists nowhere is a mistake, not a shortage: NOT_FOUND before placing. */
function checkNames(state: StateView, spec: VolumeSpec): void {
  for (const node of spec.nodes) found(state.nodes.get(node), 'node', node)
  if (spec.pool === '') return
  const known = state.hosts.candidates().some(({ pool }) => pool.meta.name === spec.pool)
  if (!known) throw new KeelsonError('NOT_FOUND', `pool "${spec.pool}" does not exist on any node`)
}

function volumeRequest(
  subject: string,
  spec: VolumeSpec,
  storageClass: StorageClass | undefined,
  uid: string,
): VolumeRequest {
  return {
    subject,
    sizeBytes: spec.sizeBytes,
    replicas: spec.replicas,
    pool: spec.pool,
    poolKinds: storageClass?.spec.poolKinds ?? [],
    poolSelector: selectorOf(storageClass),
    nodes: spec.nodes,
    failureDomain: storageClass?.spec.failureDomain ?? RACK_LABEL,
    failureDomainMode: storageClass?.spec.failureDomainMode ?? 'PreferDifferent',
    seed: Number.parseInt(uid.slice(0, 8), 16),
  }
}

function placeOf({ pool }: Candidate): Place {
  return { node: pool.spec.node, pool: pool.meta.name }
}

function selectorOf(storageClass: StorageClass | undefined): VolumeRequest['poolSelector'] {
  const text = storageClass?.spec.poolSelector ?? ''
  return text === '' ? undefined : parseSelector(text)
}

/** Verdicts that fit the trailer of a refusal; the funnel still counts all candidates. */
const VERDICTS_OF_A_REFUSAL = 50

/** Why there is no place. Candidates that came furthest through the filters are named first. */
export function notPlaceable(report: ReturnType<typeof placeVolume>['report']): KeelsonError {
  const came = ({ rejectedBy }: NodeVerdict) =>
    rejectedBy === '' ? FILTERS.length : FILTERS.findIndex(({ name }) => name === rejectedBy)
  const nodes = [...report.nodes].sort((a, b) => came(b) - came(a))
  const rejected = nodes.filter((verdict) => verdict.rejectedBy !== '')
  const shown = rejected
    .slice(0, 10)
    .map((v) => `${v.node}/${v.pool}: ${v.rejectedBy}: ${v.reason}`)
  const details = [
    ...shown,
    ...(rejected.length > shown.length ? [`… and ${rejected.length - shown.length} more`] : []),
    ...(report.closestMiss ? [`closest: ${report.closestMiss}`] : []),
    ...(report.suggestedFix ? [`fix: ${report.suggestedFix}`] : []),
  ]
  return new KeelsonError('RESOURCE_EXHAUSTED', report.summary, {
    reason: 'not-placeable',
    details,
    report: { ...report, nodes: nodes.slice(0, VERDICTS_OF_A_REFUSAL) },
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
  const growthBytes = sizeBytes - volume.spec.sizeBytes
  for (const replica of volume.status.replicas)
    if (replica.role === 'Diskful') requireGrowth(state, replica, growthBytes)
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

/** Marks a volume for deletion; its record goes when every host has let go of its replica. */
export function decideDeleteVolume(state: StateView, command: CommandOf<'DeleteVolume'>): Decision {
  const { name, stamp } = command
  const volume = findVolume(state, name)
  const draft = createDraft(state, stamp)
  if (volume.meta.deletionRequestedAt !== undefined) return draft.decision({ name })
  const snapshots = [...state.hosts.snapshotsOf(name)].sort()
  if (snapshots.length > 0)
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `volume "${name}" has ${snapshots.length} snapshot${snapshots.length > 1 ? 's' : ''}: ${snapshots.slice(0, 5).join(', ')}`,
      { reason: 'in-use', details: ['delete the snapshots first'] },
    )
  markDeleting(draft, volume)
  draft.event('Normal', 'VolumeDeleting', `volume/${name}`, 'deletion requested')
  return draft.decision({ name })
}

/** Puts the volume with every replica Deleting, and tells its hosts. */
export function markDeleting(draft: Draft, volume: Volume): void {
  const replicas = volume.status.replicas.map((replica) => ({
    ...replica,
    phase: 'Deleting' as const,
  }))
  putVolume(draft, {
    ...volume,
    meta: { ...volume.meta, deletionRequestedAt: draft.stamp.now },
    status: { ...volume.status, replicas },
  })
  for (const replica of replicas) draft.touchNode(replica.node)
}

/** Puts a volume with the phase its replicas give it. */
export function putVolume(draft: Draft, volume: Volume): void {
  const deleting = volume.meta.deletionRequestedAt !== undefined
  const counted = volume.status.replicas.filter((replica) => !isJoining(volume, replica))
  const phase = volumePhase(deleting, counted)
  draft.put('volume', volume.meta.name, { ...volume, status: { ...volume.status, phase } })
}
