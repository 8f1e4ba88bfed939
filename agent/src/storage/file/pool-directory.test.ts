import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { StorageDriver } from '../driver.ts'
import {
  createFileHarness,
  exists,
  type FileHarness,
  mountTestFilesystem,
  runTool,
  type TestFilesystem,
} from './testing.ts'

const MIB = 1024 * 1024
const DATA = { uid: 'volume-a', name: 'data', sizeBytes: 32 * MIB } as const
const _SNAP = { uid: 'snap-a', name: 'before', volumeUid: DATA.uid } as const
const TEXT = 'the beam that ties the frame to the keel'

describe('a pool directory', () => {
  let mounted: TestFilesystem
  let h: FileHarness
  let driver: StorageDriver
  beforeAll(async () => {
    mounted = await mountTestFilesystem('ext4')
  })
  afterAll(() => mounted.unmount())
  beforeEach(async () => {
    h = await createFileHarness(mounted.directory, 'FILE_THIN')
    driver = h.createDriver()
  })
  afterEach(() => h.close())

  it.each(['pool', './pool', '/', '/nonexistent/../pool', '/nonexistent/pool/'])(
    'is not %s',
    async (path) => {
      const refused = driver.preparePool({ ...h.pool, path })
      await expect(refused).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    },
  )
  it('is not a file', async () => {
    await writeFile(h.pool.path, 'mine')
    await expect(driver.preparePool(h.pool)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: `pool path ${h.pool.path} is not a directory`,
    })
    expect(await readFile(h.pool.path, 'utf8')).toBe('mine')
  })
  it.each([
    ['damaged', '{"uid":', 'DATA_LOSS', /keelson-pool.json is damaged$/],
    ['no record', 'null', 'DATA_LOSS', /keelson-pool.json is damaged$/],
    ['of a later version', '{"version":2}', 'FAILED_PRECONDITION', /has layout version 2, not 1$/],
  ])('is refused when its marker is %s', async (_, marker, code, message) => {
    await driver.preparePool(h.pool)
    await writeFile(join(h.pool.path, 'keelson-pool.json'), marker)
    for (const attempt of [() => driver.preparePool(h.pool), () => driver.listPool(h.pool)])
      await expect(attempt()).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      })
  })
  it('is refused when a part of it was removed by hand', async () => {
    await driver.preparePool(h.pool)
    await rm(join(h.pool.path, 'volumes'), { recursive: true })
    for (const attempt of [() => driver.preparePool(h.pool), () => driver.listPool(h.pool)])
      await expect(attempt()).rejects.toMatchObject({ code: 'DATA_LOSS' })
    expect(await exists(join(h.pool.path, 'volumes'))).toBe(false)
  })
  it('is taken over by its marker when the agent lost its own records', async () => {
    await driver.preparePool(h.pool)
    const volume = await driver.ensureVolume(h.pool, DATA)
    await h.write(volume, 0, TEXT)
    await rm(h.stateDirectory, { recursive: true })
    const fresh = h.createDriver()
    await fresh.preparePool(h.pool)
    expect(await h.read(await fresh.ensureVolume(h.pool, DATA), 0, TEXT.length)).toBe(TEXT)
    const bringBack = await h.hidePool()
    await expect(fresh.preparePool(h.pool)).rejects.toThrow('has vanished')
    await bringBack()
  })
  it('stays where it was prepared', async () => {
    await driver.preparePool(h.pool)
    const moved = driver.preparePool({ ...h.pool, path: `${h.pool.path}-2` })
    await expect(moved).rejects.toThrow(`was prepared at ${h.pool.path}, not at`)
    expect(await exists(`${h.pool.path}-2`)).toBe(false)
  })
  it('keeps the foreign files it was made around', async () => {
    await mkdir(h.pool.path)
    await writeFile(join(h.pool.path, 'notes'), 'mine')
    await driver.preparePool(h.pool)
    const foreign = ['incoming/data.img', 'trash/1700000000000.volume.data.img', 'trash/old']
    for (const path of foreign) await writeFile(join(h.pool.path, path), 'mine')
    await driver.ensureVolume(h.pool, DATA)
    await driver.removeVolume(h.pool, DATA.uid)
    expect((await driver.listPool(h.pool)).orphans).toEqual([
      'incoming/data.img',
      'notes',
      'trash/1700000000000.volume.data.img',
      'trash/old',
    ])
    await driver.removePool(h.pool)
    expect((await readdir(h.pool.path)).sort()).toEqual(['incoming', 'notes', 'trash'])
    for (const path of foreign) expect(await exists(join(h.pool.path, path))).toBe(true)
  })
  it('on a tmpfs works with a warning', async () => {
    await mkdir(h.pool.path)
    await runTool('mount', '-t', 'tmpfs', '-o', 'size=64m', 'none', h.pool.path)
    const { warnings } = await driver.preparePool(h.pool)
    expect(warnings).toContain(`${h.pool.path} is on tmpfs: a reboot destroys every volume`)
    const volume = await driver.ensureVolume(h.pool, DATA)
    await h.write(volume, 0, TEXT)
    expect(await h.read(volume, 0, TEXT.length)).toBe(TEXT)
  })
})
