import type { Condition, ObjectMeta } from './meta.ts'

/** Life of a snapshot: Pending → Ready | Failed → Deleting → gone. */
export type SnapshotPhase = 'Pending' | 'Ready' | 'Failed' | 'Deleting'

/** How the data was kept: shared blocks, or a full copy. */
export type SnapshotMethod = 'Reflink' | 'Copy'

/** A snapshot on one host. */
export interface SnapshotReplica {
  readonly node: string
  readonly pool: string
  readonly phase: SnapshotPhase
  /** Absent until it was taken; stays when its data is lost. */
  readonly method?: SnapshotMethod
  readonly allocatedBytes: number
  /** Progress of a copy. */
  readonly copiedBytes: number
  readonly message: string
}

/** A point in time of a volume. */
export interface Snapshot {
  readonly meta: ObjectMeta
  readonly spec: {
    /** Name of the volume. */
    readonly volume: string
  }
  readonly status: {
    readonly phase: SnapshotPhase
    readonly conditions: readonly Condition[]
    readonly replicas: readonly SnapshotReplica[]
    /** Size of the volume when it was taken. */
    readonly sizeBytes: number
  }
}

/** Whether a host has reported its snapshot taken at any time: it must never take it again. */
export function wasTaken(replica: SnapshotReplica): boolean {
  return replica.method !== undefined
}

/** The phase a snapshot has because of its replicas. */
export function snapshotPhase(
  deleting: boolean,
  replicas: readonly SnapshotReplica[],
): SnapshotPhase {
  if (deleting) return 'Deleting'
  if (replicas.every((replica) => replica.phase === 'Ready')) return 'Ready'
  return replicas.some((replica) => replica.phase === 'Failed') ? 'Failed' : 'Pending'
}
