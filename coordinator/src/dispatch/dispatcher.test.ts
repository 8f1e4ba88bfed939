import { KeelsonError } from '@keelson/shared/errors'
import type { AgentMessage, CoordinatorMessage, DesiredState, Hello } from '@keelson/shared/model'
import { seededRng } from '@keelson/shared/runtime'
import { createFakeClock } from '@keelson/shared/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { createAdmission } from '../admission/index.ts'
import { createPipeline, loadState, type Pipeline } from '../commit/index.ts'
import type { Command } from '../decide/index.ts'
import { createMemoryDisk, openMemoryStore } from '../store/index.ts'
import {
  createStamps,
  faithfulReport,
  helloOf,
  initializeCluster,
  populate,
  reportOf,
} from '../testing/index.ts'
import { type AgentSession, createDispatcher } from './dispatcher.ts'

/** One agent: what it was sent, and how its link ended. */
interface FakeAgent {
  readonly session: AgentSession
  readonly messages: CoordinatorMessage[]
  readonly closed: KeelsonError[]
  /** Generations of the documents it was sent. */
  generations(): number[]
  document(): DesiredState | undefined
  say(message: AgentMessage): Promise<void>
  hello(changes?: Partial<Hello>): Promise<void>
  /** Says that it has stored everything up to this generation. */
  stored(generation: number): Promise<void>
}

const FLUSH_MS = 10

/**
 * A dispatcher over a populated cluster (hosts n0 to n3 with a pool p0 each) whose store takes
 * `FLUSH_MS` of a clock that stands still.
 */
async function start() {
  const clock = createFakeClock()
  let broken = false
  const fault = () => (broken ? new KeelsonError('UNAVAILABLE', 'disk gone') : undefined)
  const store = openMemoryStore(createMemoryDisk(), {
    delay: { clock, delayMs: () => FLUSH_MS },
    faults: { beforeCommit: fault },
  })
  const state = await loadState(store)
  const scene = { state, ...createStamps() }
  const parts = { store, state, guards: [], checked: true, onFailure: () => undefined }
  const pipeline = createPipeline(parts)
  void pipeline.submit(initializeCluster(scene))
  for (const command of populate(scene)) void pipeline.submit(command)
  await clock.advance(1_000)
  const errors: string[] = []
  const dispatcher = createDispatcher({
    pipeline,
    admission: createAdmission({ clock, rng: seededRng(1) }),
    clock,
    heartbeatIntervalMs: 2_500,
    onError: (node, message) => errors.push(`${node}: ${message}`),
  })
  const agents: FakeAgent[] = []

  function connect(node: string, room: () => boolean = () => true): FakeAgent {
    const messages: CoordinatorMessage[] = []
    const closed: KeelsonError[] = []
    const session = dispatcher.accept({
      node,
      address: '10.0.0.1:1',
      offer: (message) => room() && messages.push(message) > 0,
      close: (error) => closed.push(error),
    })
    const documents = () => messages.flatMap((m) => (m.type === 'desired' ? m.desired : []))
    const agent: FakeAgent = {
      session,
      messages,
      closed,
      generations: () => documents().map(({ generation }) => generation),
      document: () => documents().at(-1),
      say: (message) => session.receive(message),
      async hello(changes) {
        const said = agent.say({ type: 'hello', hello: helloOf(node, changes) })
        await clock.advance(FLUSH_MS)
        await said
      },
      stored: (ledgerGeneration) => agent.say({ type: 'heartbeat', ledgerGeneration }),
    }
    agents.push(agent)
    return agent
  }

  const createVolume = (name: string, node: string): Command => ({
    type: 'CreateVolume',
    stamp: scene.stamp(name),
    name,
    labels: {},
    spec: {
      sizeBytes: 2 ** 20,
      storageClass: '',
      pool: '',
      replicas: 1,
      nodes: [node],
      sourceSnapshot: '',
    },
  })
  return {
    clock,
    pipeline,
    dispatcher,
    errors,
    connect,
    /** Creates a volume on a host; resolves when it is durable. */
    async create(name: string, node: string) {
      const created = pipeline.submit(createVolume(name, node))
      await clock.advance(FLUSH_MS)
      await created
    },
    submit: (name: string, node: string) => pipeline.submit(createVolume(name, node)),
    breakStore() {
      broken = true
    },
  }
}

type Bench = Awaited<ReturnType<typeof start>>
let bench: Bench | undefined
afterEach(async () => {
  bench?.dispatcher.stop(new KeelsonError('CANCELLED', 'end of the test'))
  bench = undefined
})

async function begin(): Promise<Bench> {
  bench = await start()
  return bench
}

const phaseOf = (pipeline: Pipeline, node: string) => pipeline.state.nodes.get(node)?.status.phase

describe('a session', () => {
  it('begins with hello, and answers with welcome and the whole document', async () => {
    const { connect, clock } = await begin()
    const agent = connect('n0')
    await agent.hello()
    await clock.settle()
    expect(agent.messages).toMatchObject([
      {
        type: 'welcome',
        welcome: { clusterId: 'c1', heartbeatIntervalMs: 2_500, inventoryHashes: {} },
      },
      { type: 'desired', desired: { clusterId: 'c1', node: 'n0', pools: [{ name: 'p0' }] } },
    ])
  })

  it('sends the document anew on every session, also one the agent has', async () => {
    const { connect, clock } = await begin()
    const first = connect('n0')
    await first.hello()
    const { generation } = first.document()!
    const second = connect('n0')
    await second.hello({ ledgerGeneration: generation })
    await clock.settle()
    expect(second.generations()).toEqual([generation])
  })

  it('says which hardware sections are known', async () => {
    const { connect, clock } = await begin()
    const meta = { collectMs: 1, status: 'OK' as const, gaps: [], collectedAt: 1 }
    const section = { name: 'cpu' as const, meta: { ...meta, name: 'cpu' as const, sha256: 'aa' } }
    const first = connect('n0')
    await first.hello()
    const said = first.say({ type: 'inventory', sections: [section] })
    await clock.advance(FLUSH_MS)
    await said
    const second = connect('n0')
    await second.hello()
    expect(second.messages[0]).toMatchObject({ welcome: { inventoryHashes: { cpu: 'aa' } } })
  })

  const refused: [name: string, node: string, message: AgentMessage, code: string, text: string][] =
    [
      [
        'that begins with something else',
        'n0',
        { type: 'heartbeat', ledgerGeneration: 0 },
        'INVALID_ARGUMENT',
        'a session begins with hello',
      ],
      [
        'for another host than the certificate names',
        'n0',
        { type: 'hello', hello: helloOf('n1') },
        'PERMISSION_DENIED',
        'the certificate names node "n0", it cannot speak for "n1"',
      ],
      [
        'of a host that is not enrolled',
        'n9',
        { type: 'hello', hello: helloOf('n9') },
        'PERMISSION_DENIED',
        'node "n9" is not enrolled here',
      ],
      [
        'of a host of another cluster',
        'n0',
        { type: 'hello', hello: helloOf('n0', { clusterId: 'c2' }) },
        'FAILED_PRECONDITION',
        'node "n0" holds data of cluster c2, this is c1',
      ],
    ]
  it.each(refused)('%s is refused', async (_name, node, message, code, text) => {
    const { connect, dispatcher } = await begin()
    const agent = connect(node)
    await expect(agent.say(message)).rejects.toMatchObject({ code, message: text })
    expect(agent.messages).toEqual([])
    expect(dispatcher.presence(node)).toBeUndefined()
  })

  it('says hello once', async () => {
    const { connect } = await begin()
    const agent = connect('n0')
    await agent.hello()
    const again = agent.say({ type: 'hello', hello: helloOf('n0') })
    await expect(again).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  it('that does not read is ended', async () => {
    const { connect, clock } = await begin()
    const agent = connect('n0', () => false)
    await agent.hello()
    await clock.settle()
    expect(agent.closed.map(({ code }) => code)).toEqual(['RESOURCE_EXHAUSTED'])
  })
})

describe('two sessions of a host', () => {
  it('the newer ends the older', async () => {
    const { connect, dispatcher } = await begin()
    const older = connect('n0')
    await older.hello()
    const newer = connect('n0')
    await newer.hello()
    expect(older.closed).toMatchObject([
      { code: 'ABORTED', message: 'node "n0" has a newer session' },
    ])
    expect(newer.closed).toEqual([])
    older.session.ended()
    expect(dispatcher.presence('n0')?.connected).toBe(true)
  })

  it('only the newer is sent documents', async () => {
    const { connect, clock, create } = await begin()
    const older = connect('n0')
    await older.hello()
    const newer = connect('n0')
    await newer.hello()
    const before = older.messages.length
    await newer.stored(newer.document()!.generation)
    await create('v1', 'n0')
    await clock.advance(100)
    expect(older.messages.length).toBe(before)
    expect(newer.document()?.replicas.map(({ volume }) => volume)).toEqual(['v1'])
  })

  it('what the older still says is not taken', async () => {
    const { connect, pipeline } = await begin()
    const older = connect('n0')
    await older.hello()
    const newer = connect('n0')
    await newer.hello()
    const stale = faithfulReport(pipeline.state, 'n0')
    await expect(older.say({ type: 'observed', observed: stale })).rejects.toMatchObject({
      code: 'ABORTED',
    })
  })
})

describe('a document', () => {
  it('leaves when all it was derived from is durable, not before', async () => {
    const { connect, clock, submit } = await begin()
    const agent = connect('n0')
    await agent.hello()
    await agent.stored(agent.document()!.generation)
    const sent = agent.generations().length
    void submit('v1', 'n0')
    await clock.advance(FLUSH_MS)
    // Durable and gathered, but by now the state is ahead again.
    void submit('v2', 'n0')
    await clock.advance(5)
    expect(agent.generations().length).toBe(sent)
    await clock.advance(FLUSH_MS)
    expect(agent.generations().length).toBe(sent + 1)
    expect(agent.document()?.replicas.map(({ volume }) => volume)).toEqual(['v1', 'v2'])
  })

  it('never leaves when the store fails: the session ends instead', async () => {
    const { connect, clock, submit, breakStore } = await begin()
    const agent = connect('n0')
    await agent.hello()
    await agent.stored(agent.document()!.generation)
    const sent = agent.generations()
    void submit('v1', 'n0')
    await clock.advance(FLUSH_MS)
    breakStore()
    submit('v2', 'n0').catch(() => undefined)
    await clock.advance(1_000)
    expect(agent.generations()).toEqual(sent)
    expect(agent.closed.map(({ code }) => code)).toEqual(['UNAVAILABLE'])
  })

  it('gathers the changes that come close together', async () => {
    const { connect, clock, submit } = await begin()
    const agent = connect('n0')
    await agent.hello()
    const { generation } = agent.document()!
    await agent.stored(generation)
    for (const name of ['v1', 'v2', 'v3']) void submit(name, 'n0')
    await clock.advance(100)
    expect(agent.generations()).toEqual([generation, generation + 3])
  })

  it('follows the first report that a thing was made, and marks it', async () => {
    const { connect, clock, create, pipeline } = await begin()
    const agent = connect('n0')
    await agent.hello()
    await agent.stored(agent.document()!.generation)
    await create('v1', 'n0')
    await clock.advance(100)
    const { generation, replicas } = agent.document()!
    expect(replicas).toMatchObject([{ volume: 'v1', provisioned: false }])
    await agent.stored(generation)
    void agent.say({ type: 'observed', observed: faithfulReport(pipeline.state, 'n0') })
    await clock.advance(100)
    const marked = { generation: generation + 1, replicas: [{ volume: 'v1', provisioned: true }] }
    expect(agent.document()).toMatchObject(marked)
  })

  it('goes only to the hosts it concerns', async () => {
    const { connect, clock, create } = await begin()
    const agent = connect('n1')
    await agent.hello()
    await agent.stored(agent.document()!.generation)
    await create('v1', 'n0')
    await clock.advance(100)
    expect(agent.generations().length).toBe(1)
  })
})

describe('the next document', () => {
  /** A host that has been sent a document and has not stored it, with another change waiting. */
  async function waiting() {
    const world = await begin()
    const { connect, clock, create } = world
    const agent = connect('n0')
    await agent.hello()
    await create('v1', 'n0')
    await clock.advance(100)
    const { generation } = agent.document()!
    return { ...world, agent, generation }
  }

  it('waits until the one before is stored', async () => {
    const { agent, clock, generation } = await waiting()
    expect(agent.generations()).toEqual([generation])
    await agent.stored(generation)
    await clock.advance(5)
    expect(agent.generations()).toEqual([generation, generation + 1])
  })

  it('does not wait for ever', async () => {
    const { agent, clock, generation } = await waiting()
    await clock.advance(9_000)
    expect(agent.generations()).toEqual([generation])
    await clock.advance(1_000)
    expect(agent.generations()).toEqual([generation, generation + 1])
  })

  it('after one that had to wait goes out at once', async () => {
    const { agent, clock, generation, create } = await waiting()
    await agent.stored(generation)
    await agent.stored(generation + 1)
    await create('v2', 'n0')
    await clock.advance(100)
    expect(agent.generations().at(-1)).toBe(generation + 2)
  })
})

describe('reports', () => {
  it('are taken when the message is taken, in pieces that fit a transaction', async () => {
    const { connect, clock, pipeline, submit } = await begin()
    const agent = connect('n0')
    await agent.hello()
    for (let i = 0; i < 40; i++) void submit(`v${i}`, 'n0')
    await clock.advance(1_000)
    const observed = faithfulReport(pipeline.state, 'n0')
    let taken = false
    const said = agent.say({ type: 'observed', observed }).then(() => {
      taken = true
    })
    await clock.settle()
    expect(taken).toBe(false)
    await clock.advance(1_000)
    await said
    const phases = [...pipeline.state.volumes.values()].map(({ status }) => status.phase)
    expect(phases).toEqual(Array(40).fill('Ready'))
  })

  it('and heartbeats keep what only memory knows', async () => {
    const { connect, clock, dispatcher } = await begin()
    const agent = connect('n0')
    await agent.hello()
    const seenAt = clock.now()
    const readings = { node: 'n0', collectedAt: 1, numa: [], links: [], gaps: [] }
    await clock.advance(3_000)
    await agent.say({ type: 'heartbeat', readings, ledgerGeneration: 0 })
    await agent.say({ type: 'observed', observed: reportOf({ appliedGeneration: 7 }) })
    expect(dispatcher.presence('n0')).toEqual({
      connected: true,
      lastSeenAt: seenAt + 3_000,
      appliedGeneration: 7,
      readings,
    })
    agent.session.ended()
    expect(dispatcher.presence('n0')).toMatchObject({
      connected: false,
      lastSeenAt: seenAt + 3_000,
    })
  })
})

describe('a host that was judged offline', () => {
  const judge = (pipeline: Pipeline, node: string) =>
    pipeline.submit({
      type: 'SetNodePhase',
      stamp: { now: 1, actor: 'controller/node-liveness', uid: 'none' },
      node,
      phase: 'Offline',
      reason: 'silent',
    })

  it('is expelled, and is online again with its next hello', async () => {
    const { connect, dispatcher, pipeline, clock } = await begin()
    const first = connect('n0')
    await first.hello()
    void judge(pipeline, 'n0')
    dispatcher.expel('n0')
    await clock.advance(FLUSH_MS)
    expect(first.closed.map(({ code }) => code)).toEqual(['UNAVAILABLE'])
    expect(phaseOf(pipeline, 'n0')).toBe('Offline')
    await connect('n0').hello()
    expect(phaseOf(pipeline, 'n0')).toBe('Online')
  })

  it('while its hello was being made durable must say it again', async () => {
    const { connect, dispatcher, pipeline, clock } = await begin()
    const agent = connect('n0')
    const said = agent.say({ type: 'hello', hello: helloOf('n0', { bootId: 'boot-2' }) })
    void judge(pipeline, 'n0')
    dispatcher.expel('n0')
    const refused = expect(said).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await clock.advance(100)
    await refused
    expect(agent.messages).toEqual([])
    await connect('n0').hello()
    expect(phaseOf(pipeline, 'n0')).toBe('Online')
  })
})

describe('stopping', () => {
  it('ends every session and sends nothing more', async () => {
    const { connect, dispatcher, clock, create } = await begin()
    const agents = [connect('n0'), connect('n1')]
    for (const agent of agents) await agent.hello()
    const error = new KeelsonError('UNAVAILABLE', 'loading anew')
    dispatcher.stop(error)
    expect(agents.map(({ closed }) => closed)).toEqual([[error], [error]])
    const sent = agents.map(({ messages }) => messages.length)
    await create('v1', 'n0')
    await clock.advance(20_000)
    expect(agents.map(({ messages }) => messages.length)).toEqual(sent)
    expect(clock.nextTimerAt()).toBeUndefined()
  })

  it('refuses a session whose hello was under way: nobody would serve it', async () => {
    const { connect, dispatcher, clock } = await begin()
    const agent = connect('n0')
    const said = agent.say({ type: 'hello', hello: helloOf('n0', { bootId: 'boot-2' }) })
    const error = new KeelsonError('UNAVAILABLE', 'loading anew')
    dispatcher.stop(error)
    const refused = expect(said).rejects.toBe(error)
    await clock.advance(100)
    await refused
    expect(agent.messages).toEqual([])
  })
})
