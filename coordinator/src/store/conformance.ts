/**
 * What every engine must do, as one suite that each engine's tests run. It states the contract of
 * `Store` and nothing that only one engine does. The only product file that imports vitest; nothing
 * but tests imports it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import { systemClock } from '@keelson/shared/runtime'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { restoreBackup, writeBackup } from './backup.ts'
import { checkAgainstModel, steps } from './conformance-model.ts'
import {
  type Change,
  type Guard,
  ITEM_OVERHEAD_BYTES,
  MAX_KEY_BYTES,
  MAX_TRANSACTION_BYTES,
  MAX_TRANSACTION_ITEMS,
  type Operation,
  readAll,
  type Store,
  type Transaction,
} from './store.ts'

/** A store under test and the place its data is in. */
export interface Fixture {
  readonly store: Store
  /** Closes the store that is open and opens what is durable anew. */
  reopen(): Promise<Store>
  /** Closes the store and removes its data. */
  dispose(): Promise<void>
}

const put = (key: string, value: string): Operation => ({ type: 'put', key, value })
const remove = (key: string): Operation => ({ type: 'delete', key })
const writes = (...operations: Operation[]): Transaction => ({ guards: [], operations })
const guarded = (guards: readonly Guard[], ...operations: Operation[]): Transaction => ({
  guards,
  operations,
})
const absent = (key: string): Guard => ({ key, modRevision: 0 })

/** The error's code, or `ok`. */
const outcomeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error) => (error instanceof KeelsonError ? error.code : `not a KeelsonError: ${error}`),
  )

/** Runs the suite; `open` makes an empty store each time. */
export function storeConformance(name: string, open: () => Promise<Fixture>): void {
  describe(`${name} keeps the contract of Store`, () => {
    let fixture: Fixture
    let store: Store
    beforeEach(async () => {
      fixture = await open()
      store = fixture.store
    })
    afterEach(() => fixture.dispose())
    const use: Use = {
      store: () => store,
      reopen: async () => {
        store = await fixture.reopen()
        return store
      },
    }
    describe('transactions', () => describeTransactions(use))
    describe('snapshots', () => describeSnapshots(use))
    describe('watches', () => describeWatches(use))
    describe('limits', () => describeLimits(use))
    describe('backups', () => describeBackups(use, open))
    describe('safety properties', () => describeProperties(open))
  })
}

interface Use {
  store(): Store
  reopen(): Promise<Store>
}

function describeTransactions({ store, reopen }: Use): void {
  it('puts, gets and deletes', async () => {
    const first = await store().commit(writes(put('a', '1'), put('b', 'größe ✓')))
    expect(await store().get('b')).toEqual({ key: 'b', value: 'größe ✓', modRevision: first })
    const second = await store().commit(writes(put('a', '2'), remove('b')))
    expect(second).toBeGreaterThan(first)
    expect(store().revision).toBe(second)
    expect(await store().get('a')).toEqual({ key: 'a', value: '2', modRevision: second })
    expect(await store().get('b')).toBeUndefined()
  })

  it('applies all operations or none when a guard does not hold', async () => {
    const revision = await store().commit(writes(put('a', '1')))
    const cases: [Guard, string][] = [
      [{ key: 'a', modRevision: revision }, 'ok'],
      [{ key: 'a', modRevision: revision }, 'ABORTED'],
      [absent('a'), 'ABORTED'],
      [absent('z'), 'ok'],
      [{ key: 'z', modRevision: 1 }, 'ABORTED'],
    ]
    for (const [index, [guard, outcome]] of cases.entries()) {
      const value = String(index)
      const transaction = guarded([guard], put('a', value), put(`b${index}`, value))
      expect(await outcomeOf(store().commit(transaction)), JSON.stringify(guard)).toBe(outcome)
      const applied = outcome === 'ok'
      expect((await store().get('a'))?.value === value).toBe(applied)
      expect((await store().get(`b${index}`)) !== undefined).toBe(applied)
    }
  })

  it('judges a guard after the transactions called before it', async () => {
    const outcomes = await Promise.all([
      outcomeOf(store().commit(guarded([absent('name')], put('name', 'first')))),
      outcomeOf(store().commit(guarded([absent('name')], put('name', 'second')))),
      outcomeOf(store().commit(writes(remove('name')))),
      outcomeOf(store().commit(guarded([absent('name')], put('name', 'third')))),
    ])
    expect(outcomes).toEqual(['ok', 'ABORTED', 'ok', 'ok'])
    expect((await store().get('name'))?.value).toBe('third')
  })

  it('commits concurrent transactions in the order of the calls', async () => {
    const calls = Array.from({ length: 300 }, (_, index) =>
      store().commit(writes(put('last', String(index)), put(`k${index}`, 'x'))),
    )
    const revisions = await Promise.all(calls)
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b))
    const { records } = await readAll(store(), 'k')
    const written = new Map(records.map(({ key, modRevision }) => [key, modRevision]))
    expect(revisions.map((_, index) => written.get(`k${index}`))).toEqual(revisions)
    expect((await store().get('last'))?.value).toBe('299')
  })

  it('gives no revision to a transaction that changes nothing', async () => {
    const revision = await store().commit(writes(put('a', '1')))
    expect(await store().commit(writes(remove('nothing')))).toBe(revision)
    expect(await store().commit(guarded([{ key: 'a', modRevision: revision }]))).toBe(revision)
    expect(await store().commit(writes(put('a', '1')))).toBeGreaterThan(revision)
  })

  it('shows the same records and revision after it is reopened', async () => {
    for (let index = 0; index < 50; index++)
      await store().commit(writes(put(`k${index % 20}`, `v${index}`), remove(`k${index - 3}`)))
    const before = await readAll(store(), '')
    const reopened = await reopen()
    expect(await readAll(reopened, '')).toEqual(before)
    expect(reopened.revision).toBe(before.revision)
    expect(await reopened.commit(writes(put('next', '1')))).toBeGreaterThan(before.revision)
  })

  it('finishes what was committed before it is closed, and refuses everything after', async () => {
    const pending = store().commit(writes(put('a', '1')))
    const closing = store().close()
    expect(await outcomeOf(store().commit(writes(put('b', '1'))))).toBe('UNAVAILABLE')
    await closing
    await store().close()
    expect(await outcomeOf(pending)).toBe('ok')
    const closed = store()
    const { signal } = new AbortController()
    const calls: [string, () => Promise<unknown>][] = [
      ['commit', () => closed.commit(writes(put('b', '1')))],
      ['get', () => closed.get('a')],
      ['range', () => readAll(closed, '')],
      ['watch', () => take(closed.watch('', closed.revision + 1, signal), 1)],
      ['compact', () => closed.compact(0)],
      ['status', () => closed.status()],
    ]
    for (const [method, call] of calls)
      expect([method, await outcomeOf(call())]).toEqual([method, 'UNAVAILABLE'])
    expect((await (await reopen()).get('a'))?.value).toBe('1')
  })

  it('counts its records and tells its newest revision', async () => {
    await store().commit(writes(put('a', '1'), put('b', '1')))
    const revision = await store().commit(writes(put('a', '2'), remove('b'), put('c', '1')))
    const status = await store().status()
    expect(status).toMatchObject({ keys: 2, revision })
    expect(status.sizeBytes).toBeGreaterThan(0)
    expect(status.failure).toBeUndefined()
  })
}

function describeSnapshots({ store }: Use): void {
  it('gives the records under a prefix in the order of their keys', async () => {
    const keys = ['b/2', 'a', 'b/10', 'b/', 'b', 'b0', 'c/~', 'B/1', 'b/2/x']
    await store().commit(writes(...keys.map((key) => put(key, `value of ${key}`))))
    const under = async (prefix: string) =>
      (await readAll(store(), prefix)).records.map((record) => record.key)
    expect(await under('')).toEqual([...keys].sort())
    expect(await under('b/')).toEqual(['b/', 'b/10', 'b/2', 'b/2/x'])
    expect(await under('b/2')).toEqual(['b/2', 'b/2/x'])
    expect(await under('c/~')).toEqual(['c/~'])
    expect(await under('d')).toEqual([])
  })

  it('tells the revision of an empty range', async () => {
    const revision = await store().commit(writes(put('a', '1')))
    expect(await readAll(store(), 'none/')).toEqual({ revision, records: [] })
  })

  it('is consistent over many pages while commits go on', async () => {
    const size = 5000
    for (let start = 0; start < size; start += 100)
      await store().commit(
        writes(...Array.from({ length: 100 }, (_, i) => put(`k/${start + i}`, 'old'))),
      )
    const { revision } = store()
    const seen: string[] = []
    let pages = 0
    for await (const page of store().range('k/')) {
      pages++
      expect(page.revision).toBe(revision)
      for (const record of page.records) {
        expect(record.value).toBe('old')
        seen.push(record.key)
      }
      await store().commit(writes(put('k/0', 'new'), remove('k/4999'), put(`k/zz${pages}`, 'new')))
      await store().commit(writes(...Array.from({ length: 100 }, (_, i) => put(`k/${i}`, 'new'))))
    }
    expect(pages).toBeGreaterThan(1)
    expect(seen).toEqual(Array.from({ length: size }, (_, i) => `k/${i}`).sort())
    expect((await store().get('k/0'))?.value).toBe('new')
  })

  it('can be left early', async () => {
    await store().commit(writes(put('a', '1')))
    for await (const page of store().range('')) {
      expect(page.records.length).toBe(1)
      break
    }
    expect(await store().commit(writes(put('a', '2')))).toBe(store().revision)
  })
}

/** The next batches of a watch, flattened, until `count` changes came. */
async function take(watch: AsyncIterable<readonly Change[]>, count: number): Promise<Change[]> {
  const changes: Change[] = []
  for await (const batch of watch) {
    changes.push(...batch)
    if (changes.length >= count) break
  }
  return changes
}

function describeWatches({ store, reopen }: Use): void {
  let abort: AbortController
  beforeEach(() => {
    abort = new AbortController()
  })
  afterEach(() => abort.abort())
  const watch = (prefix: string, from: number) => store().watch(prefix, from, abort.signal)

  it('shows every change from a revision on, old and new, under its prefix', async () => {
    const base = await store().commit(writes(put('v/a', '0')))
    const commit = (...operations: Operation[]) => store().commit(writes(...operations))
    const first = await commit(put('v/a', '1'), put('n/x', '1'), put('v/b', '1'))
    const changes = take(watch('v/', base + 1), 5)
    await commit(put('n/y', '2'))
    const third = await commit(remove('v/a'), remove('v/none'))
    const fourth = await commit(put('v/b', '4'), put('v/c', '4'))
    expect(await changes).toEqual([
      { revision: first, key: 'v/a', value: '1' },
      { revision: first, key: 'v/b', value: '1' },
      { revision: third, key: 'v/a', value: undefined },
      { revision: fourth, key: 'v/b', value: '4' },
      { revision: fourth, key: 'v/c', value: '4' },
    ])
  })

  it('waits for a revision still to come', async () => {
    const future = store().revision + 2
    const changes = take(watch('', future), 1)
    await store().commit(writes(put('a', '1')))
    await store().commit(writes(put('a', '2')))
    expect(await changes).toEqual([{ revision: future, key: 'a', value: '2' }])
  })

  it('continues a snapshot without a gap or a repeat', async () => {
    const commits: Promise<number>[] = []
    for (let index = 0; index < 40; index++)
      commits.push(store().commit(writes(put(`k${index % 7}`, String(index)))))
    await commits[5]
    const { revision, records } = await readAll(store(), '')
    const revisions = await Promise.all(commits)
    const state = new Map(records.map(({ key, value }) => [key, value]))
    const rest = revisions.filter((committed) => committed > revision)
    await store().commit(writes(put('end', 'x')))
    const changes = await take(watch('', revision + 1), rest.length + 1)
    expect(changes.slice(0, -1).map((change) => change.revision)).toEqual(rest)
    for (const { key, value } of changes) state.set(key, value as string)
    const now = await readAll(store(), '')
    expect([...state].sort()).toEqual(now.records.map(({ key, value }) => [key, value]))
  })

  it('never divides a revision', async () => {
    const from = store().revision + 1
    for (let index = 0; index < 60; index++)
      await store().commit(
        writes(...Array.from({ length: 100 }, (_, i) => put(`k${i}`, String(index)))),
      )
    let revisions = 0
    for await (const batch of watch('', from)) {
      expect(batch.length % 100).toBe(0)
      revisions += batch.length / 100
      if (revisions === 60) break
    }
  })

  it('ends when its signal aborts', async () => {
    const changes = take(watch('', store().revision + 1), 1)
    abort.abort()
    expect(await changes).toEqual([])
  })

  it('refuses compacted revisions and goes on after them', async () => {
    const revisions: number[] = []
    for (const value of ['1', '2', '3', '4'])
      revisions.push(await store().commit(writes(put('a', value))))
    const [first = 0, , third = 0, fourth = 0] = revisions
    await store().compact(third)
    await store().compact(first)
    expect((await store().status()).compactedRevision).toBe(third)
    const refused = take(watch('', first), 1)
    await expect(refused).rejects.toMatchObject({ code: 'OUT_OF_RANGE', reason: 'compacted' })
    expect(await take(watch('', fourth), 1)).toHaveLength(1)
    expect(await outcomeOf(store().compact(fourth + 1))).toBe('OUT_OF_RANGE')
    expect((await store().get('a'))?.value).toBe('4')
  })

  it('goes on after the store was reopened', async () => {
    const revision = await store().commit(writes(put('a', '1')))
    const reopened = await reopen()
    const changes = take(reopened.watch('', revision + 1, abort.signal), 1)
    const next = await reopened.commit(writes(put('a', '2')))
    expect(await changes).toEqual([{ revision: next, key: 'a', value: '2' }])
  })
}

function describeLimits({ store }: Use): void {
  const many = (count: number) => Array.from({ length: count }, (_, index) => put(`k${index}`, 'x'))
  const room = MAX_TRANSACTION_BYTES - ITEM_OVERHEAD_BYTES - 1
  const cases: [string, Transaction, string][] = [
    ['the most operations', writes(...many(MAX_TRANSACTION_ITEMS)), 'ok'],
    ['one too many', writes(...many(MAX_TRANSACTION_ITEMS + 1)), 'INVALID_ARGUMENT'],
    ['guards count', guarded([absent('g')], ...many(MAX_TRANSACTION_ITEMS)), 'INVALID_ARGUMENT'],
    ['the largest value', writes(put('k', 'x'.repeat(room))), 'ok'],
    ['one byte more', writes(put('k', 'x'.repeat(room + 1))), 'INVALID_ARGUMENT'],
    ['bytes, not characters', writes(put('k', 'ü'.repeat(room / 2 + 1))), 'INVALID_ARGUMENT'],
    ['an empty value', writes(put('k', '')), 'ok'],
    ['the longest key', writes(put('k'.repeat(MAX_KEY_BYTES), 'x')), 'ok'],
    ['a longer key', writes(put('k'.repeat(MAX_KEY_BYTES + 1), 'x')), 'INVALID_ARGUMENT'],
    ['an empty key', writes(put('', 'x')), 'INVALID_ARGUMENT'],
    ['a key with a space', writes(put('a b', 'x')), 'INVALID_ARGUMENT'],
    ['a key that is not ASCII', writes(put('ä', 'x')), 'INVALID_ARGUMENT'],
    ['a value that is not Unicode', writes(put('k', '\ud800')), 'INVALID_ARGUMENT'],
    ['a key written twice', writes(put('k', '1'), remove('k')), 'INVALID_ARGUMENT'],
    ['a negative guard', guarded([{ key: 'k', modRevision: -1 }]), 'INVALID_ARGUMENT'],
  ]
  it.each(cases)('%s', async (_, transaction, outcome) => {
    const before = store().revision
    expect(await outcomeOf(store().commit(transaction))).toBe(outcome)
    expect(store().revision > before).toBe(outcome === 'ok')
    for (const operation of transaction.operations) {
      if (outcome !== 'ok' || operation.type !== 'put') continue
      expect((await store().get(operation.key))?.value === operation.value).toBe(true)
    }
    expect(await outcomeOf(store().commit(writes(put('after', 'x'))))).toBe('ok')
  })
}

function describeBackups({ store }: Use, open: () => Promise<Fixture>): void {
  it('hold everything and restore it into another store', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'keelson-backup-'))
    const path = join(directory, 'backup.jsonl')
    const other = await open()
    const contents = async (from: Store) =>
      (await readAll(from, '')).records.map(({ key, value }) => [key, value])
    try {
      for (const group of ['a', 'b', 'c'])
        await store().commit(
          writes(...Array.from({ length: 100 }, (_, i) => put(`${group}/${i}`, `größe ${i}`))),
        )
      const written = await writeBackup(store(), path, systemClock)
      expect(written).toMatchObject({ clusterRevision: store().revision, records: 300 })
      expect(await restoreBackup(path, other.store)).toEqual(written)
      expect(await contents(await other.reopen())).toEqual(await contents(store()))
    } finally {
      await other.dispose()
      await rm(directory, { recursive: true })
    }
  })
}

function describeProperties(open: () => Promise<Fixture>): void {
  it('is atomic, ordered, guarded, durable and watched like a plain map', async () => {
    const property = fc.asyncProperty(steps, async (run) => {
      const fixture = await open()
      try {
        await checkAgainstModel(fixture, run)
      } finally {
        await fixture.dispose()
      }
    })
    await fc.assert(property, { numRuns: 25 })
  }, 120_000)
}
