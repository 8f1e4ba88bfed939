/** Volumes that are not wanted any more. */
import { describe, expect, it } from 'vitest'
import { type Current, DATA, expectError, OTHER, TEXT } from './harness.ts'

/** Removal and its trash. */
export function describeRemoval(current: Current): void {
  describe('removing a volume', () => {
    it('leaves every other volume alone', async () => {
      const { h, driver, pool } = current()
      await driver.preparePool(pool)
      await driver.ensureVolume(pool, DATA)
      const other = await driver.ensureVolume(pool, OTHER)
      await h.write(other, 0, TEXT)
      await driver.removeVolume(pool, DATA.uid)
      h.advance(h.trashHoldMs)
      await driver.reclaim(pool)
      expect((await driver.listPool(pool)).volumes).toEqual([
        expect.objectContaining({ uid: OTHER.uid, kernelDevice: other.kernelDevice, ready: true }),
      ])
      expect(await h.read(other, 0, TEXT.length)).toBe(TEXT)
    })
    it('is done when it was done before, or there never was one', async () => {
      const { h, driver, pool } = current()
      await driver.preparePool(pool)
      await driver.ensureVolume(pool, DATA)
      await driver.removeVolume(pool, DATA.uid)
      await h.createDriver().removeVolume(pool, DATA.uid)
      await driver.removeVolume(pool, 'volume-never')
      expect((await driver.listPool(pool)).volumes).toEqual([])
    })
    it('is refused while the device is in use, and works afterwards', async () => {
      const { h, driver, pool } = current()
      await driver.preparePool(pool)
      const volume = await driver.ensureVolume(pool, DATA)
      const release = await h.hold(volume)
      const refusal = { code: 'FAILED_PRECONDITION', reason: 'in-use' }
      const error = await expectError(driver.removeVolume(pool, DATA.uid), refusal)
      expect(error.message).toBe('volume data is in use')
      expect(error.details.length).toBeGreaterThan(0)
      expect((await driver.listPool(pool)).volumes).toHaveLength(1)
      await release()
      await driver.removeVolume(pool, DATA.uid)
      expect((await driver.listPool(pool)).volumes).toEqual([])
    })
    it('frees its name for another volume, which starts with zeros', async () => {
      const { h, driver, pool } = current()
      await driver.preparePool(pool)
      const old = await driver.ensureVolume(pool, DATA)
      await h.write(old, 0, TEXT)
      await driver.removeVolume(pool, DATA.uid)
      const young = await driver.ensureVolume(pool, { ...DATA, uid: 'volume-c' })
      expect(young.devicePath).toBe(old.devicePath)
      expect(await h.read(young, 0, 4)).toBe('\0\0\0\0')
    })
    it('holds the space until it is reclaimed', async () => {
      const { h, driver, pool } = current()
      await driver.preparePool(pool)
      const volume = await driver.ensureVolume(pool, DATA)
      await h.write(volume, 0, TEXT)
      await driver.removeVolume(pool, DATA.uid)
      h.advance(h.trashHoldMs - 1)
      expect(await driver.reclaim(pool)).toEqual({ removedCount: 0, freedBytes: 0 })
      const { trashBytes } = (await driver.listPool(pool)).state
      expect(trashBytes).toBeGreaterThan(0)
      h.advance(1)
      const restarted = h.createDriver()
      expect(await restarted.reclaim(pool)).toEqual({ removedCount: 1, freedBytes: trashBytes })
      expect((await restarted.listPool(pool)).state.trashBytes).toBe(0)
    })
  })
}
