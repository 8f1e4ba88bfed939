import { KeelsonError } from '@keelson/shared/errors'
import { createLogger } from '@keelson/shared/logging'
import { seededRng } from '@keelson/shared/runtime'
import { createFakeClock } from '@keelson/shared/testing'
import { afterEach, describe, expect, it } from 'vitest'
import type { Term } from './api/index.ts'
import type { Command } from './decide/index.ts'
import { createMemoryDisk, type MemoryDisk, openMemoryStore, type Store } from './store/index.ts'
import { DEFAULT_LIMITS, startTerms, type Terms } from './terms.ts'
import { createStamps } from './testing/index.ts'

/** Terms on one disk; `fail` is asked before each transaction and at each opening. */
function bench(disk: MemoryDisk = createMemoryDisk()) {
  const clock = createFakeClock()
  const stamps = createStamps()
  const serving: boolean[] = []
  const lines: string[] = []
  const faults: { commit?: KeelsonError; open?: KeelsonError; close?: KeelsonError } = {}
  let opened = 0
  async function openStore(): Promise<Store> {
    if (faults.open) throw faults.open
    opened++
    const store = openMemoryStore(disk, { faults: { beforeCommit: () => faults.commit } })
    return {
      ...store,
      get revision() {
        return store.revision
      },
      async close() {
        await store.close()
        if (faults.close) throw faults.close
      },
    }
  }
  const start = async () => {
    terms = await startTerms({
      clock,
      rng: seededRng(1),
      log: createLogger({ process: 'coordinator', write: (line) => lines.push(line) }),
      limits: DEFAULT_LIMITS,
      checked: true,
      openStore,
      createAuthority: async () => ({ certificatePem: 'certificate', privateKeyPem: 'private' }),
      onServing: (now) => serving.push(now),
    })
    return terms
  }
  const createClass = (name: string): Command => ({
    type: 'CreateClass',
    stamp: stamps.stamp(name),
    name,
    labels: {},
    spec: {
      replicas: 1,
      pool: '',
      poolKinds: [],
      poolSelector: '',
      failureDomain: 'rack',
      failureDomainMode: 'Same',
    },
  })
  return { clock, disk, faults, serving, lines, start, createClass, opened: () => opened }
}

let terms: Terms | undefined
afterEach(async () => {
  await terms?.stop()
  terms = undefined
})

const classes = ({ pipeline }: Term) => pipeline.state.classes.sortedIds()

describe('the first term', () => {
  it('gives an empty store its cluster, once', async () => {
    const first = bench()
    const { cluster, authority } = (await first.start()).current().pipeline.state
    expect(authority.get('ca')?.certificatePem).toBe('certificate')
    await terms?.stop()
    const second = bench(first.disk)
    const again = (await second.start()).current().pipeline.state
    expect(again.cluster.get('info')).toEqual(cluster.get('info'))
  })

  it('that cannot begin is the caller’s failure, and nothing goes on behind it', async () => {
    const { faults, start, clock, opened } = bench()
    faults.open = new KeelsonError('DATA_LOSS', 'page 7 is damaged')
    await expect(start()).rejects.toBe(faults.open)
    faults.open = undefined as never
    faults.commit = new KeelsonError('RESOURCE_EXHAUSTED', '0 B free')
    await expect(start()).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    expect(opened()).toBe(1)
    await clock.advance(60_000)
    expect(opened()).toBe(1)
    expect(clock.nextTimerAt()).toBeUndefined()
  })
})

describe('when the store refuses a transaction', () => {
  it('the next term begins with what is durable, and nothing else', async () => {
    const { clock, faults, serving, start, createClass } = bench()
    const { current } = await start()
    const first = current()
    await first.pipeline.submit(createClass('durable'))
    faults.commit = new KeelsonError('UNAVAILABLE', 'the cable is out')
    const lost = first.pipeline.submit(createClass('lost'))
    await expect(lost).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(classes(first)).toEqual(['durable', 'lost'])
    expect(current).toThrow('the coordinator is loading its state; try again')
    expect(serving).toEqual([true, false])
    faults.commit = undefined as never
    await clock.advance(1_000)
    expect(current()).not.toBe(first)
    expect(classes(current())).toEqual(['durable'])
    expect(serving).toEqual([true, false, true])
    await current().pipeline.submit(createClass('later'))
    await expect(first.pipeline.submit(createClass('sand'))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
    expect(classes(current())).toEqual(['durable', 'later'])
  })

  it('sessions and watches of the term end', async () => {
    const { clock, faults, start, createClass } = bench()
    const { current } = await start()
    const { pipeline, dispatcher } = current()
    const watching = pipeline.feed.follow(pipeline.state.revision, new AbortController().signal)
    const watched = expect(watching.next()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    faults.commit = new KeelsonError('UNAVAILABLE', 'the cable is out')
    await pipeline.submit(createClass('lost')).catch(() => undefined)
    await watched
    await clock.advance(0)
    const session = dispatcher.accept({
      node: 'n0',
      address: '',
      offer: () => true,
      close: () => undefined,
    })
    const hello = { node: 'n0', clusterId: '', ledgerGeneration: 0 }
    const said = session.receive({ type: 'hello', hello: hello as never })
    await expect(said).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('a full disk is said to be full, until there is space', async () => {
    const { clock, faults, start, createClass } = bench()
    const { current } = await start()
    faults.commit = new KeelsonError('RESOURCE_EXHAUSTED', '0 B free')
    const lost = current().pipeline.submit(createClass('lost'))
    await expect(lost).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    expect(current).toThrow(
      expect.objectContaining({ code: 'RESOURCE_EXHAUSTED', details: ['0 B free'] }),
    )
    faults.commit = undefined as never
    await clock.advance(1_000)
    await current().pipeline.submit(createClass('later'))
  })

  it('is tried again until the store opens, less and less often', async () => {
    const { clock, faults, lines, start, createClass, opened } = bench()
    const { current } = await start()
    faults.commit = new KeelsonError('UNAVAILABLE', 'the cable is out')
    faults.open = new KeelsonError('UNAVAILABLE', 'no such device')
    await current()
      .pipeline.submit(createClass('lost'))
      .catch(() => undefined)
    await clock.advance(60_000)
    expect(current).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }))
    const tries = lines.filter((line) => line.includes('trying again')).length
    expect(tries).toBeGreaterThan(10)
    expect(tries).toBeLessThan(40)
    faults.open = undefined as never
    faults.commit = undefined as never
    await clock.advance(6_000)
    expect(classes(current())).toEqual([])
    expect(opened()).toBe(2)
  })

  it('a store that does not even close well does not keep the next term from beginning', async () => {
    const { clock, faults, lines, start, createClass } = bench()
    const { current } = await start()
    faults.commit = new KeelsonError('UNAVAILABLE', 'the cable is out')
    faults.close = new KeelsonError('UNAVAILABLE', 'the thread is gone')
    await current()
      .pipeline.submit(createClass('lost'))
      .catch(() => undefined)
    await clock.settle()
    expect(lines.some((line) => line.includes('did not close well'))).toBe(true)
    faults.commit = undefined as never
    faults.close = undefined as never
    await clock.advance(1_000)
    await current().pipeline.submit(createClass('later'))
  })
})

describe('stopping', () => {
  it('ends the term and begins no other', async () => {
    const { clock, start, opened, disk } = bench()
    const { current, stop } = await start()
    await stop()
    expect(current).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }))
    await clock.advance(60_000)
    expect(opened()).toBe(1)
    expect(clock.nextTimerAt()).toBeUndefined()
    // The disk is free for the next process.
    await openMemoryStore(disk).close()
  })

  it('does not wait for a store that does not open', async () => {
    const { clock, faults, start, createClass } = bench()
    const { current, stop } = await start()
    faults.commit = new KeelsonError('UNAVAILABLE', 'the cable is out')
    faults.open = faults.commit
    await current()
      .pipeline.submit(createClass('lost'))
      .catch(() => undefined)
    await clock.advance(3_000)
    await stop()
    expect(clock.nextTimerAt()).toBeUndefined()
  })
})
