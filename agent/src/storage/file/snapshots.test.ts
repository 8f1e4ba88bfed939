import { closeSync, constants, fsyncSync, openSync, writeSync } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import { afterEach, describe, expect, it } from 'vitest'
import type { CopyProgress } from '../driver.ts'
import {
  before,
  createFileHarness,
  type FileHarness,
  mountTestFilesystem,
  runTool,
  type TestFilesystem,
} from './testing.ts'

const MIB = 1024 * 1024
const DATA = { uid: 'volume-a', name: 'data', sizeBytes: 32 * MIB } as const
const SNAP = { uid: 'snap-a', name: 'before', volumeUid: DATA.uid } as const
const TEXT = 'the beam that ties the frame to the keel'

describe('a snapshot of a volume that is being written', () => {
  let h: FileHarness
  let mounted: TestFilesystem
  afterEach(async () => {
    await h.close()
    await mounted.unmount()
  })
  const start = async (filesystem: 'ext4' | 'xfs', onStep: (step: string) => void) => {
    mounted = await mountTestFilesystem(filesystem)
    h = await createFileHarness(mounted.directory, 'FILE_THIN')
    const driver = h.createDriver({ onStep })
    await driver.preparePool(h.pool)
    return { driver, volume: await driver.ensureVolume(h.pool, DATA) }
  }
  const writeNow = (path: string, text: string) => {
    const device = openSync(path, 'r+')
    writeSync(device, text, 0)
    fsyncSync(device)
    closeSync(device)
  }

  it('is copied again until nobody interfered', async () => {
    let writes = 0
    const { driver, volume } = await start('ext4', (step) => {
      if (step !== 'snapshot copied' || writes === 2) return
      writes++
      writeNow(volume.devicePath, `version ${writes}`)
    })
    await driver.createSnapshot(h.pool, SNAP)
    expect(writes).toBe(2)
    const wanted = { ...DATA, uid: 'volume-b', name: 'restored', sourceSnapshotUid: SNAP.uid }
    expect(await h.read(await driver.ensureVolume(h.pool, wanted), 0, 9)).toBe('version 2')
  })
  it('is given up with the numbers, and leaves nothing', async () => {
    const { driver, volume } = await start('ext4', (step) => {
      if (step === 'snapshot copied') writeNow(volume.devicePath, 'again')
    })
    const error = await driver.createSnapshot(h.pool, SNAP).then(
      () => undefined,
      (reason) => reason,
    )
    expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'in-use' })
    expect(error.message).toBe('volume data was written during each of 3 tries to copy it')
    expect(error.details).toHaveLength(4)
    expect(error.details[2]).toMatch(/^try 3: \d+ writes of 4 KiB and 0 discards to \/dev\/loop/)
    expect(await h.files()).toEqual(['keelson-pool.json', 'volumes/data.volume-a.img'])
  })
  it('is noticed also where counting of writes was switched off', async () => {
    const { driver, volume } = await start('ext4', (step) => {
      if (step === 'snapshot copied') writeNow(volume.devicePath, 'again')
    })
    await writeFile(`/sys/block/${basename(volume.kernelDevice ?? '')}/queue/iostats`, '0')
    const refused = driver.createSnapshot(h.pool, SNAP)
    await expect(refused).rejects.toMatchObject({ reason: 'in-use' })
  })
  it('tells how far its copy is', async () => {
    const { volume } = await start('ext4', () => undefined)
    await runTool('dd', 'if=/dev/urandom', `of=${volume.devicePath}`, 'bs=1M', 'count=8')
    const seen: CopyProgress[] = []
    // The first report comes before the copy ends, because the copy waits for it.
    const reported = Promise.withResolvers<void>()
    const runner = before('cp', () => reported.promise)
    const onProgress = (progress: CopyProgress) => {
      seen.push(progress)
      reported.resolve()
    }
    await h.createDriver({ runner }).createSnapshot(h.pool, SNAP, { onProgress })
    expect(seen[0]?.copiedBytes).toBe(0)
    expect(seen[0]?.totalBytes).toBeGreaterThanOrEqual(8 * MIB)
  })
  it('stops copying when cancelled', async () => {
    const { volume } = await start('ext4', () => undefined)
    await h.write(volume, 0, TEXT)
    const abort = new AbortController()
    const runner = before('cp', () =>
      abort.abort(new KeelsonError('CANCELLED', 'operation cancelled')),
    )
    const driver = h.createDriver({ runner })
    const snapshot = driver.createSnapshot(h.pool, SNAP, { signal: abort.signal })
    await expect(snapshot).rejects.toMatchObject({ message: 'operation cancelled' })
    await driver.reclaim(h.pool)
    expect(await h.files()).toEqual(['keelson-pool.json', 'volumes/data.volume-a.img'])
  })
  it('is one moment when the blocks are shared', async () => {
    const { driver, volume } = await start('xfs', () => undefined)
    // Two far blocks count together; the second never runs ahead of the first.
    await using device = await open(volume.kernelDevice ?? '', constants.O_RDWR | constants.O_SYNC)
    let stopped = false
    let count = 0
    const writeCount = async () => {
      count++
      for (const offset of [0, 16 * MIB])
        await device.write(String(count).padStart(16), offset, 'latin1')
    }
    await writeCount()
    const writer = (async () => {
      while (!stopped) await writeCount()
    })()
    for (let i = 0; i < 5; i++) await driver.createSnapshot(h.pool, { ...SNAP, uid: `snap-${i}` })
    stopped = true
    await writer
    for (let i = 0; i < 5; i++) {
      const source = { uid: `volume-${i}`, name: `restored-${i}`, sourceSnapshotUid: `snap-${i}` }
      const restored = await driver.ensureVolume(h.pool, { ...DATA, ...source })
      const first = Number(await h.read(restored, 0, 16))
      const second = Number(await h.read(restored, 16 * MIB, 16))
      expect(first - second).toBeGreaterThanOrEqual(0)
      expect(first - second).toBeLessThanOrEqual(1)
      expect(first).toBeLessThanOrEqual(count)
    }
  })
})
