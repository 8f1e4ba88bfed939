/**
 * What every StorageDriver does, whatever it keeps its volumes on. Real drivers and the fake run
 * the same suite, so whatever is tested over the fake holds on a host. For tests only.
 */
import { isThin, type StoragePoolKind } from '@keelson/shared/model'
import { afterEach, beforeEach, describe } from 'vitest'
import type { PoolConfig, StorageDriver } from '../driver.ts'
import type { StorageHarness } from './harness.ts'
import { describePools, describeVanishedPools } from './pools.ts'
import { describePreallocation } from './preallocation.ts'
import { describeRemoval } from './removal.ts'
import { describeRestoring, describeSnapshots } from './snapshots.ts'
import { describeLostVolumes, describeSizes, describeVolumes } from './volumes.ts'

export type { StorageHarness } from './harness.ts'

/** Runs the suite; `setup` makes the surroundings of one test, with a pool of `kind`. */
export function storageDriverConformance(
  name: string,
  kind: StoragePoolKind,
  setup: () => Promise<StorageHarness>,
): void {
  describe(`${name} as a storage driver`, () => {
    let h: StorageHarness
    let driver: StorageDriver
    let pool: PoolConfig
    beforeEach(async () => {
      h = await setup()
      pool = h.pool
      driver = h.createDriver()
    })
    afterEach(() => h.close())
    const current = () => ({ h, driver, pool })

    describePools(current)
    describeVanishedPools(current)
    describeVolumes(current)
    describeSizes(current)
    describeLostVolumes(current)
    describeRemoval(current)
    describeSnapshots(current)
    describeRestoring(current)
    if (!isThin(kind)) describePreallocation(current)
  })
}
