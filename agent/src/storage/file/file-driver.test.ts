import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CommandRunner, createLocalRunner } from '@keelson/shared/exec'
import type { StoragePoolKind } from '@keelson/shared/model'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { StorageDriver, VolumeState } from '../driver.ts'
import {
  before,
  createFileHarness,
  exists,
  type FileHarness,
  mountTestFilesystem,
  runTool,
  type TestFilesystem,
} from './testing.ts'

const MIB = 1024 * 1024
const DATA = { uid: 'volume-a', name: 'data', sizeBytes: 32 * MIB } as const
const SNAP = { uid: 'snap-a', name: 'before', volumeUid: DATA.uid } as const
const TEXT = 'the beam that ties the frame to the keel'

for (const filesystem of ['ext4', 'xfs'] as const)
  describe(`the file driver on ${filesystem}`, () => {
    let mounted: TestFilesystem
    let h: FileHarness
    let driver: StorageDriver
    beforeAll(async () => {
      mounted = await mountTestFilesystem(filesystem)
    })
    afterAll(() => mounted.unmount())
    const start = (kind: StoragePoolKind) => async () => {
      h = await createFileHarness(mounted.directory, kind)
      driver = h.createDriver()
      await driver.preparePool(h.pool)
    }
    afterEach(() => h.close())
    const image = (volume: VolumeState) =>
      join(h.pool.path, 'volumes', `${volume.name}.${volume.uid}.img`)

    describe('with preallocated files', () => {
      beforeEach(start('FILE'))

      it('attaches with direct I/O and 512-byte sectors', async () => {
        const { kernelDevice, warnings } = await driver.ensureVolume(h.pool, DATA)
        expect(warnings).toEqual([])
        const facts = await runTool('losetup', '-n', '-O', 'DIO,LOG-SEC,RO', kernelDevice ?? '')
        expect(facts.split(/\s+/)).toEqual(['1', '512', '0'])
      })
      it('reserves the space that discards give back and takes it again, data and all', async () => {
        const volume = await driver.ensureVolume(h.pool, DATA)
        await h.write(volume, 20 * MIB, TEXT)
        const { freeBytes } = (await driver.listPool(h.pool)).state
        await runTool('blkdiscard', '--length', String(8 * MIB), volume.devicePath)
        const { volumes, state } = await driver.listPool(h.pool)
        expect(Math.abs(state.freeBytes - freeBytes)).toBeLessThan(MIB)
        const [listed] = volumes
        expect(listed?.ready).toBe(true)
        expect(listed?.repair).toMatch(/ MiB of its space were given back by discards$/)
        const healed = await driver.ensureVolume(h.pool, DATA)
        expect(healed).toMatchObject({ ready: true, warnings: [] })
        expect(healed.repair).toBeUndefined()
        expect(await h.read(healed, 20 * MIB, TEXT.length)).toBe(TEXT)
      })
      it('empties the trash and tries again when the disk fills up under its hands', async () => {
        const trashed = { uid: 'volume-b', name: 'other', sizeBytes: 100 * MIB }
        await driver.ensureVolume(h.pool, trashed)
        await driver.removeVolume(h.pool, trashed.uid)
        const filler = join(mounted.directory, 'filler')
        const runner = before('fallocate', async () => {
          if (await exists(filler)) return
          const { freeBytes } = (await driver.listPool(h.pool)).state
          await runTool('fallocate', '--length', String(freeBytes - 8 * MIB), filler)
        })
        const volume = await h.createDriver({ runner }).ensureVolume(h.pool, DATA)
        expect(volume.ready).toBe(true)
        expect(await readdir(join(h.pool.path, 'trash'))).toEqual([])

        const greedy = { ...DATA, sizeBytes: 300 * MIB }
        const refused = driver.ensureVolume(h.pool, greedy)
        await expect(refused).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
        await rm(filler)
      })
      it('leaves a volume as it was when growing fails half way', async () => {
        const volume = await driver.ensureVolume(h.pool, DATA)
        await h.write(volume, 0, TEXT)
        const filler = join(mounted.directory, 'filler')
        const runner = before('fallocate', async () => {
          const { freeBytes } = (await driver.listPool(h.pool)).state
          await runTool('fallocate', '--length', String(freeBytes - 8 * MIB), filler)
        })
        const grown = h
          .createDriver({ runner })
          .ensureVolume(h.pool, { ...DATA, sizeBytes: 64 * MIB })
        await expect(grown).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
        await rm(filler)
        const [listed] = (await driver.listPool(h.pool)).volumes
        expect(listed).toMatchObject({ sizeBytes: DATA.sizeBytes, ready: true })
        expect(listed?.allocatedBytes).toBeLessThan(DATA.sizeBytes + MIB)
        expect(await h.read(volume, 0, TEXT.length)).toBe(TEXT)
      })
      it('keeps room for rewriting what a reflink shares', async () => {
        const { freeBytes } = await driver.preparePool(h.pool)
        const volume = await driver.ensureVolume(h.pool, DATA)
        await runTool('dd', 'if=/dev/urandom', `of=${volume.devicePath}`, 'bs=1M', 'count=16')
        await runTool('sync', volume.devicePath)
        await driver.createSnapshot(h.pool, SNAP)
        const left = (await driver.listPool(h.pool)).state.freeBytes
        expect(freeBytes - left).toBeGreaterThanOrEqual(DATA.sizeBytes + 16 * MIB)
        expect(freeBytes - left).toBeLessThan(DATA.sizeBytes + 16 * MIB + 2 * MIB)
        const source = { sourceSnapshotUid: SNAP.uid, uid: 'volume-b', name: 'restored' }
        const restored = await driver.ensureVolume(h.pool, { ...DATA, ...source })
        const [a, b] = [volume, restored].map((v) => runTool('md5sum', v.devicePath))
        expect((await a)?.split(' ')[0]).toBe((await b)?.split(' ')[0])
      })
      it('has snapshots of large volumes that hold little', async () => {
        const volume = await driver.ensureVolume(h.pool, { ...DATA, sizeBytes: 200 * MIB })
        await h.write(volume, 100 * MIB, TEXT)
        const snapshot = await driver.createSnapshot(h.pool, SNAP)
        expect(snapshot.sizeBytes).toBe(200 * MIB)
        expect(snapshot.allocatedBytes).toBeLessThan(MIB)
      })
      it('refuses a snapshot it could not keep its promise beside, and leaves nothing', async () => {
        const volume = await driver.ensureVolume(h.pool, { ...DATA, sizeBytes: 200 * MIB })
        await runTool('dd', 'if=/dev/urandom', `of=${volume.devicePath}`, 'bs=1M', 'count=190')
        await runTool('sync', volume.devicePath)
        await expect(driver.createSnapshot(h.pool, SNAP)).rejects.toMatchObject({
          code: 'RESOURCE_EXHAUSTED',
        })
        expect(await h.files()).toEqual(['keelson-pool.json', 'volumes/data.volume-a.img'])
      })
      it('says who has the volume mounted', async () => {
        const volume = await driver.ensureVolume(h.pool, DATA)
        await runTool('mkfs.ext4', '-q', volume.devicePath)
        const mountPoint = join(mounted.directory, 'a mount')
        await mkdir(mountPoint)
        await runTool('mount', volume.devicePath, mountPoint)
        const refused = driver.removeVolume(h.pool, DATA.uid)
        await expect(refused).rejects.toMatchObject({
          reason: 'in-use',
          details: [`mounted at ${mountPoint}`],
        })
        const [listed] = (await driver.listPool(h.pool)).volumes
        expect(listed?.kernelDevice).toBe(volume.kernelDevice)
        await runTool('umount', mountPoint)
        await rm(mountPoint, { recursive: true })
        await driver.removeVolume(h.pool, DATA.uid)
        expect(await h.loops()).toEqual([])
      })
    })

    describe('with sparse files', () => {
      beforeEach(start('FILE_THIN'))

      it('gives discarded space back to the pool', async () => {
        const volume = await driver.ensureVolume(h.pool, DATA)
        await runTool('dd', 'if=/dev/urandom', `of=${volume.devicePath}`, 'bs=1M', 'count=8')
        await runTool('sync', volume.devicePath)
        const used = (await driver.listPool(h.pool)).volumes[0]?.allocatedBytes
        expect(used).toBeGreaterThanOrEqual(8 * MIB)
        await runTool('blkdiscard', volume.devicePath)
        expect((await driver.listPool(h.pool)).volumes[0]?.allocatedBytes).toBeLessThan(MIB)
      })
      it('names the process that has the device open, and lets it finish', async () => {
        const volume = await driver.ensureVolume(h.pool, DATA)
        const abort = new AbortController()
        const ready = join(mounted.directory, 'ready')
        const opener = createLocalRunner().run({
          file: 'sh',
          args: ['-c', 'exec 3<"$0"; echo $$ >"$1.tmp"; mv "$1.tmp" "$1"; exec sleep 60'].concat([
            volume.devicePath,
            ready,
          ]),
          timeoutMs: 60_000,
          signal: abort.signal,
        })
        while (!(await exists(ready))) await new Promise((resolve) => setTimeout(resolve, 5))
        const pid = (await readFile(ready, 'utf8')).trim()
        await rm(ready)
        await expect(driver.removeVolume(h.pool, DATA.uid)).rejects.toMatchObject({
          reason: 'in-use',
          details: [`open by process ${pid} (sleep)`],
        })
        expect(await h.files()).toContain('volumes/data.volume-a.img')
        abort.abort()
        await expect(opener).rejects.toThrow()
        await driver.removeVolume(h.pool, DATA.uid)
        expect(await h.loops()).toEqual([])
      })
      it('snapshots a mounted file system as a power cut would leave it', async () => {
        const volume = await driver.ensureVolume(h.pool, DATA)
        await runTool('mkfs.ext4', '-q', volume.devicePath)
        const mountPoint = join(mounted.directory, 'inner')
        await mkdir(mountPoint)
        await runTool('mount', volume.devicePath, mountPoint)
        await writeFile(join(mountPoint, 'keel'), TEXT)
        await runTool('sync', '--file-system', mountPoint)
        await driver.createSnapshot(h.pool, SNAP)
        await rm(join(mountPoint, 'keel'))
        await runTool('umount', mountPoint)
        const wanted = { ...DATA, uid: 'volume-b', name: 'restored', sourceSnapshotUid: SNAP.uid }
        const restored = await driver.ensureVolume(h.pool, wanted)
        await runTool('mount', restored.devicePath, mountPoint)
        expect(await readFile(join(mountPoint, 'keel'), 'utf8')).toBe(TEXT)
        await runTool('umount', mountPoint)
        await rm(mountPoint, { recursive: true })
      })
      it('starts no process to list', async () => {
        const volume = await driver.ensureVolume(h.pool, DATA)
        const runner: CommandRunner = {
          run: () => Promise.reject(new Error('a process was started')),
        }
        const { volumes } = await h.createDriver({ runner }).listPool(h.pool)
        expect(volumes).toEqual([volume])
      })
      it('lists a pool whose file system is full', async () => {
        const filler = join(mounted.directory, 'filler')
        await createLocalRunner()
          .run({ file: 'dd', args: ['if=/dev/zero', `of=${filler}`, 'bs=1M'], timeoutMs: 60_000 })
          .catch(() => undefined)
        const { state } = await h.createDriver().listPool(h.pool)
        await rm(filler)
        expect(state.freeBytes).toBeLessThan(MIB)
        expect(state.totalBytes).toBeGreaterThan(300 * MIB)
      })
      it('can have a removal undone by hand until it is reclaimed', async () => {
        const volume = await driver.ensureVolume(h.pool, DATA)
        await h.write(volume, 0, TEXT)
        await driver.removeVolume(h.pool, DATA.uid)
        const trash = join(h.pool.path, 'trash')
        const [name = ''] = await readdir(trash)
        await rename(join(trash, name), image(volume))
        const back = await driver.ensureVolume(h.pool, DATA)
        expect(await h.read(back, 0, TEXT.length)).toBe(TEXT)
      })
      it('points to the device that still has the data of a removed file', async () => {
        const volume = await driver.ensureVolume(h.pool, DATA)
        await h.destroyData(volume)
        await expect(driver.ensureVolume(h.pool, DATA)).rejects.toMatchObject({
          code: 'DATA_LOSS',
          details: [expect.stringContaining(`${volume.kernelDevice} still has the data`)],
        })
        const { orphans } = await driver.listPool(h.pool)
        expect(orphans).toEqual([`${volume.kernelDevice} over ${image(volume)} (deleted)`])
      })
      it('warns of a second device over the same file', async () => {
        const volume = await driver.ensureVolume(h.pool, DATA)
        const second = await runTool('losetup', '--find', '--show', image(volume))
        const [listed] = (await driver.listPool(h.pool)).volumes
        expect(listed?.kernelDevice).toBe(volume.kernelDevice)
        expect(listed?.warnings).toEqual([expect.stringContaining(`${second} is attached`)])
        await driver.removeVolume(h.pool, DATA.uid)
        expect(await h.loops()).toEqual([])
      })
      it('repairs a link that leads to somebody else, and leaves that device alone', async () => {
        const volume = await driver.ensureVolume(h.pool, DATA)
        await h.write(volume, 0, TEXT)
        await runTool('losetup', '--detach', volume.kernelDevice ?? '')
        // The link survived, and its device now belongs to a stranger.
        const stranger = join(mounted.directory, 'stranger')
        await runTool('truncate', '--size', '1M', stranger)
        await runTool('losetup', volume.kernelDevice ?? '', stranger)
        const [listed] = (await driver.listPool(h.pool)).volumes
        expect(listed).toMatchObject({ kernelDevice: undefined, ready: false })
        const repaired = await driver.ensureVolume(h.pool, DATA)
        expect(repaired.kernelDevice).not.toBe(volume.kernelDevice)
        expect(await h.read(repaired, 0, TEXT.length)).toBe(TEXT)
        await driver.removeVolume(h.pool, DATA.uid)
        const backing = await runTool('losetup', '-n', '-O', 'BACK-FILE', volume.kernelDevice ?? '')
        expect(backing).toBe(stranger)
        await runTool('losetup', '--detach', volume.kernelDevice ?? '')
        await rm(stranger)
      })
      it('never takes a path that is in the way', async () => {
        const path = join(h.deviceDirectory, 'data')
        await mkdir(h.deviceDirectory, { recursive: true })
        await writeFile(path, 'mine')
        await expect(driver.ensureVolume(h.pool, DATA)).rejects.toMatchObject({
          code: 'FAILED_PRECONDITION',
          message: `${path} is in the way: it is not a symlink`,
        })
        expect(await readFile(path, 'utf8')).toBe('mine')
      })
    })

    describe('with several pools on a host', () => {
      beforeEach(start('FILE_THIN'))

      it('keeps two agents with equal pools out of each other', async () => {
        const other = await createFileHarness(mounted.directory, 'FILE_THIN')
        const otherDriver = other.createDriver()
        await otherDriver.preparePool(other.pool)
        const ours = await driver.ensureVolume(h.pool, DATA)
        const theirs = await otherDriver.ensureVolume(other.pool, DATA)
        await h.write(ours, 0, 'ours')
        await other.write(theirs, 0, 'theirs')
        await driver.removeVolume(h.pool, DATA.uid)
        h.advance(h.trashHoldMs)
        await driver.reclaim(h.pool)
        await driver.removePool(h.pool)
        expect(await other.read(theirs, 0, 6)).toBe('theirs')
        const { kernelDevice } = await otherDriver.ensureVolume(other.pool, DATA)
        expect(kernelDevice).toBe(theirs.kernelDevice)
        await other.close()
      })
      it('refuses one device path to two volumes', async () => {
        const second = { ...h.pool, uid: 'pool-b', name: 'second', path: `${h.pool.path}-2` }
        await driver.preparePool(second)
        const first = await driver.ensureVolume(h.pool, DATA)
        await h.write(first, 0, TEXT)
        const twin = { ...DATA, uid: 'volume-b' }
        await expect(driver.ensureVolume(second, twin)).rejects.toMatchObject({
          code: 'ALREADY_EXISTS',
          message: `${first.devicePath} belongs to volume volume-a`,
        })
        await driver.removeVolume(second, twin.uid)
        expect(await h.read(first, 0, TEXT.length)).toBe(TEXT)
        await driver.removePool(second)
      })
      it('refuses a pool inside another', async () => {
        const inner = { ...h.pool, uid: 'pool-b', path: join(h.pool.path, 'volumes', 'inner') }
        await expect(driver.preparePool(inner)).rejects.toMatchObject({
          code: 'FAILED_PRECONDITION',
          message: `pool directory ${inner.path} lies inside the pool at ${h.pool.path}`,
        })
        expect(await exists(inner.path)).toBe(false)
      })
      it('follows a symlink to the pool', async () => {
        const path = `${h.pool.path}-link`
        await mkdir(`${path}-target`)
        await symlink(`${path}-target`, path)
        const linked = { ...h.pool, uid: 'pool-b', path }
        await driver.preparePool(linked)
        const volume = await driver.ensureVolume(linked, DATA)
        expect((await h.createDriver().listPool(linked)).volumes).toEqual([volume])
        await driver.removeVolume(linked, DATA.uid)
      })
    })
  })

describe('a disk of 4096-byte sectors', () => {
  let mounted: TestFilesystem
  let h: FileHarness
  afterEach(async () => {
    await h.close()
    await mounted.unmount()
  })
  it('has volumes without direct I/O, which says so', async () => {
    mounted = await mountTestFilesystem('xfs', 4096)
    h = await createFileHarness(mounted.directory, 'FILE')
    const driver = h.createDriver()
    await driver.preparePool(h.pool)
    const volume = await driver.ensureVolume(h.pool, DATA)
    expect(volume.warnings).toEqual(['attached without direct I/O: data is cached twice'])
    expect(volume.ready).toBe(true)
    await h.write(volume, 512, TEXT)
    expect(await h.read(volume, 512, TEXT.length)).toBe(TEXT)
  })
})
