import { KeelsonError } from '@keelson/shared/errors'
import type {
  AgentMessage,
  DesiredState,
  HardwareReadings,
  HardwareSection,
  ObservedReplica,
} from '@keelson/shared/model'
import { seededRng } from '@keelson/shared/runtime'
import { createFakeClock } from '@keelson/shared/testing'
import { describe, expect, it } from 'vitest'
import type { SessionContent } from './content.ts'
import { createMemoryTransport, type MemoryPeer } from './memory-transport.ts'
import { startSession } from './session.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const replica = (volumeUid: string, message = ''): ObservedReplica => ({
  volumeUid,
  phase: 'Ready',
  message,
  devicePath: `/dev/${volumeUid}`,
  kernelDevice: '',
  sizeBytes: 4096,
  allocatedBytes: 0,
})
const section = (name: 'cpu' | 'disks', sha256: string): HardwareSection =>
  ({
    name,
    meta: { name, sha256, collectMs: 1, status: 'UNAVAILABLE', gaps: [], collectedAt: 0 },
  }) as HardwareSection
const document = (generation: number): DesiredState => ({
  clusterId: 'c1',
  node: 'n1',
  generation,
  pools: [],
  replicas: [],
  snapshots: [],
})

/** An agent whose insides are plain variables, and a coordinator played by the test. */
function setup(options: { clusterId?: string; accept?: (peer: MemoryPeer) => void } = {}) {
  const clock = createFakeClock({ now: 0 })
  const inside = {
    generation: 0,
    sections: [] as HardwareSection[],
    readings: undefined as HardwareReadings | undefined,
    applied: 0,
    replicas: undefined as Map<string, ObservedReplica> | undefined,
    store: async (desired: DesiredState) => {
      inside.generation = desired.generation
    },
  }
  const content: SessionContent = {
    hello: () => ({
      node: 'n1',
      agentVersion: '1',
      ledgerGeneration: inside.generation,
      clusterId: options.clusterId ?? '',
      capabilities: ['file'],
      bootId: 'boot',
      os: 'test',
      simulated: true,
      cpuCount: 1,
      memoryBytes: 1,
    }),
    ledgerGeneration: () => inside.generation,
    store: (desired) => inside.store(desired),
    sections: () => inside.sections,
    freshReadings() {
      const { readings } = inside
      inside.readings = undefined
      return readings
    },
    observed: () =>
      inside.replicas && {
        appliedGeneration: inside.applied,
        pools: new Map(),
        replicas: inside.replicas,
        snapshots: new Map(),
      },
  }
  const peers: MemoryPeer[] = []
  const heard: AgentMessage[][] = []
  const transport = createMemoryTransport((peer) => {
    options.accept?.(peer)
    const messages: AgentMessage[] = []
    peers.push(peer)
    heard.push(messages)
    void (async () => {
      for await (const message of peer) messages.push(message)
    })()
  })
  const rng = seededRng(1)
  const session = startSession({ transport, content, clock, rng, log: silent })
  const welcome = (inventoryHashes: Record<string, string> = {}) =>
    peers.at(-1)?.offer({
      type: 'welcome',
      welcome: { clusterId: 'c1', heartbeatIntervalMs: 2_000, inventoryHashes },
    })
  const take = () => heard.at(-1)?.splice(0) ?? []
  return { clock, inside, session, peers, take, welcome }
}

const kinds = (messages: readonly AgentMessage[]) => messages.map((message) => message.type)

describe('a session', () => {
  it('says hello, then what the coordinator lacks, then everything, then only what is new', async () => {
    const { clock, inside, session, take, welcome } = setup()
    inside.sections = [section('cpu', 'known'), section('disks', 'new')]
    inside.replicas = new Map([
      ['v1', replica('v1')],
      ['v2', replica('v2')],
    ])
    await clock.settle()
    expect(kinds(take())).toEqual(['hello'])
    welcome({ cpu: 'known', disks: 'old' })
    await clock.settle()
    const first = take()
    expect(kinds(first)).toEqual(['inventory', 'observed'])
    expect(first[0]).toMatchObject({ sections: [{ name: 'disks' }] })
    expect(first[1]).toMatchObject({ observed: { full: true } })
    expect(first[1]).toMatchObject({ observed: { replicas: [{ volumeUid: 'v1' }, {}] } })

    session.poke()
    await clock.advance(100)
    expect(take()).toEqual([])

    inside.replicas.set('v2', replica('v2', 'changed'))
    session.poke()
    session.poke()
    await clock.advance(100)
    const second = take()
    expect(kinds(second)).toEqual(['observed'])
    expect(second[0]).toMatchObject({
      observed: { full: false, replicas: [{ volumeUid: 'v2', message: 'changed' }] },
    })

    inside.applied = 5
    inside.sections = [section('cpu', 'other'), section('disks', 'new')]
    session.poke()
    await clock.advance(100)
    const third = take()
    expect(kinds(third)).toEqual(['inventory', 'observed'])
    expect(third[0]).toMatchObject({ sections: [{ name: 'cpu' }] })
    expect(third[1]).toMatchObject({ observed: { appliedGeneration: 5, replicas: [] } })
    session.stop()
  })

  it('does not report before the host was looked at', async () => {
    const { clock, inside, session, take, welcome } = setup()
    await clock.settle()
    welcome()
    await clock.advance(1_000)
    expect(kinds(take())).toEqual(['hello'])
    inside.replicas = new Map()
    session.poke()
    await clock.advance(100)
    expect(take()).toMatchObject([{ type: 'observed', observed: { full: true } }])
    session.stop()
  })

  it('beats at the interval, with readings only when there are fresh ones', async () => {
    const { clock, inside, session, take, welcome } = setup()
    await clock.settle()
    welcome()
    await clock.settle()
    take()
    inside.readings = { node: 'n1', collectedAt: 1, numa: [], links: [], gaps: [] }
    await clock.advance(4_000)
    expect(take()).toEqual([
      { type: 'heartbeat', ledgerGeneration: 0, readings: expect.anything() },
      { type: 'heartbeat', ledgerGeneration: 0 },
    ])
    session.stop()
  })

  it('says soon that a document was stored, and never before', async () => {
    const { clock, inside, session, peers, take, welcome } = setup()
    await clock.settle()
    welcome()
    await clock.settle()
    take()
    const stored = Promise.withResolvers<void>()
    inside.store = async (desired) => {
      await stored.promise
      inside.generation = desired.generation
    }
    peers[0]?.offer({ type: 'desired', desired: document(7) })
    await clock.advance(100)
    expect(take()).toEqual([])
    stored.resolve()
    await clock.advance(100)
    expect(take()).toEqual([{ type: 'heartbeat', ledgerGeneration: 7 }])
    session.stop()
  })

  it('says that a document was stored by reporting that it was carried out', async () => {
    const { clock, inside, session, take, welcome } = setup()
    inside.replicas = new Map()
    await clock.settle()
    welcome()
    await clock.settle()
    take()
    inside.generation = 7
    inside.applied = 7
    session.poke()
    await clock.advance(100)
    expect(take()).toMatchObject([{ type: 'observed', observed: { appliedGeneration: 7 } }])
    session.stop()
  })

  it('stays when a document is refused, and comes anew when the disk fails', async () => {
    const { clock, inside, session, peers, take, welcome } = setup()
    await clock.settle()
    welcome()
    await clock.settle()
    take()
    inside.store = async () => {
      throw new KeelsonError('FAILED_PRECONDITION', 'older than stored')
    }
    peers[0]?.offer({ type: 'desired', desired: document(1) })
    await clock.settle()
    expect(session.status()).toMatchObject({ state: 'Active', refusedDocuments: 1 })
    inside.store = async () => {
      throw new KeelsonError('UNAVAILABLE', 'no space left')
    }
    peers[0]?.offer({ type: 'desired', desired: document(1) })
    await clock.settle()
    expect(peers[0]?.signal.aborted).toBe(true)
    await clock.advance(300)
    expect(peers).toHaveLength(2)
    expect(kinds(take())).toEqual(['hello'])
    session.stop()
  })

  it('tells a new session everything again', async () => {
    const { clock, inside, session, peers, take, welcome } = setup()
    inside.replicas = new Map([['v1', replica('v1')]])
    inside.sections = [section('cpu', 'a')]
    await clock.settle()
    welcome()
    await clock.advance(6_000)
    peers[0]?.close(new KeelsonError('UNAVAILABLE', 'shutting down'))
    await clock.advance(300)
    expect(kinds(take())).toEqual(['hello'])
    welcome()
    await clock.settle()
    expect(kinds(take())).toEqual(['inventory', 'observed'])
    session.stop()
  })

  it('will not speak with another cluster’s coordinator', async () => {
    const { clock, session, peers, take, welcome } = setup({ clusterId: 'mine' })
    await clock.settle()
    take()
    welcome()
    await clock.settle()
    expect(peers[0]?.signal.aborted).toBe(true)
    expect(take()).toEqual([])
    expect(session.status().lastError).toBe(
      'this host holds data of cluster mine, the coordinator is of c1',
    )
    await clock.advance(14_000)
    expect(peers).toHaveLength(1)
    await clock.advance(20_000)
    expect(peers).toHaveLength(2)
    session.stop()
  })

  it('ends with an error when another agent keeps taking its place', async () => {
    const { clock, session, peers, welcome } = setup()
    for (let contest = 0; contest < 3; contest++) {
      await clock.settle()
      welcome()
      await clock.settle()
      peers.at(-1)?.close(new KeelsonError('ABORTED', 'node "n1" has a newer session'))
      await clock.advance(2_000)
    }
    const error = await session.ended
    expect(error).toMatchObject({ message: 'another agent speaks for this node' })
    await clock.advance(1e6)
    expect(peers).toHaveLength(3)
  })

  it('gives a connection up that is never welcomed', async () => {
    const { clock, session, peers } = setup()
    await clock.advance(29_999)
    expect(peers).toHaveLength(1)
    expect(peers[0]?.signal.aborted).toBe(false)
    await clock.advance(1_000)
    expect(peers[0]?.signal.aborted).toBe(true)
    expect(peers).toHaveLength(2)
    expect(session.status().lastError).toBe('the coordinator sent no welcome')
    session.stop()
  })

  it('stops for good, and closes its link', async () => {
    const { clock, session, peers, welcome } = setup()
    await clock.settle()
    welcome()
    await clock.settle()
    session.stop()
    expect(await session.ended).toBeUndefined()
    await clock.advance(1e6)
    expect(peers[0]?.signal.aborted).toBe(true)
    expect(peers).toHaveLength(1)
    expect(clock.nextTimerAt()).toBeUndefined()
  })

  it('tries again at once when it is told to hurry', async () => {
    let refuse = true
    const { clock, session, peers } = setup({
      accept() {
        if (refuse) throw new KeelsonError('UNAUTHENTICATED', 'expired')
      },
    })
    await clock.advance(1_000)
    expect(peers).toHaveLength(0)
    refuse = false
    session.hurry()
    await clock.settle()
    expect(peers).toHaveLength(1)
    session.stop()
  })
})
