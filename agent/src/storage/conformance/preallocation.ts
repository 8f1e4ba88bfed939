/** Pools that take the space of a volume at once. */
import { describe, expect, it } from 'vitest'
import { type Current, DATA, expectError, MIB, OTHER } from './harness.ts'

/** Space that is promised. */
export function describePreallocation(current: Current): void {
  describe('a preallocated volume', () => {
    it('is refused with numbers when it cannot fit, and nothing is left of it', async () => {
      const { h, driver, pool } = current()
      const { freeBytes } = await driver.preparePool(pool)
      const huge = { ...DATA, sizeBytes: h.capacityBytes * 2 }
      const error = await expectError(driver.ensureVolume(pool, huge), {
        code: 'RESOURCE_EXHAUSTED',
      })
      expect(error.message).toMatch(/^volume data needs .*MiB, pool local has .* free$/)
      await driver.ensureVolume(pool, OTHER)
      const growth = driver.ensureVolume(pool, { ...OTHER, sizeBytes: huge.sizeBytes })
      await expectError(growth, { code: 'RESOURCE_EXHAUSTED' })
      const { state, volumes } = await driver.listPool(pool)
      expect(volumes.map((volume) => [volume.uid, volume.sizeBytes, volume.ready])).toEqual([
        [OTHER.uid, OTHER.sizeBytes, true],
      ])
      expect(state.freeBytes).toBeGreaterThan(freeBytes - OTHER.sizeBytes - MIB)
    })
    it('takes the space of removed ones at once when it needs it', async () => {
      const { h, driver, pool } = current()
      const { freeBytes } = await driver.preparePool(pool)
      const large = { ...DATA, sizeBytes: Math.floor(freeBytes * 0.7) }
      await driver.ensureVolume(pool, large)
      await driver.removeVolume(pool, large.uid)
      const next = await driver.ensureVolume(pool, { ...large, uid: 'volume-c' })
      expect(next.ready).toBe(true)
      expect(await h.createDriver().reclaim(pool)).toEqual({ removedCount: 0, freedBytes: 0 })
    })
  })
}
