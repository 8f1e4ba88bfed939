/** What to do about one snapshot. See `plan.ts` for the rules. */
import type { DesiredSnapshot, ObservedSnapshot } from '@keelson/shared/model'
import type { PoolConfig, SnapshotState } from '../storage/driver.ts'
import { type PlanContext, type Planned, type PlanPool, placeOf } from './plan-context.ts'
import type { ItemKey } from './step.ts'
import type { PoolListing } from './view.ts'

/** Said until it is recorded as taken, so that recording it is no news of its own. */
const MAKING = 'being taken'

/** Plans one snapshot. */
export function planSnapshot(
  context: PlanContext,
  wanted: DesiredSnapshot,
): Planned<ObservedSnapshot> {
  const place = placeOf(context, keyOf(wanted), wanted)
  if ('phase' in place) {
    const { phase, message, ...doubt } = place
    return { ...only(wanted, phase, message), ...doubt }
  }
  const { pool, listing } = place
  const snapshot = listing.snapshots.get(wanted.uid)
  if (wanted.intent === 'Absent') return planRemoval(wanted, pool.config, snapshot)
  if (snapshot === undefined) return planCreation(context, wanted, pool, listing)
  if (wanted.provisioned) return { item: keyOf(wanted), observed: observedOf(snapshot) }
  const { uid, poolUid } = wanted
  return { ...only(wanted, 'Pending', MAKING), made: { kind: 'Snapshot', uid, poolUid } }
}

function planRemoval(
  wanted: DesiredSnapshot,
  pool: PoolConfig,
  snapshot: SnapshotState | undefined,
): Planned<ObservedSnapshot> {
  if (snapshot === undefined) return only(wanted, 'Absent', '')
  const { uid: snapshotUid, volumeUid } = snapshot
  const item = keyOf(wanted)
  const reason = 'its removal was asked for'
  return {
    ...only(wanted, 'Pending', 'being removed'),
    step: { type: 'RemoveSnapshot', item, pool, snapshotUid, volumeUid, reason },
  }
}

function planCreation(
  { desired }: PlanContext,
  wanted: DesiredSnapshot,
  { config: pool, leaving }: PlanPool,
  listing: PoolListing,
): Planned<ObservedSnapshot> {
  // Taking it again would pass today's data off as that of back then.
  if (wanted.provisioned || listing.everSeen.has(wanted.uid))
    return only(wanted, 'Failed', `its data is gone from pool ${pool.name}; it is not taken anew`)
  if (leaving) return only(wanted, 'Failed', `its pool ${pool.name} is being removed`)
  const volume = desired.replicas.find(({ volumeUid }) => volumeUid === wanted.volumeUid)
  if (volume === undefined || volume.intent === 'Absent')
    return only(wanted, 'Failed', `its volume ${wanted.volumeUid} is not on this host`)
  if (!listing.volumes.get(wanted.volumeUid)?.ready)
    return only(wanted, 'Pending', `waiting for volume ${volume.volume}`)
  const { uid, name, volumeUid } = wanted
  const item = keyOf(wanted)
  const reason = 'it does not exist yet'
  return {
    ...only(wanted, 'Pending', MAKING),
    step: { type: 'CreateSnapshot', item, pool, snapshot: { uid, name, volumeUid }, reason },
  }
}

function keyOf({ uid }: DesiredSnapshot): ItemKey {
  return `snapshot/${uid}`
}

function observedOf(snapshot: SnapshotState): ObservedSnapshot {
  const { uid, method, sizeBytes, allocatedBytes } = snapshot
  const copiedBytes = method === 'Copy' ? sizeBytes : 0
  return { uid, phase: 'Ready', message: '', method, sizeBytes, allocatedBytes, copiedBytes }
}

function only(
  { uid }: DesiredSnapshot,
  phase: ObservedSnapshot['phase'],
  message: string,
): Planned<ObservedSnapshot> {
  return {
    item: `snapshot/${uid}`,
    observed: { uid, phase, message, sizeBytes: 0, allocatedBytes: 0, copiedBytes: 0 },
  }
}
