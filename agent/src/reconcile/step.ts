/**
 * The steps a plan consists of. A step is a value: what to do, to which item, and why. It carries
 * the whole wish of the moment it was planned, never a difference, so that repeating it is safe.
 */
import type { PoolConfig, SnapshotConfig, VolumeConfig } from '../storage/driver.ts'

/** Names an item of the host: "pool/<uid>", "replica/<uid>", "snapshot/<uid>", "reclaim/<uid>". */
export type ItemKey = `${'pool' | 'replica' | 'snapshot' | 'reclaim'}/${string}`

/** What every step has. */
interface StepHead {
  readonly item: ItemKey
  readonly pool: PoolConfig
  /** Why, as words that follow the step's name: "it is not attached". */
  readonly reason: string
}

/** Makes a pool usable. */
export interface PreparePool extends StepHead {
  readonly type: 'PreparePool'
}

/** Takes an empty pool away. */
export interface RemovePool extends StepHead {
  readonly type: 'RemovePool'
  /** Nothing is known to be in it, so it may be forgotten if it has vanished. */
  readonly lost: boolean
}

/** Creates, grows or attaches a replica. */
export interface EnsureReplica extends StepHead {
  readonly type: 'EnsureReplica'
  readonly volume: VolumeConfig
  /** Whether it does not exist yet. */
  readonly creates: boolean
}

/** Removes a replica. */
export interface RemoveReplica extends StepHead {
  readonly type: 'RemoveReplica'
  readonly volumeUid: string
}

/** Takes a snapshot. */
export interface CreateSnapshot extends StepHead {
  readonly type: 'CreateSnapshot'
  readonly snapshot: SnapshotConfig
}

/** Removes a snapshot. */
export interface RemoveSnapshot extends StepHead {
  readonly type: 'RemoveSnapshot'
  readonly snapshotUid: string
  readonly volumeUid: string
}

/** Destroys what was removed long enough ago. */
export interface Reclaim extends StepHead {
  readonly type: 'Reclaim'
}

/** One step. */
export type Step =
  | PreparePool
  | RemovePool
  | EnsureReplica
  | RemoveReplica
  | CreateSnapshot
  | RemoveSnapshot
  | Reclaim

/** What a step must not share with another running one. */
export interface StepLocks {
  /** A step on a whole pool has the pool for itself; others share it. */
  readonly poolExclusive: boolean
  readonly keys: readonly string[]
}

/** Locks of a step: one volume with its snapshots, and the snapshot that is being copied from. */
export function locksOf(step: Step): StepLocks {
  switch (step.type) {
    case 'PreparePool':
    case 'RemovePool':
      return { poolExclusive: true, keys: [] }
    case 'EnsureReplica': {
      const source = step.creates ? step.volume.sourceSnapshotUid : undefined
      const keys = [`volume/${step.volume.uid}`]
      return { poolExclusive: false, keys: source ? [...keys, `snapshot/${source}`] : keys }
    }
    case 'RemoveReplica':
      return { poolExclusive: false, keys: [`volume/${step.volumeUid}`] }
    case 'CreateSnapshot': {
      const { uid, volumeUid } = step.snapshot
      return { poolExclusive: false, keys: [`volume/${volumeUid}`, `snapshot/${uid}`] }
    }
    case 'RemoveSnapshot':
      return {
        poolExclusive: false,
        keys: [`volume/${step.volumeUid}`, `snapshot/${step.snapshotUid}`],
      }
    case 'Reclaim':
      return { poolExclusive: false, keys: [`reclaim/${step.pool.uid}`] }
  }
}

/** Whether the step may copy the data of a whole volume, and hence take hours. */
export function mayCopy(step: Step): boolean {
  if (step.type === 'CreateSnapshot') return true
  return (
    step.type === 'EnsureReplica' && step.creates && step.volume.sourceSnapshotUid !== undefined
  )
}

/** Whether the step makes or keeps something, and so is pointless once the item is to go. */
export function isMaking(step: Step): boolean {
  return ['PreparePool', 'EnsureReplica', 'CreateSnapshot'].includes(step.type)
}

/** The wish of a step as text: the same for a repetition, another when something else is wanted. */
export function wishOf(step: Step): string {
  return JSON.stringify({ ...step, reason: '' })
}
