/** Volumes as long as they are wanted. */
import { KeelsonError } from '@keelson/shared/errors'
import { isThin } from '@keelson/shared/model'
import { describe, expect, it } from 'vitest'
import { type Current, DATA, expectError, MIB, TEXT } from './harness.ts'

/** Devices and their data. */
export function describeVolumes(current: Current): void {
  describe('a volume', () => {
    it('is a device of zeros that keeps what is written', async () => {
      const { h, driver, pool } = current()
      await driver.preparePool(pool)
      const volume = await driver.ensureVolume(pool, DATA)
      expect(volume).toMatchObject({ ...DATA, ready: true })
      expect(volume.devicePath.endsWith('/data')).toBe(true)
      expect(volume.kernelDevice).toMatch(/^\/dev\//)
      const reserved = isThin(pool.kind) ? 0 : DATA.sizeBytes
      expect(volume.allocatedBytes).toBeGreaterThanOrEqual(reserved)
      expect(volume.allocatedBytes).toBeLessThan(reserved + MIB)
      const last = DATA.sizeBytes - TEXT.length
      expect(await h.read(volume, last, 4)).toBe('\0\0\0\0')
      await h.write(volume, last, TEXT)
      expect(await h.read(volume, last, TEXT.length)).toBe(TEXT)
    })
    it('is the same one when ensured again and after a restart', async () => {
      const { h, driver, pool } = current()
      await driver.preparePool(pool)
      const volume = await driver.ensureVolume(pool, DATA)
      await h.write(volume, 4096, TEXT)
      const again = await driver.ensureVolume(pool, DATA)
      const restarted = await h.createDriver().ensureVolume(pool, DATA)
      for (const state of [again, restarted])
        expect(state).toMatchObject({ kernelDevice: volume.kernelDevice, ready: true })
      expect(await h.read(restarted, 4096, TEXT.length)).toBe(TEXT)
      expect((await driver.listPool(pool)).volumes).toEqual([restarted])
    })
    it('is detached by a reboot and brought back under the same path', async () => {
      const { h, driver, pool } = current()
      await driver.preparePool(pool)
      const before = await driver.ensureVolume(pool, DATA)
      await h.write(before, 0, TEXT)
      await h.reboot()
      const restarted = h.createDriver()
      await restarted.preparePool(pool)
      const [listed] = (await restarted.listPool(pool)).volumes
      expect(listed).toMatchObject({ uid: DATA.uid, kernelDevice: undefined, ready: false })
      const after = await restarted.ensureVolume(pool, DATA)
      expect(after).toMatchObject({ devicePath: before.devicePath, ready: true })
      expect(await h.read(after, 0, TEXT.length)).toBe(TEXT)
    })
    it('is one of many that are made, kept and removed at once', async () => {
      const { h, pool } = current()
      await h.createDriver().preparePool(pool)
      const driver = h.createDriver()
      const numbers = Array.from({ length: 12 }, (_, index) => index)
      const lives = numbers.map(async (index) => {
        const wanted = { uid: `volume-${index}`, name: `data-${index}`, sizeBytes: MIB }
        const volume = await driver.ensureVolume(pool, wanted)
        await h.write(volume, 0, `volume ${index}`.padEnd(16))
        await driver.createSnapshot(pool, {
          uid: `snap-${index}`,
          name: 'x',
          volumeUid: wanted.uid,
        })
        await driver.reclaim(pool)
        if (index % 2 === 0) await driver.removeVolume(pool, wanted.uid)
        else expect(await h.read(volume, 0, 16)).toBe(`volume ${index}`.padEnd(16))
      })
      // All have ended before any failure ends the test.
      await Promise.allSettled(lives)
      await Promise.all(lives)
      const { volumes, snapshots, orphans } = await driver.listPool(pool)
      expect(volumes.map((volume) => volume.uid).sort()).toEqual(
        ['1', '3', '5', '7', '9', '11'].map((index) => `volume-${index}`).sort(),
      )
      expect(new Set(volumes.map((volume) => volume.kernelDevice)).size).toBe(6)
      expect(snapshots).toHaveLength(12)
      expect(orphans).toEqual([])
    })
    it('does not begin when aborted beforehand', async () => {
      const { driver, pool } = current()
      await driver.preparePool(pool)
      const signal = AbortSignal.abort(new KeelsonError('CANCELLED', 'enough'))
      await expectError(driver.ensureVolume(pool, DATA, { signal }), { code: 'CANCELLED' })
      expect((await driver.listPool(pool)).volumes).toEqual([])
    })
    it('keeps its name', async () => {
      const { driver, pool } = current()
      await driver.preparePool(pool)
      await driver.ensureVolume(pool, DATA)
      const renamed = driver.ensureVolume(pool, { ...DATA, name: 'renamed' })
      await expectError(renamed, { code: 'ALREADY_EXISTS' })
    })
  })
}

/** Sizes and names. */
export function describeSizes(current: Current): void {
  describe('the size of a volume', () => {
    it('grows in place, keeps its data, and never shrinks', async () => {
      const { h, driver, pool } = current()
      await driver.preparePool(pool)
      const small = await driver.ensureVolume(pool, DATA)
      await h.write(small, 0, TEXT)
      const large = await driver.ensureVolume(pool, { ...DATA, sizeBytes: 32 * MIB })
      expect(large).toMatchObject({ sizeBytes: 32 * MIB, kernelDevice: small.kernelDevice })
      expect(await h.read(large, 0, TEXT.length)).toBe(TEXT)
      const end = 32 * MIB - TEXT.length
      expect(await h.read(large, end, 2)).toBe('\0\0')
      await h.write(large, end, TEXT)
      const kept = await driver.ensureVolume(pool, DATA)
      expect(kept.sizeBytes).toBe(32 * MIB)
      expect(await h.read(kept, end, TEXT.length)).toBe(TEXT)
    })
    it('has its size rounded up to 4096', async () => {
      const { driver, pool } = current()
      await driver.preparePool(pool)
      const odd = await driver.ensureVolume(pool, { ...DATA, sizeBytes: MIB + 1 })
      expect(odd.sizeBytes).toBe(MIB + 4096)
      expect((await driver.ensureVolume(pool, { ...DATA, sizeBytes: MIB + 1 })).sizeBytes).toBe(
        MIB + 4096,
      )
    })
    it.each([
      ['no bytes', { sizeBytes: 0 }],
      ['a negative size', { sizeBytes: -4096 }],
      ['half a byte', { sizeBytes: 0.5 }],
      ['an endless size', { sizeBytes: Number.POSITIVE_INFINITY }],
      ['a path for a name', { name: '../data' }],
      ['a path for a uid', { uid: 'a/b' }],
    ])('is refused with %s', async (_, change) => {
      const { driver, pool } = current()
      await driver.preparePool(pool)
      const bad = driver.ensureVolume(pool, { ...DATA, ...change })
      await expectError(bad, { code: 'INVALID_ARGUMENT' })
      expect((await driver.listPool(pool)).volumes).toEqual([])
    })
  })
}

/** Data that disappeared. */
export function describeLostVolumes(current: Current): void {
  describe('a volume whose data is gone', () => {
    it('is never made anew when its data is gone', async () => {
      const { h, driver, pool } = current()
      await driver.preparePool(pool)
      await h.destroyData(await driver.ensureVolume(pool, DATA))
      for (const again of [driver, h.createDriver()]) {
        await expectError(again.ensureVolume(pool, DATA), { code: 'DATA_LOSS' })
        expect(await again.listPool(pool)).toMatchObject({
          volumes: [],
          missingVolumes: [DATA.uid],
        })
      }
      await expectError(driver.removePool(pool), { code: 'FAILED_PRECONDITION', reason: 'in-use' })
      await driver.removeVolume(pool, DATA.uid)
      expect((await driver.listPool(pool)).missingVolumes).toEqual([])
      await driver.ensureVolume(pool, DATA)
    })
    it('is never made anew when the caller remembers it', async () => {
      const { driver, pool } = current()
      await driver.preparePool(pool)
      const known = { ...DATA, provisioned: true }
      await expectError(driver.ensureVolume(pool, known), { code: 'DATA_LOSS' })
      expect(await driver.listPool(pool)).toMatchObject({ volumes: [], missingVolumes: [] })
      await driver.ensureVolume(pool, DATA)
      expect(await driver.ensureVolume(pool, known)).toMatchObject({ ready: true })
    })
  })
}
