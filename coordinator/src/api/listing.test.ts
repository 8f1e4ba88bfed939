import type { ObjectMeta } from '@keelson/shared/model'
import { createFakeClock } from '@keelson/shared/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPipeline } from '../commit/index.ts'
import type { Command } from '../decide/index.ts'
import { createClusterState } from '../state/index.ts'
import { createTable, type Table } from '../state/table.ts'
import { createMemoryDisk, openMemoryStore } from '../store/index.ts'
import { createStamps } from '../testing/index.ts'
import { type ListRequest, pageOf, pageSize, type WatchStep, watch } from './listing.ts'

interface Item {
  readonly meta: ObjectMeta
}

function item(name: string, labels: Readonly<Record<string, string>> = {}): Item {
  return { meta: { name, uid: name, labels, generation: 1, resourceVersion: 1, createdAt: 0 } }
}

function tableOf(...items: readonly Item[]): Table<Item> {
  const table = createTable<Item>()
  for (const one of items) table.set(one.meta.name, one)
  return table
}

const request = (changes: Partial<ListRequest> = {}): ListRequest => ({
  labelSelector: '',
  nameFilter: '',
  pageSize: 0,
  pageToken: '',
  ...changes,
})

const names = (items: readonly Item[]) => items.map(({ meta }) => meta.name)

describe('a page', () => {
  const table = tableOf(
    item('b', { rack: 'r1' }),
    item('a', { rack: 'r1' }),
    item('d', { rack: 'r2' }),
    item('c', { rack: 'r1' }),
    item('data-1'),
  )

  const pages: [name: string, request: Partial<ListRequest>, names: string[], more: boolean][] = [
    ['everything in order', {}, ['a', 'b', 'c', 'd', 'data-1'], false],
    ['the first of them', { pageSize: 2 }, ['a', 'b'], true],
    ['exactly all', { pageSize: 5 }, ['a', 'b', 'c', 'd', 'data-1'], false],
    ['by label', { labelSelector: 'rack=r1' }, ['a', 'b', 'c'], false],
    ['by part of the name', { nameFilter: 'da' }, ['data-1'], false],
    ['by both', { nameFilter: 'a', labelSelector: '!rack' }, ['data-1'], false],
    [
      'with an end after what matches',
      { labelSelector: 'rack', pageSize: 3 },
      ['a', 'b', 'c'],
      true,
    ],
  ]
  it.each(pages)('has %s', (_name, changes, expected, more) => {
    const page = pageOf(table, request(changes))
    expect(names(page.items)).toEqual(expected)
    expect(page.nextPageToken !== '').toBe(more)
  })

  it('can go from the newest to the oldest', () => {
    const first = pageOf(table, request({ pageSize: 2 }), undefined, 'descending')
    expect(names(first.items)).toEqual(['data-1', 'd'])
    const rest = request({ pageSize: 9, pageToken: first.nextPageToken })
    expect(names(pageOf(table, rest, undefined, 'descending').items)).toEqual(['c', 'b', 'a'])
  })

  it.each(['!', 'YQ==', 'a b'])('refuses the token "%s", which is not one of ours', (pageToken) => {
    expect(() => pageOf(table, request({ pageToken }))).toThrow('is not one of ours')
  })

  const sizes: [asked: number, fallback: number, size: number][] = [
    [0, 500, 500],
    [1, 500, 1],
    [1_000, 500, 1_000],
    [4_000_000_000, 500, 1_000],
  ]
  it.each(sizes)('of size %d (default %d) has at most %d', (asked, fallback, size) => {
    expect(pageSize(asked, fallback)).toBe(size)
  })
})

describe('paging through a table that changes', () => {
  const name = fc.nat(25).map((number) => `n${String(number).padStart(2, '0')}`)
  const change = fc.record({ add: fc.boolean(), name })
  const scenario = fc.record({
    initial: fc.uniqueArray(name),
    changes: fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 20 }),
    size: fc.integer({ min: 1, max: 7 }),
    order: fc.constantFrom<('ascending' | 'descending')[]>('ascending', 'descending'),
  })

  it('neither skips nor repeats what is there all the time', () => {
    fc.assert(
      fc.property(scenario, ({ initial, changes, size, order }) => {
        const table = tableOf(...initial.map((one) => item(one)))
        const stayed = new Set(initial)
        const listed: string[] = []
        let pageToken = ''
        for (let turn = 0; ; turn++) {
          const page = pageOf(table, request({ pageSize: size, pageToken }), undefined, order)
          listed.push(...names(page.items))
          pageToken = page.nextPageToken
          if (pageToken === '') break
          for (const { add, name: changed } of changes[turn] ?? []) {
            table.set(changed, add ? item(changed) : undefined)
            if (!add) stayed.delete(changed)
          }
        }
        const inOrder = [...new Set(listed)].sort()
        if (order === 'descending') inOrder.reverse()
        expect(listed).toEqual(inOrder)
        for (const one of stayed) expect(listed).toContain(one)
      }),
      { numRuns: 300 },
    )
  })
})

describe('watching', () => {
  /** A pipeline on a memory store whose flush takes 10 ms of a clock that stands still. */
  function start() {
    const clock = createFakeClock()
    const stamps = createStamps()
    const delay = { clock, delayMs: () => 10 }
    const store = openMemoryStore(createMemoryDisk(), { delay })
    const state = createClusterState()
    const parts = { store, state, guards: [], checked: true, onFailure: () => undefined }
    const pipeline = createPipeline(parts)
    const create = (name: string, labels: Record<string, string> = {}): Command => ({
      type: 'CreateClass',
      stamp: stamps.stamp(name),
      name,
      labels,
      spec: {
        replicas: 1,
        pool: '',
        poolKinds: [],
        poolSelector: '',
        failureDomain: 'rack',
        failureDomainMode: 'Same',
      },
    })
    const remove = (name: string): Command => ({
      type: 'DeleteClass',
      stamp: stamps.stamp(name),
      name,
    })
    const flush = () => clock.advance(1_000)
    return { pipeline, create, remove, flush, settle: () => clock.settle() }
  }

  /** Reads a watch of classes; `steps` fills as they come. */
  function read(
    { pipeline }: ReturnType<typeof start>,
    resourceVersion: number,
    matches: (item: Item) => boolean = () => true,
  ) {
    const abort = new AbortController()
    const steps: string[] = []
    const show = ({ type, item: shown, resourceVersion: at }: WatchStep<Item>) =>
      `${type} ${shown?.meta.name ?? '-'} @${at}`
    const done = (async () => {
      const options = { kind: 'class', table: pipeline.state.classes, resourceVersion } as const
      for await (const step of watch(pipeline, { ...options, matches, signal: abort.signal }))
        steps.push(show(step))
    })()
    return { steps, done, stop: () => abort.abort() }
  }

  it('shows what is there, then a bookmark, then every change', async () => {
    const bench = start()
    const { pipeline, create, remove, flush } = bench
    void pipeline.submit(create('a'))
    void pipeline.submit(create('b'))
    await flush()
    const watcher = read(bench, 0)
    await flush()
    void pipeline.submit(create('c'))
    void pipeline.submit(remove('a'))
    await flush()
    watcher.stop()
    await watcher.done
    expect(watcher.steps).toEqual([
      'Added a @2',
      'Added b @2',
      'Bookmark - @2',
      'Added c @3',
      'Deleted a @4',
    ])
  })

  it('shows nothing of what is not durable', async () => {
    const bench = start()
    void bench.pipeline.submit(bench.create('a'))
    const watcher = read(bench, 0)
    await bench.settle()
    expect(watcher.steps).toEqual([])
    await bench.flush()
    expect(watcher.steps).toEqual(['Added a @1', 'Bookmark - @1'])
    watcher.stop()
    await watcher.done
  })

  it('resumes after a revision without listing', async () => {
    const bench = start()
    for (const name of ['a', 'b', 'c']) void bench.pipeline.submit(bench.create(name))
    await bench.flush()
    const watcher = read(bench, 2)
    await bench.settle()
    watcher.stop()
    await watcher.done
    expect(watcher.steps).toEqual(['Bookmark - @2', 'Added c @3'])
  })

  it('leaves out what is not selected', async () => {
    const bench = start()
    const watcher = read(bench, 0, ({ meta }) => meta.labels.tier === 'gold')
    await bench.settle()
    void bench.pipeline.submit(bench.create('a', { tier: 'gold' }))
    void bench.pipeline.submit(bench.create('b', { tier: 'lead' }))
    void bench.pipeline.submit(bench.remove('b'))
    await bench.flush()
    watcher.stop()
    await watcher.done
    expect(watcher.steps).toEqual(['Bookmark - @0', 'Added a @1'])
  })

  it('from the future is refused', async () => {
    const bench = start()
    await expect(read(bench, 7).done).rejects.toMatchObject({
      code: 'OUT_OF_RANGE',
      message: 'revision 7 is in the future, the newest is 0',
    })
  })
})
