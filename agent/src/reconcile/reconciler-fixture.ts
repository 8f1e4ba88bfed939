/** For the tests of the reconciler: one on a host with a fake disk, under a clock of its own. */
import type { DesiredState } from '@keelson/shared/model'
import { seededRng } from '@keelson/shared/runtime'
import { createFakeClock } from '@keelson/shared/testing'
import { createMemoryLedger, type Ledger } from '../ledger/index.ts'
import {
  createFakeDisk,
  createFakeStorage,
  type FakeCall,
  type FakeDisk,
  type StorageDriver,
} from '../storage/index.ts'
import { abilities, MIB } from './fixture.ts'
import { startReconciler } from './reconciler.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
/** Long enough for everything that waits. */
export const HOUR_MS = 3_600_000

/** A host. `before` runs before each call of the driver and may wait or throw. */
export function setup(
  initial: DesiredState | undefined,
  options: {
    disk?: FakeDisk
    ledger?: Ledger
    before?: (call: FakeCall, now: () => number) => Promise<void> | void
    after?: (call: FakeCall) => Promise<void> | void
    wrap?: (driver: StorageDriver) => StorageDriver
  } = {},
) {
  const clock = createFakeClock({ now: 0 })
  const disk = options.disk ?? createFakeDisk({ totalBytes: 1024 * MIB })
  const calls: string[] = []
  const ledger = options.ledger ?? createMemoryLedger('n1', initial)
  let changes = 0
  const fake = createFakeStorage({
    disk,
    clock,
    async beforeCall(call) {
      if (call.method !== 'listPool') calls.push(`${clock.now()} ${call.method} ${call.uid}`.trim())
      await options.before?.(call, clock.now)
    },
    ...(options.after && { afterCall: options.after }),
  })
  const reconciler = startReconciler({
    driver: options.wrap?.(fake) ?? fake,
    abilities,
    desired: ledger.current,
    recordMade: ledger.recordMade,
    clock,
    rng: seededRng(1),
    log: silent,
    onChange: () => changes++,
  })
  return {
    clock,
    disk,
    ledger,
    calls,
    reconciler,
    changes: () => changes,
    want(next: DesiredState) {
      void ledger.store(next).then(reconciler.trigger)
    },
    pool: (uid = 'p1') => reconciler.observed()?.pools.get(uid),
    replica: (uid: string) => reconciler.observed()?.replicas.get(uid),
    snapshot: (uid: string) => reconciler.observed()?.snapshots.get(uid),
    applied: () => reconciler.observed()?.appliedGeneration,
  }
}
