/** What to do about one snapshot. See `plan.ts` for the rules. */
import type { DesiredSnapshot, ObservedSnapshot } from '@keelson/shared/model'
import type { PoolConfig, SnapshotState } from '../storage/driver.ts'
import type { PlanContext, Planned, PlanPool } from './plan-context.ts'
import type { ItemKey } from './step.ts'
import type { PoolListing } from './view.ts'

/** Plans one snapshot. */
export function planSnapshot(
  context: PlanContext,
  wanted: DesiredSnapshot,
): Planned<ObservedSnapshot> {
  const pool = context.pool(wanted.poolUid)
  const removing = wanted.intent === 'Absent'
  if (pool === undefined)
    return only(wanted, 'Failed', `its pool ${wanted.poolUid} is not in the document`)
  const seen = pool.view
  if (seen === undefined) return only(wanted, 'Pending', `waiting for pool ${pool.config.name}`)
  if (seen.kind === 'Removed' && removing) return only(wanted, 'Absent', '')
  if (seen.kind !== 'Listed') {
    const problem = seen.kind === 'Unlisted' ? seen.problem : 'it was removed'
    const message = `waiting for pool ${pool.config.name}: ${problem}`
    return only(wanted, wanted.provisioned && !removing ? 'Failed' : 'Pending', message)
  }
  const { listing } = seen
  if (listing.uncertain.has(keyOf(wanted)))
    return { ...only(wanted, 'Pending', 'being looked at again'), uncertain: true }
  const snapshot = listing.snapshots.get(wanted.uid)
  if (removing) return planRemoval(wanted, pool.config, snapshot)
  if (snapshot !== undefined) return { item: keyOf(wanted), observed: observedOf(snapshot) }
  return planCreation(context, wanted, pool, listing)
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
    ...only(wanted, 'Pending', 'being taken'),
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
