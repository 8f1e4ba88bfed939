import type { StoragePoolKind } from '@keelson/shared/model'
import { describe, expect, it } from 'vitest'
import { type StorageHarness, storageDriverConformance } from './conformance/index.ts'
import type { PoolConfig } from './driver.ts'
import { createFakeStorage, type FakeCall } from './fake.ts'
import { createFakeDisk, type FakeVolume, rebootFakeDisk, writeFakeVolume } from './fake-disk.ts'

const MIB = 1024 * 1024
const poolOf = (kind: StoragePoolKind): PoolConfig => ({
  uid: 'pool-a',
  name: 'local',
  kind,
  path: '/pool',
  clusterId: 'cluster-a',
})

async function setup(kind: StoragePoolKind, supportsReflink: boolean): Promise<StorageHarness> {
  const disk = createFakeDisk({ totalBytes: 256 * MIB, supportsReflink })
  const pool = poolOf(kind)
  let now = 1_000_000
  const volumeOf = (uid: string): FakeVolume => {
    const volume = disk.pools.get(pool.path)?.volumes.get(uid)
    if (volume === undefined) throw new Error(`no fake volume ${uid}`)
    return volume
  }
  return {
    pool,
    capacityBytes: disk.totalBytes,
    trashHoldMs: 5_000,
    createDriver: () => createFakeStorage({ disk, clock: { now: () => now }, trashHoldMs: 5_000 }),
    advance(durationMs) {
      now += durationMs
    },
    async write(volume, offsetBytes, data) {
      writeFakeVolume(volumeOf(volume.uid), offsetBytes, data)
    },
    async read(volume, offsetBytes, lengthBytes) {
      const data = volumeOf(volume.uid).content.get(offsetBytes) ?? ''
      return data.padEnd(lengthBytes, '\0').slice(0, lengthBytes)
    },
    async hold(volume) {
      volumeOf(volume.uid).inUse = true
      return async () => {
        volumeOf(volume.uid).inUse = false
      }
    },
    async reboot() {
      rebootFakeDisk(disk)
    },
    async hidePool() {
      const hidden = disk.pools.get(pool.path)
      disk.pools.delete(pool.path)
      return async () => {
        if (hidden) disk.pools.set(pool.path, hidden)
      }
    },
    async destroyData(volume) {
      disk.pools.get(pool.path)?.volumes.delete(volume.uid)
    },
    async addForeign() {
      disk.foreign.add(`${pool.path}/notes.txt`)
      return 'notes.txt'
    },
    foreignIsUntouched: async () => disk.foreign.has(`${pool.path}/notes.txt`),
    close: async () => undefined,
  }
}

storageDriverConformance('the fake, thick with reflink', 'FILE', () => setup('FILE', true))
storageDriverConformance('the fake, thin without reflink', 'FILE_THIN', () =>
  setup('FILE_THIN', false),
)

describe('the faults of a fake', () => {
  const volume = { uid: 'volume-a', name: 'data', sizeBytes: MIB }
  const pool = poolOf('FILE')
  const clock = { now: () => 0 }

  it('fail a call before or after its effect', async () => {
    const disk = createFakeDisk({ totalBytes: 256 * MIB })
    const calls: FakeCall[] = []
    const failing = (hook: 'beforeCall' | 'afterCall') =>
      createFakeStorage({
        disk,
        clock,
        [hook](call: FakeCall) {
          calls.push(call)
          if (call.method === 'ensureVolume') throw new Error(`${hook} fault`)
        },
      })
    const sound = createFakeStorage({ disk, clock })
    await failing('beforeCall').preparePool(pool)
    await expect(failing('beforeCall').ensureVolume(pool, volume)).rejects.toThrow('beforeCall')
    expect((await sound.listPool(pool)).volumes).toHaveLength(0)
    await expect(failing('afterCall').ensureVolume(pool, volume)).rejects.toThrow('afterCall')
    expect((await sound.listPool(pool)).volumes).toHaveLength(1)
    expect(calls).toEqual([
      { method: 'preparePool', poolUid: 'pool-a', uid: '' },
      { method: 'ensureVolume', poolUid: 'pool-a', uid: 'volume-a' },
      { method: 'ensureVolume', poolUid: 'pool-a', uid: 'volume-a' },
    ])
  })
  it('refuse to copy a volume that is being written, as a real file system would', async () => {
    const disk = createFakeDisk({ totalBytes: 256 * MIB, supportsReflink: false })
    const driver = createFakeStorage({ disk, clock })
    await driver.preparePool(pool)
    await driver.ensureVolume(pool, volume)
    const stored = disk.pools.get(pool.path)?.volumes.get(volume.uid)
    if (stored) stored.beingWritten = true
    const snapshot = { uid: 'snap-a', name: 'snap', volumeUid: volume.uid }
    await expect(driver.createSnapshot(pool, snapshot)).rejects.toMatchObject({ reason: 'in-use' })
  })
})
