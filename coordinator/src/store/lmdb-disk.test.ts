/** Real file systems that run full, break or lose power under the store. */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLmdbStore } from './lmdb.ts'
import { readAll, type Store } from './store.ts'

const MIB = 1024 * 1024

let root: string
let mounted: string[]
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'keelson-disk-'))
  mounted = []
})
afterEach(() => {
  for (const at of mounted.toReversed()) execFileSync('umount', ['-l', at])
  rmSync(root, { recursive: true })
})

/** Mounts something at a new directory `name` and returns that. */
function mount(name: string, ...args: string[]): string {
  const at = join(root, name)
  mkdirSync(at, { recursive: true })
  execFileSync('mount', [...args, at])
  mounted.push(at)
  return at
}

function unmount(at: string): void {
  execFileSync('umount', [at])
  mounted = mounted.filter((other) => other !== at)
}

const mountTmpfs = (name: string, sizeBytes: number) =>
  mount(name, '-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'none')

/** A file with an ext4 in it. */
function makeImage(path: string, sizeBytes: number): string {
  writeFileSync(path, '')
  truncateSync(path, sizeBytes)
  execFileSync('mkfs.ext4', ['-q', '-m', '0', '-E', 'nodiscard', path])
  return path
}

const mountImage = (name: string, image: string) => mount(name, '-o', 'loop', image)

const putRecord = (store: Store, key: string, sizeBytes = 50_000) =>
  store.commit({
    guards: [{ key, modRevision: 0 }],
    operations: [
      { type: 'put', key, value: 'x'.repeat(sizeBytes) },
      { type: 'put', key: 'newest', value: key },
    ],
  })
const keysOf = async (store: Store) => (await readAll(store, 'k')).records.map(({ key }) => key)

/** Commits `k100`, `k101` and so on, two at a time, until it fails; what was acknowledged. */
async function commitUntilFailure(
  store: Store,
): Promise<{ acknowledged: string[]; error: unknown }> {
  const acknowledged: string[] = []
  for (let index = 100; ; index += 2) {
    const keys = [`k${index}`, `k${index + 1}`]
    const results = await Promise.allSettled(keys.map((key) => putRecord(store, key)))
    acknowledged.push(...keys.filter((_, at) => results[at]?.status === 'fulfilled'))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) return { acknowledged, error: failed.reason }
  }
}

describe.each([
  ['tmpfs', () => mountTmpfs('full', 12 * MIB)],
  ['ext4', () => mountImage('full', makeImage(join(root, 'image'), 12 * MIB))],
])('a store on a full %s', (_, mountFileSystem) => {
  let mountPoint: string
  beforeEach(() => {
    mountPoint = mountFileSystem()
  })
  const freeBytes = () => {
    const { bavail, bsize } = statfsSync(mountPoint)
    return bavail * bsize
  }
  /** Writes a file until `roomBytes` are left, or nothing more goes in. */
  const fillUp = (roomBytes: number) => {
    const ballast = join(mountPoint, 'ballast')
    try {
      while (freeBytes() > roomBytes) appendFileSync(ballast, Buffer.alloc(4096))
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' })
    }
  }

  it('refuses without losing anything, and goes on when there is space', async () => {
    const directory = join(mountPoint, 'store')
    let store = await openLmdbStore({ directory })
    fillUp(MIB)
    const { acknowledged, error } = await commitUntilFailure(store)
    expect(acknowledged.length).toBeGreaterThan(3)
    expect(error).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: expect.stringMatching(/disk is full, \d+ bytes are free$/),
    })

    // It acknowledges nothing more, but everything acknowledged can be read.
    await expect(putRecord(store, 'late')).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    expect((await store.status()).failure).toContain('disk is full')
    expect(await keysOf(store)).toEqual(acknowledged)
    await store.close()

    // Reopened while the disk is still full: the same records, and still a clear refusal.
    store = await openLmdbStore({ directory, create: false })
    expect(await keysOf(store)).toEqual(acknowledged)
    expect((await store.get('newest'))?.value).toBe(acknowledged.at(-1))
    const large = putRecord(store, 'large', MIB)
    await expect(large).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    await store.close()

    rmSync(join(mountPoint, 'ballast'))
    store = await openLmdbStore({ directory, create: false })
    expect(await keysOf(store)).toEqual(acknowledged)
    await putRecord(store, 'k-space')
    await store.close()
    store = await openLmdbStore({ directory, create: false })
    expect(await keysOf(store)).toEqual(['k-space', ...acknowledged])
    await store.close()
  })

  it('is not made on a full disk', async () => {
    fillUp(0)
    const directory = join(mountPoint, 'store')
    await expect(openLmdbStore({ directory })).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    rmSync(join(mountPoint, 'ballast'))
    const store = await openLmdbStore({ directory })
    expect(await putRecord(store, 'k')).toBe(1)
    await store.close()
  })
})

describe('a store on a disk that fails', () => {
  it('stops, tells the cause and has lost nothing it acknowledged', async () => {
    // The file system believes in 64 MiB of disk; what is behind it gives out after 8, so that
    // writing back fails with EIO when the store flushes.
    const backing = mountTmpfs('backing', 8 * MIB)
    const image = makeImage(join(backing, 'image'), 64 * MIB)
    const mountPoint = mountImage('failing', image)
    const directory = join(mountPoint, 'store')
    let store = await openLmdbStore({ directory })
    const { acknowledged, error } = await commitUntilFailure(store)
    expect(acknowledged.length).toBeGreaterThan(3)
    expect(error).toMatchObject({
      code: 'UNAVAILABLE',
      cause: { message: expect.stringContaining('Input/output error') },
    })
    await expect(putRecord(store, 'late')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect((await store.status()).failure).toContain('Input/output error')
    await store.close()

    unmount(mountPoint)
    execFileSync('mount', ['-o', 'remount,size=100m', backing])
    // Its exit code tells that errors were corrected.
    spawnSync('e2fsck', ['-fy', image])
    mountImage('failing', image)
    store = await openLmdbStore({ directory, create: false })
    expect(await keysOf(store)).toEqual(acknowledged)
    await putRecord(store, 'k-repaired')
    await store.close()
  })
})

describe('a store whose machine loses power', () => {
  it('has everything it acknowledged, from the first commit on', async () => {
    // What the loop device's file holds is what reached the disk; the rest is in the page cache of
    // the file system above and is what a power cut takes away.
    const image = makeImage(join(root, 'image'), 12 * MIB)
    const store = await openLmdbStore({ directory: join(mountImage('live', image), 'store') })
    const acknowledged: string[] = []
    for (let cut = 0; cut < 5; cut++) {
      for (let index = 0; index < cut * 7 + 1; index++) {
        const key = `k${cut}${index + 10}`
        await putRecord(store, key, index * 1000)
        acknowledged.push(key)
      }
      const afterPowerCut = join(root, `image-${cut}`)
      copyFileSync(image, afterPowerCut)
      const mountPoint = mountImage(`cut-${cut}`, afterPowerCut)
      const survivor = await openLmdbStore({ directory: join(mountPoint, 'store'), create: false })
      expect(await keysOf(survivor)).toEqual(acknowledged)
      expect((await survivor.get('newest'))?.value).toBe(acknowledged.at(-1))
      await survivor.close()
      unmount(mountPoint)
    }
    await store.close()
  })
})
