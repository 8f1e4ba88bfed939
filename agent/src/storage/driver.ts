/**
 * The one seam between the reconciler and storage. A driver is level-triggered: every call names
 * the state that is wanted, may be repeated at will, and continues what a crash interrupted. It
 * keeps no memory of its own besides caches; the disk is the truth, read anew by every call.
 *
 * The caller serialises the calls for one volume (with its snapshots) and `preparePool` and
 * `removePool` with everything else of that pool; calls for different volumes may overlap. One
 * process drives a pool at a time, which the agent's file lock ensures.
 *
 * All errors are KeelsonErrors. Besides the codes named at each method: RESOURCE_EXHAUSTED when
 * space is short, with numbers; FAILED_PRECONDITION when the host cannot do it (a tool or file
 * system feature is missing, or the pool has vanished); CANCELLED or the signal's reason when
 * aborted.
 */

import {
  alignUp,
  type SnapshotMethod,
  type StoragePoolKind,
  VOLUME_ALIGNMENT_BYTES,
} from '@keelson/shared/model'

/** How a pool keeps its volumes. */
export type PoolKind = StoragePoolKind

/** A pool as the coordinator wants it. */
export interface PoolConfig {
  readonly uid: string
  readonly name: string
  readonly kind: PoolKind
  /** Absolute path of the pool's directory. */
  readonly path: string
  readonly clusterId: string
}

/** A pool as it is. */
export interface PoolState {
  /** Capacity of what the pool lives on, shared with whatever else lives there. */
  readonly totalBytes: number
  /** What can still be promised; space in the trash is not in it. */
  readonly freeBytes: number
  /** Held by removed volumes and snapshots until `reclaim`, sooner when space is needed. */
  readonly trashBytes: number
  /** Name of the file system, such as `xfs`; empty for pools that have none. */
  readonly filesystem: string
  /** Whether snapshots share blocks with their volume instead of copying them. */
  readonly supportsReflink: boolean
  /** Sentences for the operator: what works, but worse than it should. */
  readonly warnings: readonly string[]
}

/** A volume as the coordinator wants it. */
export interface VolumeConfig {
  readonly uid: string
  /** A DNS label; names the stable device path. Never changes. */
  readonly name: string
  /** Rounded up to VOLUME_ALIGNMENT_BYTES. A smaller size than the volume has is ignored. */
  readonly sizeBytes: number
  /** Snapshot of this pool whose content a volume that does not exist yet starts with. */
  readonly sourceSnapshotUid?: string
  /** It was created before, somebody remembers: data that is not there was lost. Default false. */
  readonly provisioned?: boolean
}

/** A volume as it is. */
export interface VolumeState {
  readonly uid: string
  readonly name: string
  readonly sizeBytes: number
  /** Space it takes in the pool, blocks shared with snapshots included. */
  readonly allocatedBytes: number
  /** The path consumers use; stays the same over restarts and reboots. */
  readonly devicePath: string
  /** What `devicePath` leads to at the moment, such as `/dev/loop3`; undefined when detached. */
  readonly kernelDevice: string | undefined
  /** Whether the device serves the whole volume under its path; `ensureVolume` sees to it. */
  readonly ready: boolean
  /**
   * What `ensureVolume` would put right although the device works; absent when there is nothing.
   */
  readonly repair?: string
  readonly warnings: readonly string[]
}

/** A snapshot as the coordinator wants it. */
export interface SnapshotConfig {
  readonly uid: string
  readonly name: string
  readonly volumeUid: string
}

/** A snapshot as it is; it never changes. */
export interface SnapshotState {
  readonly uid: string
  readonly name: string
  readonly volumeUid: string
  readonly sizeBytes: number
  readonly allocatedBytes: number
  readonly method: SnapshotMethod
  /** Epoch milliseconds. */
  readonly createdAt: number
}

/** Everything in a pool. */
export interface PoolInventory {
  readonly state: PoolState
  readonly volumes: readonly VolumeState[]
  readonly snapshots: readonly SnapshotState[]
  /** Uids of volumes that were created here and not removed, but whose data is gone. */
  readonly missingVolumes: readonly string[]
  /** What is in the pool's place and is not ours: paths relative to it. Never touched. */
  readonly orphans: readonly string[]
}

/** How far a copy is. */
export interface CopyProgress {
  readonly copiedBytes: number
  readonly totalBytes: number
}

/** What any call accepts. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /** Called now and then while data is copied. */
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined
}

/** What `removePool` accepts. */
export interface RemovePoolOptions extends CallOptions {
  /** Forget a pool that has vanished. Changes nothing for a pool that is there. */
  readonly lost?: boolean
}

/** What `reclaim` gave back. */
export interface ReclaimResult {
  readonly removedCount: number
  readonly freedBytes: number
}

/** Keeps pools of one or more kinds. */
export interface StorageDriver {
  /**
   * Makes the pool usable and marks it as ours. Refuses a place that is another pool's. A pool that
   * was prepared once and is not there any more is never made anew: FAILED_PRECONDITION.
   */
  preparePool(pool: PoolConfig, options?: CallOptions): Promise<PoolState>

  /**
   * Undoes `preparePool`, leaving everything foreign. Refuses a pool that holds volumes or
   * snapshots: FAILED_PRECONDITION, reason `in-use`.
   */
  removePool(pool: PoolConfig, options?: RemovePoolOptions): Promise<void>

  /** Reads the pool; changes nothing that lasts and starts no other process. */
  listPool(pool: PoolConfig, options?: CallOptions): Promise<PoolInventory>

  /**
   * Creates, grows, attaches: whatever the volume still lacks. Data is never lost by it. Raises
   * NOT_FOUND when the source snapshot is not there, INVALID_ARGUMENT when it is larger than the
   * volume, DATA_LOSS when the volume was created earlier (by the driver's own records or by
   * `provisioned`) and its data is gone.
   */
  ensureVolume(pool: PoolConfig, volume: VolumeConfig, options?: CallOptions): Promise<VolumeState>

  /**
   * Detaches the volume and puts its data in the trash. A volume that is not there counts as
   * removed; its snapshots stay. Refuses while the device is mounted, claimed or open:
   * FAILED_PRECONDITION, reason `in-use`, with the holders in the details.
   */
  removeVolume(pool: PoolConfig, uid: string, options?: CallOptions): Promise<void>

  /**
   * Keeps the volume's content of one moment between call and return, as a power cut would leave
   * it. Raises NOT_FOUND when there is no such volume, and FAILED_PRECONDITION, reason `in-use`,
   * when only a copy is possible and the volume is being written.
   */
  createSnapshot(
    pool: PoolConfig,
    snapshot: SnapshotConfig,
    options?: CallOptions,
  ): Promise<SnapshotState>

  /** Puts the snapshot in the trash. One that is not there counts as removed. */
  removeSnapshot(pool: PoolConfig, uid: string, options?: CallOptions): Promise<void>

  /** Destroys what has been in the trash long enough, and what crashed calls left unfinished. */
  reclaim(pool: PoolConfig, options?: CallOptions): Promise<ReclaimResult>
}

/** The size a volume gets when `sizeBytes` is asked for. */
export function roundVolumeSize(sizeBytes: number): number {
  return alignUp(sizeBytes, VOLUME_ALIGNMENT_BYTES)
}
