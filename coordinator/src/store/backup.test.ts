/** Backups over the seam alone; that each engine's content survives one is in `conformance.ts`. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import { systemClock } from '@keelson/shared/runtime'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkRestored, restoreBackup, verifyBackup, writeBackup } from './backup.ts'
import { createMemoryStore } from './memory.ts'
import { type Operation, readAll, type Store, type Transaction } from './store.ts'

const put = (key: string, value: string): Operation => ({ type: 'put', key, value })
const writes = (...operations: Operation[]): Transaction => ({ guards: [], operations })
const outcomeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error) => (error instanceof KeelsonError ? error.code : `not a KeelsonError: ${error}`),
  )

describe('backups', () => {
  let store: Store
  let directory: string
  let path: string
  let other: Store
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keelson-backup-'))
    path = join(directory, 'backup.jsonl')
    store = createMemoryStore({ pageRecords: 70 })
    other = createMemoryStore()
  })
  afterEach(() => rm(directory, { recursive: true }))
  const withoutRevisions = async (from: Store) =>
    (await readAll(from, '')).records.map(({ key, value }) => [key, value])

  async function fill(): Promise<void> {
    for (let start = 0; start < 300; start += 100)
      await store.commit(
        writes(
          ...Array.from({ length: 100 }, (_, i) => put(`k/${start + i}`, `{"größe":"\u2028${i}"}`)),
        ),
      )
    await store.commit(writes(put('large', 'x'.repeat(1_000_000))))
    await store.commit(writes(put('larger', 'y'.repeat(1_400_000))))
  }

  it('hold everything and restore it into an empty store', async () => {
    await fill()
    const written = await writeBackup(store, path, systemClock)
    expect(written).toMatchObject({ path, clusterRevision: store.revision, records: 302 })
    const { size, mode } = await stat(path)
    expect(written.sizeBytes).toBe(size)
    expect(mode & 0o777).toBe(0o600)
    expect(await verifyBackup(path)).toEqual(written)
    expect(await restoreBackup(path, other)).toEqual(written)
    expect(await withoutRevisions(other)).toEqual(await withoutRevisions(store))
  })

  it('show one revision while commits go on', async () => {
    await fill()
    const expected = await withoutRevisions(store)
    const writing = writeBackup(store, path, systemClock)
    let busy = true
    const commits = (async () => {
      for (let index = 0; busy; index++) {
        await store.commit(writes(put('k/7', `new ${index}`)))
        // An engine without I/O would never let the file system have its turn.
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    const { clusterRevision } = await writing
    busy = false
    await commits
    expect(store.revision).toBeGreaterThan(clusterRevision)
    await restoreBackup(path, other)
    const restored = await withoutRevisions(other)
    expect(restored.length).toBe(expected.length)
    const changed = restored.filter(
      ([key, value], i) => value !== expected[i]?.[1] && key !== 'k/7',
    )
    expect(changed).toEqual([])
  })

  it('of an empty store restore to an empty store', async () => {
    expect((await writeBackup(store, path, systemClock)).records).toBe(0)
    await restoreBackup(path, other)
    expect(await withoutRevisions(other)).toEqual([])
  })

  it('are not written over a file and not restored over records', async () => {
    await store.commit(writes(put('a', '1')))
    await writeBackup(store, path, systemClock)
    expect(await outcomeOf(writeBackup(store, path, systemClock))).toBe('ALREADY_EXISTS')
    await other.commit(writes(put('b', '1')))
    expect(await outcomeOf(restoreBackup(path, other))).toBe('FAILED_PRECONDITION')
    expect(await withoutRevisions(other)).toEqual([['b', '1']])
    expect(await outcomeOf(restoreBackup(`${path}.none`, other))).toBe('NOT_FOUND')
  })

  it('that are damaged are refused with the line and change nothing', async () => {
    await store.commit(writes(...['a', 'b', 'c'].map((key) => put(key, `value ${key}`))))
    await writeBackup(store, path, systemClock)
    const whole = await readFile(path, 'utf8')
    const lines = whole.split('\n')
    const cases: [string, string, string][] = [
      ['a changed value', whole.replace('value b', 'value B'), 'line 3 fails its checksum'],
      ['a changed key', whole.replace('"key":"c"', '"key":"d"'), 'line 4 fails its checksum'],
      [
        'a changed header',
        whole.replace('"createdAt":1', '"createdAt":2'),
        'line 5 has a checksum',
      ],
      ['no header', lines.slice(1).join('\n'), 'line 1 is not the beginning'],
      ['a line lost', lines.toSpliced(2, 1).join('\n'), 'line 4 tells of 3 records'],
      [
        'a line repeated',
        lines.toSpliced(2, 0, lines[2] as string).join('\n'),
        'line 6 tells of 3',
      ],
      ['cut in a line', whole.slice(0, 200), 'fails its checksum'],
      ['cut between lines', `${lines.slice(0, 3).join('\n')}\n`, 'line 4 is missing'],
      ['more after the end', `${whole}{}\n`, 'line 6 comes after the end'],
      ['empty', '', 'line 1 is missing'],
    ]
    for (const [name, content, message] of cases) {
      await writeFile(path, content)
      const error = await restoreBackup(path, other).catch((reason) => reason)
      expect([name, error.code, error.message]).toEqual([
        name,
        'DATA_LOSS',
        expect.stringContaining(message),
      ])
      expect(await withoutRevisions(other)).toEqual([])
    }
  })

  it('that cannot be finished leave no file behind', async () => {
    await fill()
    const damage = new KeelsonError('DATA_LOSS', 'record k/7 fails its checksum')
    const failing: Store = {
      ...store,
      async *range() {
        for await (const page of store.range('')) {
          yield page
          throw damage
        }
      },
    }
    await expect(writeBackup(failing, path, systemClock)).rejects.toBe(damage)
    expect(await readdir(directory)).toEqual([])
    const nowhere = join(directory, 'none', 'backup')
    expect(await outcomeOf(writeBackup(store, nowhere, systemClock))).toBe('UNAVAILABLE')
  })

  it('that were restored in part make the store refuse to open', async () => {
    await fill()
    await writeBackup(store, path, systemClock)
    let commits = 0
    const failing: Store = {
      ...other,
      commit: (transaction) =>
        ++commits > 2
          ? Promise.reject(new KeelsonError('UNAVAILABLE', 'power cut'))
          : other.commit(transaction),
    }
    expect(await outcomeOf(restoreBackup(path, failing))).toBe('UNAVAILABLE')
    expect(await outcomeOf(checkRestored(other))).toBe('FAILED_PRECONDITION')
    expect(await outcomeOf(restoreBackup(path, other))).toBe('FAILED_PRECONDITION')
  })
})
