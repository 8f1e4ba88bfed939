import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@keelson/shared/runtime'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { restoreBackup, writeBackup } from './backup.ts'
import { storeConformance } from './conformance.ts'
import { openLmdbStore } from './lmdb.ts'
import { type LmdbEngine, openLmdbEngine } from './lmdb-engine.ts'
import { openLmdbFile, putHeader } from './lmdb-file.ts'
import { readAll, type Store } from './store.ts'

storeConformance('the lmdb engine', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'keelson-store.'))
  let store = await openLmdbStore({ directory })
  return {
    store,
    async reopen() {
      await store.close()
      store = await openLmdbStore({ directory })
      return store
    },
    async dispose() {
      await store.close()
      rmSync(directory, { recursive: true })
    },
  }
})

const put = (store: Store, key: string, value = 'x') =>
  store.commit({ guards: [], operations: [{ type: 'put', key, value }] })

describe("an lmdb store's directory", () => {
  let root: string
  let directory: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'keelson-lmdb-'))
    directory = join(root, 'deep', 'store.v1')
  })
  afterEach(() => rmSync(root, { recursive: true }))

  it('is made with two files that only its owner can read', async () => {
    const store = await openLmdbStore({ directory })
    await store.close()
    expect(readdirSync(directory).sort()).toEqual(['data.mdb', 'lock.mdb'])
    const modes = [directory, join(directory, 'data.mdb'), join(directory, 'lock.mdb')].map(
      (path) => statSync(path).mode & 0o777,
    )
    expect(modes).toEqual([0o700, 0o600, 0o600])
  })

  it('is not made where there must be one', async () => {
    const opening = openLmdbStore({ directory, create: false })
    await expect(opening).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(existsSync(directory)).toBe(false)
  })

  it('without its data file is not taken for a new one', async () => {
    const store = await openLmdbStore({ directory })
    await put(store, 'a')
    await store.close()
    rmSync(join(directory, 'data.mdb'))
    const opening = openLmdbStore({ directory })
    await expect(opening).rejects.toMatchObject({
      code: 'DATA_LOSS',
      message: `${join(directory, 'data.mdb')} has vanished`,
    })
  })

  it('with an empty data file is not taken for a new one', async () => {
    await (await openLmdbStore({ directory })).close()
    truncateSync(join(directory, 'data.mdb'), 0)
    await expect(openLmdbStore({ directory })).rejects.toMatchObject({ code: 'DATA_LOSS' })
    expect(statSync(join(directory, 'data.mdb')).size).toBe(0)
  })

  it('left behind half made is made anew', async () => {
    mkdirSync(join(directory, 'new'), { recursive: true })
    writeFileSync(join(directory, 'new', 'data.mdb'), 'half')
    const store = await openLmdbStore({ directory })
    expect(await put(store, 'a')).toBe(1)
    await store.close()
    expect(readdirSync(directory)).not.toContain('new')
  })

  it('is open once in a process', async () => {
    const store = await openLmdbStore({ directory })
    const again = openLmdbStore({ directory: `${directory}/` })
    await expect(again).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
    expect(await put(store, 'a')).toBe(1)
    await store.close()
    await (await openLmdbStore({ directory })).close()
  })

  it('needs nothing of an old lock file', async () => {
    const store = await openLmdbStore({ directory })
    await put(store, 'a', 'kept')
    await store.close()
    for (const content of ['', 'garbage'.repeat(3000)]) {
      writeFileSync(join(directory, 'lock.mdb'), content)
      const reopened = await openLmdbStore({ directory })
      expect((await reopened.get('a'))?.value).toBe('kept')
      await put(reopened, 'b')
      await reopened.close()
    }
  })

  it('that a newer program wrote is refused', async () => {
    const options = { directory, create: true, mapSizeBytes: 1024 ** 2 }
    const { database, header } = await openLmdbFile(options)
    database.transactionSync(() => putHeader(database, { ...header, version: 2 }))
    await database.close()
    await expect(openLmdbStore({ directory })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('store version 2, this program knows up to 1'),
    })
  })

  it('that cannot be read or made raises UNAVAILABLE', async () => {
    writeFileSync(join(root, 'deep'), 'a file')
    await expect(openLmdbStore({ directory })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})

describe('an lmdb engine', () => {
  it('writes nothing once somebody else has written, though the lock should prevent that', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'keelson-lmdb-'))
    const options = { directory, mapSizeBytes: 1024 ** 2, pageRecords: 10, pageCharacters: 1000 }
    const one = await openLmdbEngine({ ...options, create: true })
    const other = await openLmdbEngine({ ...options, create: false })
    const put = (engine: LmdbEngine, key: string) =>
      engine.commit([{ guards: [], operations: [{ type: 'put', key, value: 'x' }] }])
    put(one, 'a')
    expect(() => put(other, 'b')).toThrow(/somebody else .* at revision 1, this side left it at 0$/)
    put(one, 'c')
    await other.close()
    await one.close()
    const reopened = await openLmdbEngine({ ...options, create: false })
    expect(reopened.firstPage('').records.map(({ key }) => key)).toEqual(['a', 'c'])
    await reopened.close()
    rmSync(directory, { recursive: true })
  })
})

describe('an lmdb store', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'keelson-lmdb-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  it('outgrows the map it was opened with, also under a snapshot', async () => {
    const store = await openLmdbStore({ directory, mapSizeBytes: 128 * 1024, pageRecords: 2 })
    const value = 'x'.repeat(100_000)
    for (const key of ['a', 'b', 'c']) await put(store, key)
    const seen: string[] = []
    for await (const page of store.range('')) {
      seen.push(...page.records.map((record) => record.key))
      for (let index = 0; index < 50; index++) await put(store, `large/${index}`, value)
    }
    expect(seen).toEqual(['a', 'b', 'c'])
    expect((await store.status()).sizeBytes).toBeGreaterThan(5_000_000)
    await store.close()
    const reopened = await openLmdbStore({ directory, mapSizeBytes: 128 * 1024 })
    const { records } = await readAll(reopened, 'large/')
    expect(records.every((record) => record.value === value) && records.length).toBe(50)
    await reopened.close()
  })

  it('lets go of the snapshots it is closed under', async () => {
    const store = await openLmdbStore({ directory, pageRecords: 1 })
    await put(store, 'a')
    await put(store, 'b')
    const reading = store.range('')[Symbol.asyncIterator]()
    await reading.next()
    await store.close()
    await expect(reading.next()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    const reopened = await openLmdbStore({ directory })
    expect((await reopened.status()).keys).toBe(2)
    await reopened.close()
  })

  it('in which a restore was interrupted does not open', async () => {
    const path = join(directory, 'backup.jsonl')
    const source = await openLmdbStore({ directory: join(directory, 'source') })
    for (const key of ['a', 'b', 'c']) await put(source, key)
    await writeBackup(source, path, systemClock)
    await source.close()
    const target = await openLmdbStore({ directory: join(directory, 'target') })
    // The second transaction of a restore is the one with the records.
    const dying: Store = {
      ...target,
      commit: (transaction) =>
        target.revision > 0 ? Promise.reject(new Error('power cut')) : target.commit(transaction),
    }
    await expect(restoreBackup(path, dying)).rejects.toThrow('power cut')
    await target.close()
    const opening = openLmdbStore({ directory: join(directory, 'target') })
    await expect(opening).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining(path),
    })
  })
})
