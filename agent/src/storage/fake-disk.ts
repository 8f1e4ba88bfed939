/**
 * The state behind a fake driver, as a plain value: a driver made anew over the same disk is a
 * restarted agent, `rebootFakeDisk` is a reboot, and dropping the disk is losing the host.
 */
import { assert } from '@keelson/shared/errors'
import type { PoolConfig, SnapshotState } from './driver.ts'

/** What was written, by offset in bytes; everything else reads as zeros. */
export type FakeContent = ReadonlyMap<number, string>

/** A volume on a fake disk. Tests set `inUse` and `beingWritten`. */
export interface FakeVolume {
  readonly uid: string
  readonly name: string
  sizeBytes: number
  content: FakeContent
  attached: boolean
  /** Mounted or opened by somebody. */
  inUse: boolean
  /** Written all the time, so that it cannot be copied. */
  beingWritten: boolean
}

/** A snapshot on a fake disk. */
export interface FakeSnapshot {
  readonly state: SnapshotState
  readonly content: FakeContent
}

/** A pool on a fake disk. */
export interface FakePool {
  readonly config: PoolConfig
  readonly volumes: Map<string, FakeVolume>
  readonly snapshots: Map<string, FakeSnapshot>
  /** Uids of the volumes that were created and not removed. */
  readonly records: Set<string>
  readonly trash: { readonly removedAt: number; readonly allocatedBytes: number }[]
}

/** A host's storage. */
export interface FakeDisk {
  readonly totalBytes: number
  readonly supportsReflink: boolean
  /** Pools by path; a test takes one out to let it vanish. */
  readonly pools: Map<string, FakePool>
  /** Uids of the pools that were prepared; kept apart from the pools, as the real records are. */
  readonly prepared: Set<string>
  /** Paths of things that are not ours. */
  readonly foreign: Set<string>
}

/** An empty disk of `totalBytes`, which all its pools share. */
export function createFakeDisk(options: {
  readonly totalBytes: number
  /** Default true. */
  readonly supportsReflink?: boolean
}): FakeDisk {
  return {
    totalBytes: options.totalBytes,
    supportsReflink: options.supportsReflink ?? true,
    pools: new Map(),
    prepared: new Set(),
    foreign: new Set(),
  }
}

/** What a reboot of the host does to its storage: every device is gone, every byte is there. */
export function rebootFakeDisk(disk: FakeDisk): void {
  for (const pool of disk.pools.values())
    for (const volume of pool.volumes.values()) {
      volume.attached = false
      volume.inUse = false
      volume.beingWritten = false
    }
}

/** Writes through a volume's device. A write at an offset replaces an earlier one there. */
export function writeFakeVolume(volume: FakeVolume, offsetBytes: number, data: string): void {
  assert(volume.attached, `fake volume ${volume.name} is not attached`)
  assert(offsetBytes + data.length <= volume.sizeBytes, 'write past the end of a fake volume')
  volume.content = new Map([...volume.content, [offsetBytes, data]])
}
