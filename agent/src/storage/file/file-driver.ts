/**
 * The FILE and FILE_THIN driver: a pool is a directory, a volume a file of it attached as a loop
 * device. It needs nothing but a file system, which makes it the driver of first steps, of small
 * hosts and of tests; it is no less careful with data than the others.
 */
import type { CommandRunner } from '@keelson/shared/exec'
import { type Clock, systemClock } from '@keelson/shared/runtime'
import type { CallOptions, PoolConfig, StorageDriver } from '../driver.ts'
import type { FileContext } from './context.ts'
import { attempt } from './errno.ts'
import { openPoolDirectory } from './pool-directory.ts'
import { listPool, preparePool, removePool } from './pools.ts'
import { createSnapshot, removeSnapshot } from './snapshots.ts'
import { emptyTrash } from './trash.ts'
import { ensureVolume, removeVolume } from './volumes.ts'

/** What the driver needs. */
export interface FileDriverOptions {
  readonly runner: CommandRunner
  /**
   * Directory of the volumes' stable device paths, created if missing; one agent's alone. On a
   * tmpfs (under /run), so that no link survives a reboot that took its loop device.
   */
  readonly deviceDirectory: string
  /** Directory of the driver's own records, created if missing; survives reboots. */
  readonly stateDirectory: string
  readonly clock?: Clock
  /** How long removed data can still be brought back by hand. Default 30 s. */
  readonly trashHoldMs?: number
  /** Called after each step of each call; tests stop the process there. */
  readonly onStep?: (step: string) => void
}

/** A driver of this host's FILE and FILE_THIN pools. */
export function createFileDriver(options: FileDriverOptions): StorageDriver {
  const context: FileContext = {
    runner: options.runner,
    clock: options.clock ?? systemClock,
    deviceDirectory: options.deviceDirectory,
    stateDirectory: options.stateDirectory,
    trashHoldMs: options.trashHoldMs ?? 30_000,
    step: options.onStep ?? (() => undefined),
    busy: new Set(),
    capabilities: new Map(),
  }
  return {
    preparePool: (pool, call = {}) =>
      attempt(`prepare pool ${pool.name}`, () => preparePool(context, pool, call)),
    removePool: (pool, call = {}) =>
      attempt(`remove pool ${pool.name}`, () => removePool(context, pool, call)),
    listPool: (pool, call = {}) =>
      attempt(`list pool ${pool.name}`, () => listPool(context, pool, call)),
    ensureVolume: (pool, volume, call = {}) =>
      attempt(`ensure volume ${volume.name}`, () => ensureVolume(context, pool, volume, call)),
    removeVolume: (pool, uid, call = {}) =>
      attempt(`remove volume ${uid}`, () => removeVolume(context, pool, uid, call)),
    createSnapshot: (pool, snapshot, call = {}) =>
      attempt(`create snapshot ${snapshot.name}`, () =>
        createSnapshot(context, pool, snapshot, call),
      ),
    removeSnapshot: (pool, uid, call = {}) =>
      attempt(`remove snapshot ${uid}`, () => removeSnapshot(context, pool, uid, call)),
    reclaim: (pool, call = {}) =>
      attempt(`reclaim space of pool ${pool.name}`, () => reclaim(context, pool, call)),
  }
}

async function reclaim(context: FileContext, pool: PoolConfig, call: CallOptions) {
  call.signal?.throwIfAborted()
  const directory = await openPoolDirectory(pool)
  const removedUntil = context.clock.now() - context.trashHoldMs
  return emptyTrash(context, pool, directory, removedUntil, call.signal)
}
