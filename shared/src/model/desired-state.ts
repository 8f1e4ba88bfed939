/**
 * The one document a host gets. Absence means nothing: only an item with intent Absent is removed,
 * so that a short, old or wrong document can never take data away.
 */

import type { StoragePoolKind } from './storage-pool.ts'
import type { ReplicaRole } from './volume.ts'

/** Whether an item should be there. */
export type Intent = 'Present' | 'Absent'

/** One pool of the host. */
export interface DesiredPool {
  readonly uid: string
  readonly name: string
  readonly kind: StoragePoolKind
  readonly path: string
  readonly intent: Intent
}

/** One replica on the host. */
export interface DesiredReplica {
  readonly volumeUid: string
  readonly volume: string
  /** Empty for diskless roles. */
  readonly poolUid: string
  readonly role: ReplicaRole
  readonly sizeBytes: number
  /** Empty starts with zeros. */
  readonly sourceSnapshotUid: string
  readonly intent: Intent
  /** Its data was there once: missing data is reported, never replaced by an empty volume. */
  readonly provisioned: boolean
  readonly drbdNodeId?: number
  readonly drbdMinor?: number
  readonly drbdPort?: number
}

/** One snapshot on the host. */
export interface DesiredSnapshot {
  readonly uid: string
  readonly name: string
  readonly volumeUid: string
  readonly poolUid: string
  readonly intent: Intent
  /** It was taken once: missing data is reported, and the snapshot is never taken again. */
  readonly provisioned: boolean
}

/** Everything one host should be. */
export interface DesiredState {
  readonly clusterId: string
  readonly node: string
  /** Grows with every change; a smaller one than stored is refused. */
  readonly generation: number
  readonly pools: readonly DesiredPool[]
  readonly replicas: readonly DesiredReplica[]
  readonly snapshots: readonly DesiredSnapshot[]
}
