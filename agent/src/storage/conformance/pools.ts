/** Whole pools. */
import { describe, expect, it } from 'vitest'
import { type Current, DATA, expectError, OTHER, SNAP, TEXT } from './harness.ts'

/** Preparing, listing and removing. */
export function describePools(current: Current): void {
  describe('a pool', () => {
    it('is prepared, again and again, and lists as empty', async () => {
      const { h, driver, pool } = current()
      const state = await driver.preparePool(pool)
      expect(state.totalBytes).toBeGreaterThanOrEqual(state.freeBytes)
      expect(state.freeBytes).toBeGreaterThan(h.capacityBytes / 2)
      expect(await h.createDriver().preparePool(pool)).toEqual(state)
      expect(await driver.listPool(pool)).toEqual({
        state,
        volumes: [],
        snapshots: [],
        missingVolumes: [],
        orphans: [],
      })
    })
    it.each([
      ['uid', { uid: 'pool-z' }],
      ['cluster', { clusterId: 'cluster-z' }],
    ])('is refused to a pool of another %s', async (_, other) => {
      const { driver, pool } = current()
      await driver.preparePool(pool)
      const foreign = { ...pool, ...other }
      for (const attempt of [
        () => driver.preparePool(foreign),
        () => driver.listPool(foreign),
        () => driver.ensureVolume(foreign, DATA),
        () => driver.removePool(foreign),
      ])
        await expectError(attempt(), {
          code: 'FAILED_PRECONDITION',
          message: expect.stringMatching(/belongs to pool/),
        })
    })
    it('keeps what is foreign and lists it', async () => {
      const { h, driver, pool } = current()
      await driver.preparePool(pool)
      const orphan = await h.addForeign()
      await driver.ensureVolume(pool, DATA)
      await driver.removeVolume(pool, DATA.uid)
      h.advance(h.trashHoldMs)
      await driver.reclaim(pool)
      expect((await driver.listPool(pool)).orphans).toEqual([orphan])
      await driver.removePool(pool)
      expect(await h.foreignIsUntouched()).toBe(true)
    })
    it('is not removed while it holds something, and then can be prepared anew', async () => {
      const { driver, pool } = current()
      await driver.preparePool(pool)
      await driver.ensureVolume(pool, DATA)
      await driver.createSnapshot(pool, SNAP)
      const refusal = { code: 'FAILED_PRECONDITION', reason: 'in-use' }
      await expectError(driver.removePool(pool), refusal)
      await driver.removeVolume(pool, DATA.uid)
      await expectError(driver.removePool(pool), refusal)
      await driver.removeSnapshot(pool, SNAP.uid)
      await driver.removePool(pool)
      await driver.removePool(pool)
      await driver.preparePool({ ...pool, uid: 'pool-next' })
      await driver.removePool({ ...pool, uid: 'pool-next' })
    })
  })
}

/** A pool whose place is empty. */
export function describeVanishedPools(current: Current): void {
  describe('a pool that has vanished', () => {
    it('is an error, and nothing is created in its place', async () => {
      const { h, driver, pool } = current()
      await driver.preparePool(pool)
      const volume = await driver.ensureVolume(pool, DATA)
      await h.write(volume, 0, TEXT)
      const bringBack = await h.hidePool()
      for (const again of [driver, h.createDriver()])
        for (const attempt of [
          () => again.preparePool(pool),
          () => again.listPool(pool),
          () => again.ensureVolume(pool, DATA),
          () => again.ensureVolume(pool, OTHER),
          () => again.removeVolume(pool, DATA.uid),
          () => again.removePool(pool),
        ])
          await expectError(attempt(), {
            code: 'FAILED_PRECONDITION',
            message: `pool directory ${pool.path} has vanished`,
          })
      await bringBack()
      await driver.preparePool(pool)
      const back = await driver.ensureVolume(pool, DATA)
      expect(await h.read(back, 0, TEXT.length)).toBe(TEXT)
    })
    it('can be forgotten', async () => {
      const { h, driver, pool } = current()
      await driver.preparePool(pool)
      const bringBack = await h.hidePool()
      await driver.removePool(pool, { lost: true })
      await driver.removePool(pool)
      await bringBack()
    })
  })
}
