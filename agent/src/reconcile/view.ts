/** What is on the host, as plans see it: the pools as they were listed, brought up to date. */
import type { PoolState, SnapshotState, VolumeState } from '../storage/driver.ts'
import type { ItemKey } from './step.ts'

/** Everything in a pool. */
export interface PoolListing {
  readonly state: PoolState
  /** By uid. */
  readonly volumes: ReadonlyMap<string, VolumeState>
  /** By uid. */
  readonly snapshots: ReadonlyMap<string, SnapshotState>
  /** Uids of volumes that were created here and whose data is gone. */
  readonly missing: ReadonlySet<string>
  /** What is not ours. */
  readonly orphans: readonly string[]
  /** Uids of snapshots that were here at any time since the agent started. */
  readonly everSeen: ReadonlySet<string>
  /** Items that a step failed on since; whether they exist is not known until the next look. */
  readonly uncertain: ReadonlySet<ItemKey>
}

/** A pool. */
export type PoolView =
  | { readonly kind: 'Listed'; readonly listing: PoolListing }
  | {
      readonly kind: 'Unlisted'
      readonly problem: string
      /**
       * New: it was never listed, so it may have to be prepared. Lost: it was listed before.
       * Silent: listing it does not end, so nothing else of it would.
       */
      readonly state: 'New' | 'Lost' | 'Silent'
    }
  | { readonly kind: 'Removed' }

/** The host: pools by uid. A pool that is not here was not looked at yet. */
export type HostView = ReadonlyMap<string, PoolView>
