/** What a host reports back, item by item: failures are data here, not exceptions. */
import type { SnapshotMethod } from './snapshot.ts'

/** How an item fares on the host. */
export type ItemPhase = 'Pending' | 'Ready' | 'Failed' | 'Absent'

/** How a pool fares. */
export interface ObservedPool {
  readonly uid: string
  readonly phase: ItemPhase
  readonly message: string
  readonly totalBytes: number
  readonly freeBytes: number
  readonly reflink: boolean
  /** Things in the pool that no document names. */
  readonly orphans: readonly string[]
}

/** How a replica fares. */
export interface ObservedReplica {
  readonly volumeUid: string
  readonly phase: ItemPhase
  readonly message: string
  readonly devicePath: string
  readonly kernelDevice: string
  readonly sizeBytes: number
  readonly allocatedBytes: number
}

/** How a snapshot fares. */
export interface ObservedSnapshot {
  readonly uid: string
  readonly phase: ItemPhase
  readonly message: string
  readonly method?: SnapshotMethod
  readonly sizeBytes: number
  readonly allocatedBytes: number
  readonly copiedBytes: number
}

/** Items that changed since the last report of the session; the first report has all. */
export interface ObservedState {
  readonly appliedGeneration: number
  readonly full: boolean
  readonly pools: readonly ObservedPool[]
  readonly replicas: readonly ObservedReplica[]
  readonly snapshots: readonly ObservedSnapshot[]
  readonly observedAt: number
}
