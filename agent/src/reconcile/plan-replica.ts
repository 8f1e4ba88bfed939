/** What to do about one replica. See `plan.ts` for the rules. */
import type { DesiredReplica, ObservedReplica } from '@keelson/shared/model'
import { alignUp, formatSize, VOLUME_ALIGNMENT_BYTES } from '@keelson/shared/model'
import type { PoolConfig, VolumeConfig, VolumeState } from '../storage/driver.ts'
import { type PlanContext, type Planned, type PlanPool, placeOf } from './plan-context.ts'
import type { EnsureReplica, ItemKey } from './step.ts'
import type { PoolListing } from './view.ts'

/** Plans one replica. */
export function planReplica(
  context: PlanContext,
  wanted: DesiredReplica,
): Planned<ObservedReplica> {
  const removing = wanted.intent === 'Absent'
  const refusal = removing ? undefined : refusalOf(context, wanted)
  if (refusal !== undefined) return only(wanted, 'Failed', refusal)
  // A witness has nothing on disk: it is there as soon as it is wanted.
  if (wanted.role !== 'Diskful') return only(wanted, removing ? 'Absent' : 'Ready', '')
  const place = placeOf(context, keyOf(wanted), wanted)
  if ('phase' in place) {
    const { phase, message, ...doubt } = place
    return { ...only(wanted, phase, message), ...doubt }
  }
  const { pool, listing } = place
  return removing
    ? planRemoval(wanted, pool.config, listing)
    : planPresence(context, wanted, pool, listing)
}

/** Why this host cannot have the replica at all; saying so beats data that is not replicated. */
function refusalOf({ abilities }: PlanContext, wanted: DesiredReplica): string | undefined {
  if (wanted.role === 'Diskless' || (wanted.role === 'TieBreaker' && !abilities.replication))
    return `this agent cannot serve ${wanted.role} replicas: it does not drive DRBD`
  if (wanted.drbdNodeId !== undefined && !abilities.replication)
    return 'this agent cannot replicate: it does not drive DRBD'
  return undefined
}

function planRemoval(
  wanted: DesiredReplica,
  pool: PoolConfig,
  listing: PoolListing,
): Planned<ObservedReplica> {
  const uid = wanted.volumeUid
  if (!listing.volumes.has(uid) && !listing.missing.has(uid)) return only(wanted, 'Absent', '')
  const item = keyOf(wanted)
  const reason = 'its removal was asked for'
  return {
    ...only(wanted, 'Pending', 'being removed'),
    step: { type: 'RemoveReplica', item, pool, volumeUid: uid, reason },
  }
}

function planPresence(
  context: PlanContext,
  wanted: DesiredReplica,
  { config: pool, leaving }: PlanPool,
  listing: PoolListing,
): Planned<ObservedReplica> {
  const volume = listing.volumes.get(wanted.volumeUid)
  if (volume !== undefined) {
    const planned = planExisting(wanted, pool, volume)
    if (wanted.provisioned) return planned
    const made = { kind: 'Replica', uid: volume.uid, poolUid: wanted.poolUid } as const
    return { ...planned, ...only(wanted, 'Pending', makingOf(wanted)), made }
  }
  if (wanted.provisioned || listing.missing.has(wanted.volumeUid))
    return only(wanted, 'Failed', lossOf(wanted, pool, listing))
  if (leaving) return only(wanted, 'Failed', `its pool ${pool.name} is being removed`)
  const source = wanted.sourceSnapshotUid
  if (source !== '' && !listing.snapshots.has(source)) {
    // One that was taken already and is not here is lost, and nobody takes it again.
    const expected = context.desired.snapshots.some(
      ({ uid, intent, provisioned }) => uid === source && intent === 'Present' && !provisioned,
    )
    return expected
      ? only(wanted, 'Pending', `waiting for snapshot ${source}`)
      : only(wanted, 'Failed', `snapshot ${source} is not on this host`)
  }
  return {
    ...only(wanted, 'Pending', makingOf(wanted)),
    step: ensure(wanted, pool, 'it does not exist yet', true),
  }
}

/** Said until it is recorded as made, so that recording it is no news of its own. */
function makingOf({ sourceSnapshotUid }: DesiredReplica): string {
  return sourceSnapshotUid === '' ? 'being created' : 'being restored'
}

function planExisting(
  wanted: DesiredReplica,
  pool: PoolConfig,
  volume: VolumeState,
): Planned<ObservedReplica> {
  const { devicePath, kernelDevice = '', sizeBytes, allocatedBytes } = volume
  const base = { ...only(wanted, 'Ready', ''), item: keyOf(wanted) }
  const seen = { ...base.observed, devicePath, kernelDevice, sizeBytes, allocatedBytes }
  if (!volume.ready)
    return {
      ...base,
      observed: { ...seen, phase: 'Pending', message: 'being attached' },
      step: ensure(wanted, pool, 'it is not attached', false),
    }
  const wantedBytes = alignUp(wanted.sizeBytes, VOLUME_ALIGNMENT_BYTES)
  if (sizeBytes < wantedBytes) {
    // It can be used as it is, so it stays Ready; its size says how far growing is.
    const reason = `it has ${formatSize(sizeBytes)}, wanted are ${formatSize(wantedBytes)}`
    return {
      ...base,
      observed: { ...seen, message: `growing to ${formatSize(wantedBytes)}` },
      step: ensure(wanted, pool, reason, false),
    }
  }
  const observed = { ...seen, message: volume.warnings.join('; ') }
  if (volume.repair === undefined) return { ...base, observed }
  return { ...base, observed, step: ensure(wanted, pool, volume.repair, false) }
}

function ensure(
  wanted: DesiredReplica,
  pool: PoolConfig,
  reason: string,
  creates: boolean,
): EnsureReplica {
  const { volumeUid: uid, volume: name, sizeBytes, sourceSnapshotUid } = wanted
  const fromSnapshot = creates && sourceSnapshotUid !== '' && { sourceSnapshotUid }
  // What was listed must not be made anew either, should it vanish before the step gets to it.
  const volume: VolumeConfig = { uid, name, sizeBytes, provisioned: !creates, ...fromSnapshot }
  return { type: 'EnsureReplica', item: keyOf(wanted), pool, volume, creates, reason }
}

/** The data is gone: says so, and where the driver still sees a trace of it. */
function lossOf(wanted: DesiredReplica, pool: PoolConfig, listing: PoolListing): string {
  const traces = listing.orphans.filter((orphan) => orphan.includes(wanted.volumeUid))
  const loss = `the data of volume ${wanted.volume} is gone from pool ${pool.name}; it is not created anew`
  return [loss, ...traces.map((trace) => `found: ${trace}`)].join('; ')
}

function keyOf({ volumeUid }: DesiredReplica): ItemKey {
  return `replica/${volumeUid}`
}

function only(
  wanted: DesiredReplica,
  phase: ObservedReplica['phase'],
  message: string,
): Planned<ObservedReplica> {
  return {
    item: keyOf(wanted),
    observed: {
      volumeUid: wanted.volumeUid,
      phase,
      message,
      devicePath: '',
      kernelDevice: '',
      sizeBytes: 0,
      allocatedBytes: 0,
    },
  }
}
