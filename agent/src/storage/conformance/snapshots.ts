/** Snapshots and what becomes of them. */
import { describe, expect, it } from 'vitest'
import { type Current, DATA, expectError, MIB, OTHER, SNAP, TEXT } from './harness.ts'

/** Taking snapshots. */
export function describeSnapshots(current: Current): void {
  describe('a snapshot', () => {
    it('keeps the data of its moment, also when the volume is gone', async () => {
      const { h, driver, pool } = current()
      const { supportsReflink } = await driver.preparePool(pool)
      const volume = await driver.ensureVolume(pool, DATA)
      await h.write(volume, 4096, TEXT)
      const snapshot = await driver.createSnapshot(pool, SNAP)
      const method = supportsReflink ? 'Reflink' : 'Copy'
      expect(snapshot).toMatchObject({ ...SNAP, sizeBytes: DATA.sizeBytes, method })
      await h.write(volume, 4096, TEXT.toUpperCase())
      expect(await h.createDriver().createSnapshot(pool, SNAP)).toEqual(snapshot)
      await driver.removeVolume(pool, DATA.uid)
      h.advance(h.trashHoldMs)
      await driver.reclaim(pool)
      expect((await driver.listPool(pool)).snapshots).toEqual([snapshot])

      const wanted = { ...OTHER, sourceSnapshotUid: SNAP.uid }
      const restored = await driver.ensureVolume(pool, wanted)
      expect(await h.read(restored, 4096, TEXT.length)).toBe(TEXT)
      await h.write(restored, 4096, TEXT.toUpperCase())
      const second = await driver.ensureVolume(pool, { ...wanted, uid: 'volume-c', name: 'third' })
      expect(await h.read(second, 4096, TEXT.length)).toBe(TEXT)
    })
    it('cannot be taken of nothing, nor become nothing', async () => {
      const { driver, pool } = current()
      await driver.preparePool(pool)
      await expectError(driver.createSnapshot(pool, SNAP), { code: 'NOT_FOUND' })
      const wanted = { ...OTHER, sourceSnapshotUid: SNAP.uid }
      await expectError(driver.ensureVolume(pool, wanted), { code: 'NOT_FOUND' })
      expect(await driver.listPool(pool)).toMatchObject({ volumes: [], snapshots: [] })
    })
    it('keeps its uid for itself', async () => {
      const { driver, pool } = current()
      await driver.preparePool(pool)
      await driver.ensureVolume(pool, DATA)
      await driver.ensureVolume(pool, OTHER)
      await driver.createSnapshot(pool, SNAP)
      const other = driver.createSnapshot(pool, { ...SNAP, volumeUid: OTHER.uid })
      await expectError(other, { code: 'ALREADY_EXISTS' })
    })
  })
}

/** Restoring them. */
export function describeRestoring(current: Current): void {
  describe('a volume made of a snapshot', () => {
    it('becomes a larger volume, and is not needed once it has', async () => {
      const { h, driver, pool } = current()
      await driver.preparePool(pool)
      const volume = await driver.ensureVolume(pool, DATA)
      await h.write(volume, DATA.sizeBytes - TEXT.length, TEXT)
      await driver.createSnapshot(pool, SNAP)
      const wanted = { ...OTHER, sizeBytes: 24 * MIB, sourceSnapshotUid: SNAP.uid }
      const restored = await driver.ensureVolume(pool, wanted)
      expect(restored.sizeBytes).toBe(24 * MIB)
      expect(await h.read(restored, DATA.sizeBytes - TEXT.length, TEXT.length)).toBe(TEXT)
      expect(await h.read(restored, 24 * MIB - 2, 2)).toBe('\0\0')
      await driver.removeSnapshot(pool, SNAP.uid)
      await driver.removeSnapshot(pool, SNAP.uid)
      expect((await driver.listPool(pool)).snapshots).toEqual([])
      expect((await driver.ensureVolume(pool, wanted)).ready).toBe(true)
      expect(await h.read(restored, DATA.sizeBytes - TEXT.length, TEXT.length)).toBe(TEXT)
    })
    it('does not fit into a smaller volume', async () => {
      const { driver, pool } = current()
      await driver.preparePool(pool)
      await driver.ensureVolume(pool, DATA)
      await driver.createSnapshot(pool, SNAP)
      const wanted = { ...OTHER, sizeBytes: MIB, sourceSnapshotUid: SNAP.uid }
      await expectError(driver.ensureVolume(pool, wanted), {
        code: 'INVALID_ARGUMENT',
        message: 'volume other of 1 MiB is smaller than its source, snapshot before of 16 MiB',
      })
    })
  })
}
