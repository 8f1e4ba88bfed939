import { KeelsonError } from '@keelson/shared/errors'
import { createFakeClock } from '@keelson/shared/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Command, decide } from '../decide/index.ts'
import { type ClusterState, createClusterState } from '../state/index.ts'
import {
  createMemoryDisk,
  type MemoryDisk,
  type MemoryFaults,
  openMemoryStore,
} from '../store/index.ts'
import {
  type Action,
  commandsOf,
  createStamps,
  fingerprint,
  initializeCluster,
  populate,
  runs,
  type Scene,
  type Stamps,
  walks,
} from '../testing/index.ts'
import type { Commit } from './feed.ts'
import { type Committed, createPipeline, loadState, type Pipeline } from './pipeline.ts'

interface Bench {
  readonly pipeline: Pipeline
  readonly disk: MemoryDisk
  readonly failures: KeelsonError[]
  readonly published: Commit[]
  /** Lets the group under way, and all after it, become durable. */
  flush(): Promise<void>
  /** Lets promises go on, with the group under way still not durable. */
  settle(): Promise<void>
}

/** A pipeline on an empty memory store whose flush takes 10 ms of a clock that stands still. */
function startPipeline(faults: MemoryFaults = {}, state = createClusterState()): Bench {
  const clock = createFakeClock()
  const disk = createMemoryDisk()
  const store = openMemoryStore(disk, { faults, delay: { clock, delayMs: () => 10 } })
  const failures: KeelsonError[] = []
  const published: Commit[] = []
  const pipeline = createPipeline({
    store,
    state,
    guards: [],
    checked: true,
    onFailure: (error) => failures.push(error),
  })
  pipeline.feed.subscribe((commit) => published.push(commit))
  return {
    pipeline,
    disk,
    failures,
    published,
    flush: () => clock.advance(1_000),
    settle: () => clock.settle(),
  }
}

let uids = 0
function createClass(name: string, replicas = 1, dryRun = false): Command {
  return {
    type: 'CreateClass',
    stamp: { now: 1, actor: 'user/ada', uid: `uid-${uids++}` },
    name,
    labels: {},
    spec: {
      replicas,
      pool: '',
      poolKinds: [],
      poolSelector: '',
      failureDomain: 'rack',
      failureDomainMode: 'Same',
    },
    dryRun,
  }
}

function deleteClass(name: string): Command {
  return { type: 'DeleteClass', stamp: { now: 2, actor: 'user/ada', uid: 'none' }, name }
}

/** What became of a promise so far. */
function watched<T>(promise: Promise<T>): { readonly outcome: () => string } {
  let outcome = 'pending'
  promise.then(
    () => {
      outcome = 'done'
    },
    (error: KeelsonError) => {
      outcome = error.code
    },
  )
  return { outcome: () => outcome }
}

describe('a reply', () => {
  it('leaves when its transaction is durable, not before', async () => {
    const { pipeline, disk, published, settle, flush } = startPipeline()
    const reply = watched(pipeline.submit(createClass('gold')))
    await settle()
    expect(pipeline.state.classes.has('gold')).toBe(true)
    expect([reply.outcome(), disk.revision, published.length]).toEqual(['pending', 0, 0])
    await flush()
    expect([reply.outcome(), disk.revision, published.length]).toEqual(['done', 1, 1])
  })

  it('that nothing had to be written waits for what it saw', async () => {
    const { pipeline, settle, flush } = startPipeline()
    void pipeline.submit(createClass('gold'))
    await settle()
    const again = watched(pipeline.submit(createClass('gold')))
    await settle()
    expect(again.outcome()).toBe('pending')
    await flush()
    expect(again.outcome()).toBe('done')
  })

  it('shows the record as its own command left it, with its resource version', async () => {
    const { pipeline, flush } = startPipeline()
    const created = pipeline.submit(createClass('gold'))
    const deleted = pipeline.submit(deleteClass('gold'))
    await flush()
    const { revision, record } = await created
    expect(record('class', 'gold')?.meta.resourceVersion).toBe(revision)
    expect((await deleted).record('class', 'gold')).toBeUndefined()
    expect(pipeline.state.classes.has('gold')).toBe(false)
  })

  it('to a dry run shows what would be, and changes nothing', async () => {
    const { pipeline, disk, published, flush } = startPipeline()
    const { record, revision } = await pipeline.submit(createClass('gold', 3, true))
    await flush()
    expect(record('class', 'gold')?.spec.replicas).toBe(3)
    expect([revision, pipeline.state.classes.size, disk.revision, published.length]).toEqual([
      0, 0, 0, 0,
    ])
  })

  it('to a refused command is the refusal, and changes nothing', async () => {
    const { pipeline, disk } = startPipeline()
    await expect(pipeline.submit(deleteClass('gold'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect([pipeline.state.revision, disk.revision]).toEqual([0, 0])
  })
})

describe('a transaction the store could never take', () => {
  it('is refused, changes nothing, and the next one is taken', async () => {
    const { pipeline, failures, flush } = startPipeline()
    const large = { ...createClass('large'), labels: { note: 'x'.repeat(2_000_000) } } as Command
    await expect(pipeline.submit(large)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect([pipeline.state.revision, pipeline.state.classes.size]).toEqual([0, 0])
    const next = watched(pipeline.submit(createClass('small')))
    await flush()
    expect([next.outcome(), failures]).toEqual(['done', []])
  })
})

describe('readers', () => {
  it('wait for everything they can see, and for no more', async () => {
    const { pipeline, settle, flush } = startPipeline()
    const idle = watched(pipeline.settled())
    await settle()
    expect(idle.outcome()).toBe('done')
    void pipeline.submit(createClass('gold'))
    const busy = watched(pipeline.settled())
    await settle()
    expect(busy.outcome()).toBe('pending')
    await flush()
    expect(busy.outcome()).toBe('done')
  })
})

describe('followers', () => {
  it('see transactions in order, each with what it replaced and what it left', async () => {
    const { pipeline, published, flush } = startPipeline()
    void pipeline.submit(createClass('gold'))
    void pipeline.submit(deleteClass('gold'))
    void pipeline.submit(createClass('gold', 2))
    await flush()
    expect(published.map(({ revision }) => revision)).toEqual([1, 2, 3])
    const shown = published.map(({ changes }) => {
      const change = changes.find(({ kind }) => kind === 'class')
      const replicas = (record: unknown) =>
        (record as { spec: { replicas: number } } | undefined)?.spec.replicas
      return [replicas(change?.before), replicas(change?.value)]
    })
    expect(shown).toEqual([
      [undefined, 1],
      [1, undefined],
      [undefined, 2],
    ])
  })

  it('never see what is decided but not durable, also in a record that is', async () => {
    let commits = 0
    const { pipeline, published, settle, flush } = startPipeline({
      beforeCommit: () => (++commits > 2 ? new KeelsonError('UNAVAILABLE', 'gone') : undefined),
    })
    const token = (user: string): Command => ({
      type: 'CreateUserToken',
      stamp: { now: 1, actor: 'user/ada', uid: 'uid' },
      id: 't1',
      secretSha256: 'hash',
      user,
      role: 'admin',
    })
    void pipeline.submit(token('durable'))
    await settle()
    // The second group is under way when the third transaction changes the same record.
    const lost = [pipeline.submit(token('lost')), pipeline.submit(token('lost too'))].map(watched)
    await flush()
    const users = published.flatMap(({ changes }) =>
      changes.flatMap((change) => (change.kind === 'userToken' ? change.value?.user : [])),
    )
    expect(users).toEqual(['durable'])
    expect(lost.map(({ outcome }) => outcome())).toEqual(['UNAVAILABLE', 'UNAVAILABLE'])
  })
})

describe('a store that refuses a transaction', () => {
  const faultAt = (nth: number, error: KeelsonError): MemoryFaults => {
    let commits = 0
    return { beforeCommit: () => (++commits === nth ? error : undefined) }
  }

  it('fails everything under way, and nothing later is acknowledged', async () => {
    const error = new KeelsonError('UNAVAILABLE', 'the cable is out')
    const bench = startPipeline(faultAt(2, error))
    const { pipeline, failures, disk, settle, flush } = bench
    const first = watched(pipeline.submit(createClass('a')))
    await settle()
    // One group with the broken transaction and one behind it; then one more group.
    const broken = ['b', 'c'].map((name) => watched(pipeline.submit(createClass(name))))
    const reader = watched(pipeline.settled())
    const unchanged = watched(pipeline.submit(createClass('b')))
    await flush()
    expect(first.outcome()).toBe('done')
    expect([...broken, reader, unchanged].map(({ outcome }) => outcome())).toEqual(
      Array(4).fill('UNAVAILABLE'),
    )
    expect(failures).toEqual([error])
    await expect(pipeline.submit(createClass('d'))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      cause: error,
    })
    await expect(pipeline.settled()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect([...disk.records.keys()].filter((key) => key.startsWith('class/'))).toEqual(['class/a'])
  })

  it('ends every watch, so that nobody waits for a feed without a writer', async () => {
    const { pipeline, flush } = startPipeline(faultAt(2, new KeelsonError('UNAVAILABLE', 'gone')))
    const seen: number[] = []
    const watching = (async () => {
      const { signal } = new AbortController()
      for await (const { revision } of pipeline.feed.follow(0, signal)) seen.push(revision)
    })()
    const ended = watched(watching)
    void pipeline.submit(createClass('a'))
    await flush()
    const lost = watched(pipeline.submit(createClass('b')))
    await flush()
    expect([seen, ended.outcome(), lost.outcome()]).toEqual([[1], 'UNAVAILABLE', 'UNAVAILABLE'])
  })

  it('says so when it is full', async () => {
    const full = new KeelsonError('RESOURCE_EXHAUSTED', '0 B free')
    const { pipeline, flush } = startPipeline(faultAt(1, full))
    const first = watched(pipeline.submit(createClass('a')))
    await flush()
    expect(first.outcome()).toBe('RESOURCE_EXHAUSTED')
    await expect(pipeline.submit(createClass('b'))).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
    })
  })

  it('may have taken it: what was not acknowledged can be there, and asking again is safe', async () => {
    const { pipeline, disk, flush } = startPipeline({
      afterCommit: () => new KeelsonError('UNAVAILABLE', 'the answer got lost'),
    })
    const lost = watched(pipeline.submit(createClass('a')))
    await flush()
    expect(lost.outcome()).toBe('UNAVAILABLE')
    disk.crash()
    const store = openMemoryStore(disk)
    const state = await loadState(store)
    expect(state.classes.has('a')).toBe(true)
    const next = createPipeline({
      store,
      state,
      guards: [],
      checked: true,
      onFailure: () => undefined,
    })
    await expect(next.submit(createClass('a'))).resolves.toMatchObject({ outcome: { name: 'a' } })
    expect(disk.revision).toBe(1)
  })

  it('is a deposed leader’s, too: every transaction carries the guards', async () => {
    const disk = createMemoryDisk()
    const store = openMemoryStore(disk)
    const key = 'leader/term-1'
    await store.commit({ guards: [], operations: [{ type: 'put', key, value: 'me' }] })
    const state = createClusterState()
    state.apply([], 1)
    const failures: KeelsonError[] = []
    const pipeline = createPipeline({
      store,
      state,
      guards: [{ key, modRevision: 1 }],
      checked: true,
      onFailure: (error) => failures.push(error),
    })
    await pipeline.submit(createClass('a'))
    disk.records.delete(key)
    await expect(pipeline.submit(createClass('b'))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(failures.map(({ code }) => code)).toEqual(['ABORTED'])
    expect(disk.records.has('class/b')).toBe(false)
  })
})

describe('stopping', () => {
  it('finishes what is under way and takes nothing more', async () => {
    const { pipeline, failures, flush } = startPipeline()
    const first = watched(pipeline.submit(createClass('a')))
    const stopped = watched(pipeline.stop())
    await expect(pipeline.submit(createClass('b'))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect([first.outcome(), stopped.outcome()]).toEqual(['pending', 'pending'])
    await flush()
    expect([first.outcome(), stopped.outcome()]).toEqual(['done', 'done'])
    const { signal } = new AbortController()
    await expect(pipeline.feed.follow(1, signal).next()).rejects.toThrow('is stopping')
    expect(failures).toEqual([])
  })
})

describe('loading the state', () => {
  const damaged: [name: string, key: string, text: string, message: string][] = [
    ['a kind of a newer version', 'zebra/z', '{"v":1,"r":{}}', 'store key "zebra/z" is of no kind'],
    ['a key without a kind', 'zebra', '{"v":1,"r":{}}', 'store key "zebra" is of no kind'],
    ['text that is not JSON', 'class/a', '{"v":1', 'record class/a is not readable'],
    ['a newer shape', 'class/a', '{"v":2,"r":{}}', 'record class/a has version 2'],
    ['no version', 'class/a', '{"r":{}}', 'record class/a has version undefined'],
  ]
  it.each(damaged)('refuses %s', async (_name, key, value, message) => {
    const store = openMemoryStore(createMemoryDisk())
    await store.commit({ guards: [], operations: [{ type: 'put', key, value }] })
    const loading = loadState(store)
    await expect(loading).rejects.toMatchObject({ code: 'DATA_LOSS' })
    await expect(loading).rejects.toThrow(message)
  })

  it('takes the revision of an empty store with a past', async () => {
    const store = openMemoryStore(createMemoryDisk())
    await store.commit({ guards: [], operations: [{ type: 'put', key: 'class/a', value: '{}' }] })
    await store.commit({ guards: [], operations: [{ type: 'delete', key: 'class/a' }] })
    expect((await loadState(store)).revision).toBe(2)
  })
})

interface Ending {
  readonly disk: MemoryDisk
  readonly state: ClusterState
  readonly stamps: Stamps
  /** Fingerprint of the state in memory by revision. */
  readonly history: ReadonlyMap<number, string>
  /** Revisions that somebody was told of. */
  readonly acknowledged: readonly number[]
}

/** Takes a walk through a pipeline whose store crashes at the `crashAt`th transaction. */
async function walkUntilCrash(
  actions: readonly Action[],
  crashAt: number,
  when: 'beforeCommit' | 'afterCommit',
): Promise<Ending> {
  const disk = createMemoryDisk()
  let commits = 0
  const fault = () => {
    if (++commits === crashAt) disk.crash()
    return undefined
  }
  const store = openMemoryStore(disk, { faults: { [when]: fault } })
  const state = createClusterState()
  const scene: Scene = { state, ...createStamps() }
  const parts = { store, state, guards: [], checked: false, onFailure: () => undefined }
  const pipeline = createPipeline(parts)
  const history = new Map([[0, fingerprint(state)]])
  const replies: Promise<Committed | undefined>[] = []
  async function submitAll(commands: Iterable<Command>): Promise<void> {
    for (const command of commands) {
      scene.advance(1_000)
      replies.push(pipeline.submit(command).catch(() => undefined))
      history.set(state.revision, fingerprint(state))
      // Some go out together, some wait for those before.
      if (replies.length % 3 === 0) await replies.at(-1)
    }
  }
  await submitAll([initializeCluster(scene)])
  await submitAll(populate(scene))
  for (const action of actions) await submitAll(commandsOf(scene, action))
  const acknowledged = (await Promise.all(replies)).flatMap((reply) => reply?.revision ?? [])
  disk.crash()
  return { disk, state, stamps: scene, history, acknowledged }
}

describe('after a crash at any moment of any walk', () => {
  it.each(['beforeCommit', 'afterCommit'] as const)(
    'the state is one that was, with all that was acknowledged (%s)',
    async (when) => {
      const crashAt = fc.integer({ min: 1, max: 80 })
      await fc.assert(
        fc.asyncProperty(walks(40), crashAt, async (actions, nth) => {
          const { disk, history, acknowledged } = await walkUntilCrash(actions, nth, when)
          const state = await loadState(openMemoryStore(disk, { pageRecords: 7 }))
          expect(fingerprint(state)).toBe(history.get(state.revision))
          expect(state.revision).toBeGreaterThanOrEqual(Math.max(0, ...acknowledged))
        }),
        runs(40),
      )
    },
  )

  it('a coordinator that comes back decides as one that never went away', async () => {
    await fc.assert(
      fc.asyncProperty(walks(40), walks(20), async (actions, next) => {
        const { disk, state, stamps } = await walkUntilCrash(actions, 0, 'afterCommit')
        const loaded = await loadState(openMemoryStore(disk))
        const since = stamps.now()
        for (const action of next)
          expect(outcomes(loaded, since, action)).toEqual(outcomes(state, since, action))
      }),
      runs(40),
    )
  })
})

/** Decides and applies what an action means: writes, or the words of the refusal. */
function outcomes(state: ClusterState, since: number, action: Action): unknown[] {
  const stamps = createStamps()
  stamps.advance(since - stamps.now() + state.revision * 1_000)
  const results: unknown[] = []
  for (const command of commandsOf({ state, ...stamps }, action))
    try {
      const { writes } = decide(state, command)
      state.apply(writes, state.revision + 1)
      results.push(writes)
    } catch (error) {
      results.push((error as Error).message)
    }
  return results
}
