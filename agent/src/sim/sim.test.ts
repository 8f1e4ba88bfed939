import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hardwareSectionCodec } from '@keelson/shared/codec'
import { createLogger } from '@keelson/shared/logging'
import { systemClock, systemRng } from '@keelson/shared/runtime'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startTestCoordinator, type TestCoordinator } from '../identity/fixture.ts'
import { createFakeStorage, type PoolConfig, writeFakeVolume } from '../storage/index.ts'
import { askControl } from './control.ts'
import { openKeptDisk } from './disk-file.ts'
import { inventHardware } from './hardware.ts'
import { hostNames, parseSimInvocation, type SimOptions } from './options.ts'
import { type Simulation, startSimulation } from './simulation.ts'

const MIB = 2 ** 20
const GIB = 2 ** 30
let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'keelson-sim-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

function run(...args: string[]): SimOptions {
  const invocation = parseSimInvocation(['run', '--data', root, ...args])
  if (invocation.command !== 'run') throw new Error('not run')
  return invocation.options
}

describe('the command line of the simulation', () => {
  it('spreads hosts over racks', () => {
    expect(hostNames(run('--count', '4', '--racks', '3'))).toEqual([
      { name: 'sim-a-01', rack: 'rack-a' },
      { name: 'sim-b-01', rack: 'rack-b' },
      { name: 'sim-c-01', rack: 'rack-c' },
      { name: 'sim-a-02', rack: 'rack-a' },
    ])
    expect(new Set(hostNames(run('--count', '300')).map(({ name }) => name)).size).toBe(300)
  })

  it('reads its flags', () => {
    expect(run('--pool-size', '2TiB', '--name-prefix', 'x')).toMatchObject({
      count: 24,
      racks: 3,
      poolBytes: 2 * 2 ** 40,
      namePrefix: 'x',
    })
    expect(parseSimInvocation(['stop', 'sim-a-01', '--data', '/d'])).toEqual({
      command: 'stop',
      dataDirectory: '/d',
      host: 'sim-a-01',
    })
  })

  it.each([
    ['run', '--data is missing'],
    ['run --data d --count 0', '--count "0" is not a whole number'],
    ['run --data d --racks 27', '--racks "27"'],
    ['run --data d --pool-size big', 'is not a size'],
    ['run --data d extra', 'unexpected "extra"'],
    ['stop --data d', 'stop takes the name of a host'],
    ['fly --data d', 'unknown command "fly"'],
  ])('refuses "%s"', (line, problem) => {
    expect(() => parseSimInvocation(line.split(' '))).toThrow(problem)
  })
})

describe('invented hardware', () => {
  it('is the same for the same name, and not for another', () => {
    const sections = (name: string) => inventHardware(name, 0).inventory.sections
    expect(sections('sim-a-01')).toEqual(sections('sim-a-01'))
    expect(sections('sim-a-01')).not.toEqual(sections('sim-a-02'))
    const machines = hostNames(run('--count', '24')).map(({ name }) => inventHardware(name, 0))
    expect(new Set(machines.map(({ cpuCount }) => cpuCount)).size).toBeGreaterThan(1)
  })

  it('goes over the wire and adds up', () => {
    for (const { name } of hostNames(run('--count', '12'))) {
      const { inventory, cpuCount, memoryBytes } = inventHardware(name, 1_000)
      expect(inventory.sections.map((section) => section.name)).toHaveLength(8)
      for (const section of inventory.sections)
        expect(hardwareSectionCodec.read(hardwareSectionCodec.write(section), name)).toEqual(
          section,
        )
      const [, cpu, numa, memory] = inventory.sections
      expect(cpu).toMatchObject({ facts: { threads: cpuCount } })
      expect(memory).toMatchObject({ facts: { totalBytes: memoryBytes } })
      if (numa?.name !== 'numa') throw new Error('sections are out of order')
      const sum = numa.facts?.nodes.reduce((total, node) => total + (node.memoryBytes ?? 0), 0) ?? 0
      expect(memoryBytes - sum).toBeLessThan(10)
    }
  })
})

describe('a disk that is kept', () => {
  const pool: PoolConfig = {
    uid: 'p1',
    name: 'local',
    kind: 'FILE_THIN',
    path: '/srv',
    clusterId: 'c1',
  }

  it('has everything again after a restart', async () => {
    const path = join(root, 'disk.bin')
    const first = await openKeptDisk(path, GIB)
    const driver = createFakeStorage({
      disk: first.disk,
      clock: systemClock,
      afterCall: first.save,
    })
    await driver.preparePool(pool)
    await Promise.all(
      ['v1', 'v2', 'v3'].map((uid) =>
        driver.ensureVolume(pool, { uid, name: uid, sizeBytes: MIB }),
      ),
    )
    writeFakeVolume(first.disk.pools.get('/srv')!.volumes.get('v1')!, 4096, 'precious')
    await driver.createSnapshot(pool, { uid: 's1', name: 's1', volumeUid: 'v1' })
    const second = await openKeptDisk(path, GIB)
    expect(second.disk).toEqual(first.disk)
    expect(second.disk.pools.get('/srv')?.snapshots.get('s1')?.content.get(4096)).toBe('precious')
  })

  it('is not replaced by an empty one when its file is damaged', async () => {
    const path = join(root, 'disk.bin')
    await writeFile(path, 'rubbish')
    await expect(openKeptDisk(path, GIB)).rejects.toMatchObject({ code: 'DATA_LOSS' })
  })
})

describe('simulated hosts', () => {
  const log = createLogger({ process: 'sim-agent', level: 'silent' })
  const parts = { clock: systemClock, rng: systemRng, log }
  let coordinator: TestCoordinator
  let simulation: Simulation | undefined
  beforeEach(async () => {
    coordinator = await startTestCoordinator()
  })
  afterEach(async () => {
    await simulation?.stop()
    simulation = undefined
    await coordinator.close()
  })

  async function start(token: string | undefined): Promise<void> {
    const invocation = parseSimInvocation(
      ['run', '--data', root, '--server', coordinator.address, '--count', '3'],
      token === undefined ? {} : { KEELSON_JOIN_TOKEN: token },
    )
    if (invocation.command !== 'run') throw new Error('not run')
    simulation = await startSimulation(invocation.options, parts)
  }
  const nodes = () => coordinator.sessions.map(({ node }) => node)

  it('join once, and come back under the same names', async () => {
    await start(coordinator.token)
    await vi.waitFor(() => expect(nodes()).toHaveLength(3), 10_000)
    expect(nodes().sort()).toEqual(['sim-a-01', 'sim-b-01', 'sim-c-01'])
    expect(coordinator.enrolled.flatMap(({ labels }) => Object.values(labels)).sort()).toEqual([
      'rack-a',
      'rack-b',
      'rack-c',
    ])
    await simulation?.stop()
    await start(undefined)
    await vi.waitFor(() => expect(nodes()).toHaveLength(6), 10_000)
    expect(coordinator.enrolled).toHaveLength(3)
  })

  it('lose their power and get it back from another process', async () => {
    await start(coordinator.token)
    await vi.waitFor(() => expect(nodes()).toHaveLength(3), 10_000)
    const stopped = await askControl(root, { command: 'stop', host: 'sim-b-01' })
    expect(stopped).toMatchObject([{ name: 'sim-b-01', power: 'off' }])
    const session = coordinator.sessions.find(({ node }) => node === 'sim-b-01')
    await vi.waitFor(() => expect(session?.stream.signal.aborted).toBe(true), 10_000)
    const all = await askControl(root, { command: 'list' })
    expect(all.map(({ power }) => power)).toEqual(['on', 'off', 'on'])
    await askControl(root, { command: 'start', host: 'sim-b-01' })
    await vi.waitFor(() => expect(nodes()).toHaveLength(4), 10_000)
    await expect(askControl(root, { command: 'stop', host: 'x' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
  })

  it('share their directory with no other simulation, and leave no socket behind', async () => {
    await start(coordinator.token)
    const first = simulation
    await expect(start(coordinator.token)).rejects.toThrow('is locked by process')
    await first?.stop()
    simulation = undefined
    expect(await readdir(root)).not.toContain('sim.sock')
    await expect(askControl(root, { command: 'list' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
  })
})
