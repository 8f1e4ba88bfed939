import { KeelsonError } from '@keelson/shared/errors'
import { type GuaranteeMode, NO_RULES, RACK_LABEL } from '@keelson/shared/model'
import { seededRng } from '@keelson/shared/runtime'
import { createFakeClock } from '@keelson/shared/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { createAdmission } from '../admission/index.ts'
import { createPipeline } from '../commit/index.ts'
import type { Command } from '../decide/index.ts'
import type { Presence } from '../dispatch/index.ts'
import { createClusterState } from '../state/index.ts'
import { createMemoryDisk, openMemoryStore } from '../store/index.ts'
import {
  createStamps,
  faithfulReport,
  helloOf,
  initializeCluster,
  machineSpec,
  populate,
} from '../testing/index.ts'
import { type Controllers, startControllers } from './controllers.ts'

const SECOND = 1_000
const GRACE_MS = 15 * SECOND
const TIMEOUT_MS = 7 * SECOND

/** Controllers over a populated cluster: hosts n0 to n3, all of them online. */
async function start(limits: { keepEvents?: number; keepOperations?: number } = {}) {
  const timers = createFakeClock()
  let lateMs = 0
  const clock = { ...timers, now: () => timers.now() + lateMs }
  const rng = seededRng(1)
  const state = createClusterState()
  const scene = { state, ...createStamps() }
  let broken: KeelsonError | undefined
  const store = openMemoryStore(createMemoryDisk(), { faults: { beforeCommit: () => broken } })
  const parts = { store, state, guards: [], checked: true, onFailure: () => undefined }
  const pipeline = createPipeline(parts)
  await pipeline.submit(initializeCluster(scene))
  for (const command of populate(scene)) await pipeline.submit(command)
  const present = new Map<string, Presence>()
  const expelled: string[] = []
  const errors: string[] = []
  const seen = (node: string) => {
    const memory = { appliedGeneration: 0, readings: undefined }
    present.set(node, { connected: true, lastSeenAt: clock.now(), ...memory })
  }
  const controllers = startControllers({
    pipeline,
    admission: createAdmission({ clock, rng }),
    clock,
    rng,
    presence: (node) => present.get(node),
    expel: (node) => expelled.push(node),
    livenessTimeoutMs: TIMEOUT_MS,
    startGraceMs: GRACE_MS,
    keepEvents: 10_000,
    keepOperations: 1_000,
    ...limits,
    onError: (controller, { code }) => errors.push(`${controller} ${code}`),
  })
  running = controllers
  return {
    clock,
    pipeline,
    controllers,
    expelled,
    errors,
    seen,
    phases: () => state.nodes.sortedIds().map((name) => state.nodes.get(name)?.status.phase),
    submit: (type: Command['type'], fields: object) =>
      pipeline.submit({ type, stamp: scene.stamp('test'), ...fields } as Command),
    /** Time goes by, and nothing runs: every timer that is due comes late. */
    standStill(durationMs: number) {
      lateMs += durationMs
    },
    breakStore(error: KeelsonError) {
      broken = error
    },
  }
}

let running: Controllers | undefined
afterEach(() => running?.stop())

const ALL = ['n0', 'n1', 'n2', 'n3']

describe('node liveness', () => {
  it('judges nobody in the time after a start, then who has not come back', async () => {
    const { clock, phases, expelled } = await start()
    await clock.advance(GRACE_MS - 1)
    expect(phases()).toEqual(Array(4).fill('Online'))
    await clock.advance(SECOND)
    expect(phases()).toEqual(Array(4).fill('Offline'))
    expect(expelled).toEqual(ALL)
  })

  it('finds a silent host within the timeout and one look more', async () => {
    const { clock, phases, seen, expelled, pipeline } = await start()
    for (let second = 0; second < 20; second++) {
      for (const node of ALL) seen(node)
      await clock.advance(SECOND)
    }
    const silentSince = clock.now()
    while (phases()[1] === 'Online') {
      for (const node of ['n0', 'n2', 'n3']) seen(node)
      await clock.advance(SECOND)
    }
    expect(phases()).toEqual(['Online', 'Offline', 'Online', 'Online'])
    expect(clock.now() - silentSince).toBeLessThanOrEqual(TIMEOUT_MS + 2 * SECOND)
    expect(expelled).toEqual(['n1'])
    const event = pipeline.state.events.get(pipeline.state.events.sortedIds().at(-1)!)
    expect(event).toMatchObject({ type: 'Warning', reason: 'NodeOffline', subject: 'node/n1' })
    expect(event?.message).toMatch(/^no heartbeat for \d+\.\d s$/)
  })
})

describe('a coordinator that stood still', () => {
  /** Hosts were heard until now; then nothing runs for a while, and the next look comes late. */
  async function stalledFor(stallMs: number) {
    const parts = await start()
    const { clock, seen, standStill } = parts
    for (let second = 0; second < 20; second++) {
      for (const node of ALL) seen(node)
      await clock.advance(SECOND)
    }
    standStill(stallMs)
    await clock.advance(SECOND)
    return parts
  }

  it('judges nobody by heartbeats that it has not read yet', async () => {
    const { clock, phases, seen } = await stalledFor(60 * SECOND)
    expect(phases()).toEqual(Array(4).fill('Online'))
    for (let second = 0; second < 20; second++) {
      if (second % 2 === 1) for (const node of ALL) seen(node)
      await clock.advance(SECOND)
    }
    expect(phases()).toEqual(Array(4).fill('Online'))
  })

  it('finds a host that stays silent within the timeout from then on', async () => {
    const { clock, phases, seen } = await stalledFor(60 * SECOND)
    for (let second = 0; second < TIMEOUT_MS / SECOND + 2; second++) {
      for (const node of ['n0', 'n2', 'n3']) seen(node)
      await clock.advance(SECOND)
    }
    expect(phases()).toEqual(['Online', 'Offline', 'Online', 'Online'])
  })
})

describe('machine states', () => {
  it('a machine on a silent host is Unknown, and starts again when it is back', async () => {
    const { clock, seen, submit, pipeline } = await start()
    const { virtualMachines } = pipeline.state
    await submit('CreateVirtualMachine', {
      ...{ name: 'web', labels: {}, spec: machineSpec(), volumeUids: [] },
    })
    const { node } = virtualMachines.get('web')!.status
    const phase = () => virtualMachines.get('web')?.status.phase
    expect(phase()).toBe('Starting')
    while (phase() !== 'Unknown') {
      for (const other of ALL) if (other !== node) seen(other)
      await clock.advance(SECOND)
    }
    expect(pipeline.state.nodes.get(node)?.status.phase).toBe('Offline')
    await submit('RecordHello', { hello: helloOf(node), address: '' })
    seen(node)
    await clock.advance(SECOND)
    expect(phase()).toBe('Starting')
  })

  it('rules that no longer hold where it is are told, and move nothing', async () => {
    const { clock, seen, submit, pipeline } = await start()
    const { virtualMachines } = pipeline.state
    const rules = { ...NO_RULES, nodeSelector: `${RACK_LABEL}=r0` }
    await submit('CreateVirtualMachine', {
      ...{ name: 'web', labels: {}, spec: machineSpec({ rules }), volumeUids: [] },
    })
    const { node } = virtualMachines.get('web')!.status
    const compliant = () =>
      virtualMachines.get('web')?.status.conditions.find(({ type }) => type === 'Compliant')
    expect(compliant()?.status).toBe('True')
    const setLabels = { [RACK_LABEL]: 'elsewhere' }
    await submit('UpdateNode', { node, setLabels, removeLabels: [] })
    for (const other of ALL) seen(other)
    await clock.advance(SECOND)
    expect(compliant()).toMatchObject({
      ...{ status: 'False', reason: 'RulesBroken' },
      message: expect.stringContaining('node labels do not match'),
    })
    expect(virtualMachines.get('web')?.status.node).toBe(node)
  })
})

describe('volume phases', () => {
  async function withVolume() {
    const bench = await start()
    const spec = { storageClass: '', pool: '', nodes: [], sourceSnapshot: '' }
    await bench.submit('CreateVolume', {
      name: 'data',
      labels: {},
      spec: { ...spec, sizeBytes: 2 ** 20, replicas: 4 },
    })
    for (const node of ALL) {
      const observed = faithfulReport(bench.pipeline.state, node)
      await bench.submit('RecordObserved', { node, observed })
    }
    const phase = () => bench.pipeline.state.volumes.get('data')?.status.phase
    expect(phase()).toBe('Ready')
    return { ...bench, phase }
  }
  const offline = { phase: 'Offline', reason: 'silent' }

  it('follow a host that goes, at once', async () => {
    const { clock, submit, phase, pipeline } = await withVolume()
    await submit('SetNodePhase', { node: 'n2', ...offline })
    await clock.advance(100)
    expect(phase()).toBe('Degraded')
    const replica = pipeline.state.volumes
      .get('data')
      ?.status.replicas.find(({ node }) => node === 'n2')
    expect(replica).toMatchObject({ phase: 'Unknown', message: 'node n2 is offline' })
  })

  it('stay as they are while a host that is back has not reported', async () => {
    const { clock, submit, phase, pipeline } = await withVolume()
    await submit('SetNodePhase', { node: 'n2', ...offline })
    await clock.advance(100)
    await submit('RecordHello', { hello: helloOf('n2'), address: '' })
    await clock.advance(6 * SECOND)
    expect(phase()).toBe('Degraded')
    const observed = faithfulReport(pipeline.state, 'n2')
    await submit('RecordObserved', { node: 'n2', observed })
    expect(phase()).toBe('Ready')
  })

  it('write nothing when nothing has changed', async () => {
    const { clock, seen, pipeline } = await withVolume()
    const { revision } = pipeline.state
    for (let second = 0; second < 30; second++) {
      for (const node of ALL) seen(node)
      await clock.advance(SECOND)
    }
    expect(pipeline.state.revision).toBe(revision)
  })
})

describe('history', () => {
  it('is cut to its length, in as many transactions as it takes', async () => {
    const { clock, submit, pipeline } = await start({ keepEvents: 7 })
    for (let i = 0; i < 60; i++)
      for (const schedulable of [false, true])
        await submit('UpdateNode', { node: 'n0', setLabels: {}, removeLabels: [], schedulable })
    expect(pipeline.state.events.size).toBeGreaterThan(120)
    await clock.advance(11 * SECOND)
    const kept = pipeline.state.events.sortedIds().map(Number)
    const newest = pipeline.state.lastEventSequence
    expect(kept).toEqual([6, 5, 4, 3, 2, 1, 0].map((back) => newest - back))
  })
})

describe('standbys', () => {
  it('are assigned when a guarantee is turned on, told once if impossible, dropped after', async () => {
    const { clock, seen, submit, pipeline } = await start()
    const { events, virtualMachines } = pipeline.state
    const wait = async () => {
      for (let second = 0; second < 25; second++) {
        for (const node of ALL) seen(node)
        await clock.advance(SECOND)
      }
    }
    const setMode = (mode: GuaranteeMode, expectedVersion: number) =>
      submit('SetPolicy', {
        policy: {
          ...{ scope: 'Cluster', name: '', version: 0, weights: {} },
          guarantees: [{ failureDomain: RACK_LABEL, losses: 1, mode }],
        },
        expectedVersion,
      })
    const bound = { ...NO_RULES, nodes: ['n0'] }
    for (const [name, rules] of Object.entries({ free: NO_RULES, bound }))
      await submit('CreateVirtualMachine', {
        ...{ name, labels: {}, spec: machineSpec({ rules }), volumeUids: [] },
      })
    const standby = (name: string) => virtualMachines.get(name)!.status.standbyNode
    const told = () =>
      [...events.values()].filter(({ reason }) => reason === 'GuaranteeBroken').length
    await setMode('Enforce', 0)
    await wait()
    expect([standby('free') === '', standby('bound'), told()]).toEqual([false, '', 1])
    const { revision } = pipeline.state
    await wait()
    expect([pipeline.state.revision, told()], 'nothing more is written').toEqual([revision, 1])
    await setMode('Off', 1)
    await wait()
    expect([standby('free'), standby('bound')]).toEqual(['', ''])
  })
})

describe('a controller that cannot write', () => {
  it('says so, shows it in its status, and tries again', async () => {
    const { clock, controllers, errors, breakStore } = await start()
    breakStore(new KeelsonError('UNAVAILABLE', 'disk gone'))
    await clock.advance(GRACE_MS + SECOND)
    expect(errors[0]).toBe('node-liveness UNAVAILABLE')
    const status = () => controllers.status().find(({ name }) => name === 'node-liveness')!
    expect(status().lastError).toBe('the coordinator cannot write its store at present')
    const { passes } = status()
    await clock.advance(60 * SECOND)
    expect(status().passes).toBeGreaterThan(passes)
  })

  it('does not go on after it was stopped', async () => {
    const { clock, controllers, phases } = await start()
    await controllers.stop()
    const passes = controllers.status().map((loop) => loop.passes)
    await clock.advance(60 * SECOND)
    expect(controllers.status().map((loop) => loop.passes)).toEqual(passes)
    expect(phases()).toEqual(Array(4).fill('Online'))
    expect(clock.nextTimerAt()).toBeUndefined()
  })
})
