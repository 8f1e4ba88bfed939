import { createLogger } from '@keelson/shared/logging'
import type { AgentMessage, CoordinatorMessage, DesiredState } from '@keelson/shared/model'
import { seededRng } from '@keelson/shared/runtime'
import { createFakeClock } from '@keelson/shared/testing'
import { describe, expect, it } from 'vitest'
import { createMemoryLedger } from '../ledger/index.ts'
import { createMemoryTransport, type MemoryPeer } from '../session/index.ts'
import {
  createFakeDisk,
  createFakeStorage,
  type FakeDisk,
  rebootFakeDisk,
} from '../storage/index.ts'
import { createAgent } from './create-agent.ts'

const MIB = 2 ** 20
const desired: DesiredState = {
  clusterId: 'c1',
  node: 'n1',
  generation: 4,
  pools: [{ uid: 'p1', name: 'local', kind: 'FILE_THIN', path: '/srv/p1', intent: 'Present' }],
  replicas: [
    {
      volumeUid: 'v1',
      volume: 'data',
      poolUid: 'p1',
      role: 'Diskful',
      sizeBytes: MIB,
      sourceSnapshotUid: '',
      intent: 'Present',
      provisioned: false,
    },
  ],
  snapshots: [],
}
const welcome: CoordinatorMessage = {
  type: 'welcome',
  welcome: { clusterId: 'c1', heartbeatIntervalMs: 2_000, inventoryHashes: {} },
}

/** A host with one agent; `reachable` decides whether a coordinator answers. */
function setup(disk: FakeDisk, ledger = createMemoryLedger('n1'), reachable = true) {
  const clock = createFakeClock({ now: 0 })
  const heard: AgentMessage[] = []
  let peer: MemoryPeer | undefined
  let readings = 0
  const agent = createAgent({
    node: 'n1',
    facts: {
      agentVersion: '1',
      capabilities: ['file'],
      bootId: 'b',
      os: 'test',
      simulated: true,
      cpuCount: 2,
      memoryBytes: 1,
    },
    ledger,
    driver: createFakeStorage({ disk, clock }),
    abilities: { poolKinds: new Set(['FILE', 'FILE_THIN']), replication: false },
    transport: createMemoryTransport((next) => {
      if (!reachable) throw new Error('no coordinator')
      peer = next
      void (async () => {
        for await (const message of next) heard.push(message)
      })()
    }),
    inventory: () => ({
      current: () => undefined,
      readings: () => {
        readings++
        return { node: 'n1', collectedAt: clock.now(), numa: [], links: [], gaps: [] }
      },
      stop: async () => undefined,
    }),
    clock,
    rng: seededRng(1),
    log: createLogger({ process: 'agent', level: 'silent' }),
  })
  return { agent, clock, heard, peer: () => peer, readings: () => readings }
}

describe('an agent', () => {
  it('stores what it is told, does it, and says so', async () => {
    const { agent, clock, heard, peer } = setup(createFakeDisk({ totalBytes: 64 * MIB }))
    await clock.advance(10)
    peer()?.offer(welcome)
    peer()?.offer({ type: 'desired', desired })
    await clock.advance(100)
    expect(heard.map(({ type }) => type)).toEqual(['hello', 'observed', 'observed'])
    expect(heard[0]).toMatchObject({ hello: { node: 'n1', ledgerGeneration: 0, clusterId: '' } })
    expect(heard[1]).toMatchObject({ observed: { full: true, pools: [], replicas: [] } })
    expect(heard[2]).toMatchObject({
      observed: {
        full: false,
        appliedGeneration: 4,
        pools: [{ uid: 'p1', phase: 'Ready' }],
        replicas: [{ volumeUid: 'v1', phase: 'Ready', devicePath: '/dev/fake/data' }],
      },
    })
    expect(agent.status()).toMatchObject({ ledgerGeneration: 4, session: { state: 'Active' } })
    await agent.stop()
    expect(await agent.ended).toBeUndefined()
  })

  it('serves its volumes after a reboot although no coordinator answers', async () => {
    const disk = createFakeDisk({ totalBytes: 64 * MIB })
    const ledger = createMemoryLedger('n1')
    const first = setup(disk, ledger)
    await first.clock.advance(10)
    first.peer()?.offer(welcome)
    first.peer()?.offer({ type: 'desired', desired })
    await first.clock.advance(100)
    await first.agent.stop()
    rebootFakeDisk(disk)
    const second = setup(disk, ledger, false)
    await second.clock.advance(100)
    expect(disk.pools.get('/srv/p1')?.volumes.get('v1')?.attached).toBe(true)
    expect(second.agent.status().session.state).not.toBe('Active')
    await second.agent.stop()
  })

  it('sends readings every 15 s, and nothing but heartbeats while nothing changes', async () => {
    const { agent, clock, heard, peer, readings } = setup(createFakeDisk({ totalBytes: MIB }))
    await clock.advance(10)
    peer()?.offer(welcome)
    await clock.advance(100)
    heard.length = 0
    await clock.advance(60_000)
    expect(new Set(heard.map(({ type }) => type))).toEqual(new Set(['heartbeat']))
    const withReadings = heard.filter((message) => 'readings' in message)
    expect(heard).toHaveLength(30)
    expect(withReadings).toHaveLength(readings())
    expect(readings()).toBe(4)
    await agent.stop()
  })
})
