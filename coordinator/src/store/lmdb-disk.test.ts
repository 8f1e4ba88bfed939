/** Real file systems that run full or break under the store, on a tmpfs and on loop devices. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLmdbStore } from './lmdb.ts'
import { readAll, type Store } from './store.ts'

const SIZE_BYTES = 12 * 1024 * 1024

const fileSystems: Record<string, (directory: string, mountPoint: string) => void> = {
  tmpfs: (_, mountPoint) =>
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_BYTES}`, 'none', mountPoint]),
  ext4: (directory, mountPoint) => {
    const image = join(directory, 'image')
    writeFileSync(image, '')
    truncateSync(image, SIZE_BYTES)
    execFileSync('mkfs.ext4', ['-q', '-m', '0', image])
    execFileSync('mount', ['-o', 'loop', image, mountPoint])
  },
}

describe.each(Object.keys(fileSystems))('a store on a full %s', (type) => {
  let directory: string
  let mountPoint: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'keelson-full-'))
    mountPoint = join(directory, 'mnt')
    mkdirSync(mountPoint)
    fileSystems[type]?.(directory, mountPoint)
  })
  afterEach(() => {
    execFileSync('umount', ['-l', mountPoint])
    rmSync(directory, { recursive: true })
  })

  /** Leaves `roomBytes` on the file system. */
  const fillUp = (roomBytes: number) => {
    const { bavail, bsize } = statfsSync(mountPoint)
    writeFileSync(join(mountPoint, 'ballast'), Buffer.alloc(bavail * bsize - roomBytes))
  }
  const putRecord = (store: Store, key: string) =>
    store.commit({
      guards: [{ key, modRevision: 0 }],
      operations: [
        { type: 'put', key, value: 'x'.repeat(50_000) },
        { type: 'put', key: 'newest', value: key },
      ],
    })
  const keysOf = async (store: Store) => (await readAll(store, 'k')).records.map(({ key }) => key)

  it('refuses without losing anything, and goes on when there is space', async () => {
    const location = join(mountPoint, 'store')
    let store = await openLmdbStore({ directory: location })
    fillUp(1_000_000)
    const acknowledged: string[] = []
    let error: unknown
    for (let index = 100; error === undefined; index++) {
      const results = await Promise.allSettled([
        putRecord(store, `k${index}a`),
        putRecord(store, `k${index}b`),
      ])
      for (const [at, result] of results.entries()) {
        if (result.status === 'rejected') error = result.reason
        else acknowledged.push(`k${index}${at === 0 ? 'a' : 'b'}`)
      }
    }
    expect(acknowledged.length).toBeGreaterThan(3)
    expect(error).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: expect.stringMatching(/disk is full, \d+ bytes are free$/),
    })

    // It acknowledges nothing more, but everything acknowledged can be read.
    await expect(putRecord(store, 'k-late')).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    expect((await store.status()).failure).toContain('disk is full')
    expect(await keysOf(store)).toEqual(acknowledged)
    await store.close()

    // Reopened while the disk is still full: the same records, and still a clear refusal.
    store = await openLmdbStore({ directory: location, create: false })
    expect(await keysOf(store)).toEqual(acknowledged)
    expect((await store.get('newest'))?.value).toBe(acknowledged.at(-1))
    const more = await Promise.allSettled(
      Array.from({ length: 40 }, (_, i) => putRecord(store, `l${i}`)),
    )
    expect(more.at(-1)).toMatchObject({ reason: { code: 'RESOURCE_EXHAUSTED' } })
    await store.close()

    rmSync(join(mountPoint, 'ballast'))
    store = await openLmdbStore({ directory: location, create: false })
    expect(await keysOf(store)).toEqual(acknowledged)
    await putRecord(store, 'k-space')
    await store.close()
    store = await openLmdbStore({ directory: location, create: false })
    expect((await keysOf(store)).sort()).toEqual([...acknowledged, 'k-space'].sort())
    await store.close()
  })

  it('is not made on a full disk', async () => {
    fillUp(0)
    const opening = openLmdbStore({ directory: join(mountPoint, 'store') })
    await expect(opening).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    rmSync(join(mountPoint, 'ballast'))
    const store = await openLmdbStore({ directory: join(mountPoint, 'store') })
    expect(await putRecord(store, 'k')).toBe(1)
    await store.close()
  })
})

describe('a store on a disk that fails', () => {
  const directory = mkdtempSync(join(tmpdir(), 'keelson-eio-'))
  const backing = join(directory, 'backing')
  const mountPoint = join(directory, 'mnt')
  const image = join(backing, 'image')
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { stdio: 'ignore' })
  afterAll(() => {
    for (const at of [mountPoint, backing]) execFileSync('umount', ['-l', at])
    rmSync(directory, { recursive: true })
  })

  it('stops, tells the cause and has lost nothing it acknowledged', async () => {
    // The file system believes in 64 MiB of disk; what is behind it gives out after 8, so that
    // writing back fails with EIO when the store flushes.
    for (const at of [mountPoint, backing]) mkdirSync(at)
    run('mount', '-t', 'tmpfs', '-o', 'size=8m', 'none', backing)
    writeFileSync(image, '')
    truncateSync(image, 64 * 1024 * 1024)
    run('mkfs.ext4', '-q', '-m', '0', '-E', 'nodiscard', image)
    run('mount', '-o', 'loop', image, mountPoint)
    const location = join(mountPoint, 'store')
    let store = await openLmdbStore({ directory: location })
    const value = 'x'.repeat(50_000)
    const commit = (key: string) =>
      store.commit({ guards: [], operations: [{ type: 'put', key, value }] })
    let acknowledged = 0
    let error: unknown
    for (; error === undefined; acknowledged++)
      await commit(`k${acknowledged + 1}`).catch((reason) => {
        error = reason
        acknowledged--
      })
    expect(error).toMatchObject({
      code: 'UNAVAILABLE',
      cause: { message: expect.stringContaining('Input/output error') },
    })
    await expect(commit('late')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect((await store.status()).failure).toContain('Input/output error')
    expect((await store.status()).keys).toBe(acknowledged)
    await store.close()

    run('umount', mountPoint)
    run('mount', '-o', 'remount,size=100m', backing)
    // Exit code 1 says that errors were corrected.
    spawnSync('e2fsck', ['-fy', image])
    run('mount', '-o', 'loop', image, mountPoint)
    store = await openLmdbStore({ directory: location, create: false })
    const { revision, records } = await readAll(store, '')
    expect({ revision, keys: records.length }).toEqual({
      revision: acknowledged,
      keys: acknowledged,
    })
    expect(await commit('more')).toBe(acknowledged + 1)
    await store.close()
  })
})
