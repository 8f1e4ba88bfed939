/** How much room a fake disk has, and what its pools and volumes look like from outside. */
import { isThin } from '@keelson/shared/model'
import { checkSpace } from './checks.ts'
import type { PoolState, ReclaimResult, VolumeState } from './driver.ts'
import type { FakeContent, FakeDisk, FakePool, FakeVolume } from './fake-disk.ts'

/** Bytes that some content occupies. */
export function contentBytes(content: FakeContent): number {
  let total = 0
  for (const data of content.values()) total += data.length
  return total
}

/** Destroys what was removed until a moment. */
export function emptyTrash(pool: FakePool, removedUntil: number): ReclaimResult {
  const due = pool.trash.filter((item) => item.removedAt <= removedUntil)
  const kept = pool.trash.filter((item) => item.removedAt > removedUntil)
  pool.trash.splice(0, pool.trash.length, ...kept)
  return { removedCount: due.length, freedBytes: total(due) }
}

/** Makes sure of `bytes` more, at the cost of the trash; raises RESOURCE_EXHAUSTED. */
export function takeSpace(disk: FakeDisk, pool: FakePool, what: string, bytes: number): void {
  const space = poolState(disk, pool)
  checkSpace(pool.config, what, bytes, space)
  if (bytes > space.freeBytes) emptyTrash(pool, Number.POSITIVE_INFINITY)
}

/** What a driver reports of a pool. */
export function poolState(disk: FakeDisk, pool: FakePool): PoolState {
  const usedBytes = [...disk.pools.values()].reduce((sum, other) => sum + usedBy(disk, other), 0)
  return {
    totalBytes: disk.totalBytes,
    freeBytes: Math.max(0, disk.totalBytes - usedBytes),
    trashBytes: total(pool.trash),
    filesystem: 'fake',
    supportsReflink: disk.supportsReflink,
    warnings: [],
  }
}

function usedBy(disk: FakeDisk, pool: FakePool): number {
  const volumes = [...pool.volumes.values()].map((volume) => volumeState(pool, volume))
  const snapshots = [...pool.snapshots.values()].map((snapshot) => snapshot.state)
  // A thin pool's reflinked snapshots share their blocks until the volume is rewritten.
  const counted = disk.supportsReflink && isThin(pool.config.kind) ? [] : snapshots
  return total(volumes) + total(counted) + total(pool.trash)
}

function total(items: readonly { readonly allocatedBytes: number }[]): number {
  return items.reduce((sum, item) => sum + item.allocatedBytes, 0)
}

/** What a driver reports of a volume. */
export function volumeState(pool: FakePool, volume: FakeVolume): VolumeState {
  const { uid, name, sizeBytes } = volume
  const devicePath = `/dev/fake/${name}`
  return {
    uid,
    name,
    sizeBytes,
    allocatedBytes: isThin(pool.config.kind) ? contentBytes(volume.content) : sizeBytes,
    devicePath,
    kernelDevice: volume.attached ? `/dev/fake-${uid}` : undefined,
    ready: volume.attached,
    warnings: [],
  }
}
