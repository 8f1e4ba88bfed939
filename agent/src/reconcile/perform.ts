/** A step as a call of the driver. No choices are made here. */
import type {
  CallOptions,
  PoolState,
  SnapshotState,
  StorageDriver,
  VolumeState,
} from '../storage/driver.ts'
import type { Step } from './step.ts'

/** What a step brought about, as far as the driver says. */
export interface StepResult {
  readonly pool?: PoolState
  readonly volume?: VolumeState
  readonly snapshot?: SnapshotState
}

/** Performs a step. Raises what the driver raises. */
export async function performStep(
  driver: StorageDriver,
  step: Step,
  options: CallOptions,
): Promise<StepResult> {
  const { pool } = step
  switch (step.type) {
    case 'PreparePool':
      return { pool: await driver.preparePool(pool, options) }
    case 'RemovePool':
      await driver.removePool(pool, { ...options, lost: step.lost })
      return {}
    case 'EnsureReplica':
      return { volume: await driver.ensureVolume(pool, step.volume, options) }
    case 'RemoveReplica':
      await driver.removeVolume(pool, step.volumeUid, options)
      return {}
    case 'CreateSnapshot':
      return { snapshot: await driver.createSnapshot(pool, step.snapshot, options) }
    case 'RemoveSnapshot':
      await driver.removeSnapshot(pool, step.snapshotUid, options)
      return {}
    case 'Reclaim':
      await driver.reclaim(pool, options)
      return {}
  }
}
