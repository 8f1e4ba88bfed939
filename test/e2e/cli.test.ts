/** The tour of the README and every kind of bad input, through the real programs. */
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../programs/index.ts'
import { type EndToEnd, poolDirectory, startEndToEnd } from './cluster.ts'

let cluster: EndToEnd
const MIB = 1024 * 1024

beforeAll(async () => {
  cluster = await startEndToEnd()
  const path = await poolDirectory(cluster, 'pool')
  const made = await cluster.keelson(
    ...['pool', 'create', 'local', '--node', cluster.node, '--kind', 'FILE_THIN', '--path', path],
  )
  expect(made.stderr).toBe('')
  expect(made.code).toBe(0)
}, 120_000)

afterAll(async () => cluster?.[Symbol.asyncDispose](), 60_000)

async function devicePath(volume: string): Promise<string> {
  const shown = await cluster.keelson('volume', 'show', volume, '-o', 'json')
  return shown.json().volume.status.replicas[0].devicePath
}

describe('the tour', () => {
  it('lists the host, with its hardware, gaps named and nothing made up', async () => {
    const list = await cluster.keelson('node', 'list', '-o', 'name')
    expect(list.stdout).toBe(`node/${cluster.node}\n`)
    const hardware = (await cluster.keelson('node', 'hardware', cluster.node, '-o', 'json')).json()
    const names = hardware.hardware.sections.map(
      (section: { meta: { name: string } }) => section.meta.name,
    )
    expect(names.sort()).toEqual(['cpu', 'disks', 'memory', 'nics', 'numa', 'os', 'pci', 'system'])
  })

  it('makes a block device that keeps its data over resize, snapshot and restore', async () => {
    const made = await cluster.keelson('volume', 'create', 'data', '--size', '64MiB', '-o', 'json')
    expect(made.stderr).toBe('')
    const device = await devicePath('data')
    const bytes = Buffer.alloc(MIB, 'keelson ')
    await writeFile(device, bytes, { flag: 'r+', flush: true })
    expect((await cluster.keelson('snapshot', 'create', 'before', '--volume', 'data')).code).toBe(0)
    await writeFile(device, Buffer.alloc(MIB, 'x'), { flag: 'r+', flush: true })
    expect((await cluster.keelson('volume', 'resize', 'data', '--size', '96MiB')).code).toBe(0)
    const restored = await cluster.keelson('snapshot', 'restore', 'before', '--to', 'old')
    expect(restored.stderr).toBe('')
    const old = await readFile(await devicePath('old'))
    expect(old.length).toBe(64 * MIB)
    expect(old.subarray(0, MIB).equals(bytes)).toBe(true)
    const grown = await readFile(await devicePath('data'))
    expect(grown.length).toBe(96 * MIB)
    expect(grown[0]).toBe('x'.charCodeAt(0))
    expect(grown.subarray(64 * MIB).every((byte) => byte === 0)).toBe(true)
  })

  it('deletes what was asked for, in the order that is safe', async () => {
    const held = await cluster.keelson('volume', 'delete', 'data')
    expect(held.code).toBe(6)
    expect(held.stderr).toContain('has 1 snapshot: before')
    for (const args of [
      ['snapshot', 'delete', 'before'],
      ['volume', 'delete', 'old'],
      ['volume', 'delete', 'data'],
    ])
      expect((await cluster.keelson(...args)).code).toBe(0)
    expect((await cluster.keelson('volume', 'list', '-o', 'name')).stdout).toBe('')
  })

  it('tells what happened', async () => {
    const { events } = (await cluster.keelson('event', 'list', '-o', 'json')).json()
    const reasons = events.map((event: { reason: string }) => event.reason)
    for (const reason of ['NodeEnrolled', 'PoolReady', 'VolumeCreated', 'VolumeDeleted'])
      expect(reasons).toContain(reason)
    const { operations } = (await cluster.keelson('operation', 'list', '-o', 'json')).json()
    expect(operations.map((operation: { phase: string }) => operation.phase)).toEqual([
      'OPERATION_PHASE_SUCCEEDED',
      'OPERATION_PHASE_SUCCEEDED',
      'OPERATION_PHASE_SUCCEEDED',
    ])
    expect((await cluster.keelson('cluster', 'verify')).code).toBe(0)
  })
})

describe('bad input ends in a clear error with the right exit code', () => {
  const create = (name: string, ...flags: string[]) => ['volume', 'create', name, ...flags]
  it.each<[string, string[], number, string]>([
    [
      'unknown pool',
      create('a', '--size', '1GiB', '--pool', 'nope'),
      7,
      'pool "nope" does not exist',
    ],
    ['unknown class', create('a', '--size', '1GiB', '--class', 'nope'), 7, 'class "nope" does not'],
    ['unknown node', ['node', 'show', 'nope'], 7, 'node "nope" does not exist'],
    ['unknown volume', ['volume', 'delete', 'nope'], 7, 'volume "nope" does not exist'],
    ['size 0', create('a', '--size', '0'), 2, 'size'],
    ['negative size', create('a', '--size=-1GiB'), 2, 'negative'],
    ['malformed size', create('a', '--size', '1XB'), 2, 'not a size'],
    ['size past any pool', create('a', '--size', '900TiB'), 3, 'cannot be placed'],
    ['more replicas than can be', create('a', '--size', '1GiB', '--replicas', '3'), 3, 'cannot be'],
    ['not a DNS label', create('Not_A_Label', '--size', '1GiB'), 2, 'not a DNS label'],
    ['no size', create('a'), 2, '--size'],
    ['unknown verb', ['volume', 'frobnicate'], 2, 'frobnicate'],
    ['unknown flag', create('a', '--size', '1GiB', '--racks', '3'), 2, '--racks'],
    [
      'relative pool path',
      ['pool', 'create', 'p', '--node', 'e2e', '--kind', 'FILE', '--path', 'x'],
      2,
      'absolute',
    ],
    [
      'pool on an unknown node',
      ['pool', 'create', 'p', '--node', 'zz', '--kind', 'FILE', '--path', '/x'],
      7,
      'zz',
    ],
  ])('%s', async (_what, args, code, message) => {
    const ran = await cluster.keelson(...args)
    expect(ran.stderr).toContain('error: ')
    expect(ran.stderr).toContain(message)
    expect(ran.code).toBe(code)
    expect(ran.stdout).toBe('')
  })

  it('creates are idempotent by name; other parameters are a conflict', async () => {
    const args = create('same', '--size', '8MiB')
    const uid = async () =>
      (await cluster.keelson('volume', 'show', 'same', '-o', 'json')).json().volume.meta.uid
    expect((await cluster.keelson(...args)).code).toBe(0)
    const first = await uid()
    expect((await cluster.keelson(...args)).code).toBe(0)
    expect(await uid()).toBe(first)
    const other = await cluster.keelson(...create('same', '--size', '16MiB'))
    expect(other.code).toBe(6)
    expect(other.stderr).toContain('exists with other parameters')
    expect((await cluster.keelson('volume', 'delete', 'same')).code).toBe(0)
  })

  it('a wrong token is refused, a viewer may only read, a wrong CA ends before a word is said', async () => {
    const wrong = await cluster.keelson('volume', 'list', '--token', 'kut.00000000.11')
    expect(wrong.code).toBe(8)
    const made = await cluster.keelson(
      ...['cluster', 'token', 'create', '--user', 'vera', '--role', 'viewer', '-o', 'json'],
    )
    const viewer = made.json().token
    expect((await cluster.keelson('volume', 'list', '--token', viewer)).code).toBe(0)
    const refused = await cluster.keelson(...create('v', '--size', '1GiB'), '--token', viewer)
    expect(refused.code).toBe(8)
    const foreign = join(cluster.directory, 'foreign-ca.pem')
    await writeFile(foreign, await readFile(join(import.meta.dirname, 'foreign-ca.pem')))
    const distrusted = await cluster.keelson('volume', 'list', '--ca', foreign)
    expect([8, 9]).toContain(distrusted.code)
  })

  it('nobody there is exit code 9', async () => {
    const ran = await cluster.keelson(
      'volume',
      'list',
      '--server',
      '127.0.0.1:9',
      '--timeout',
      '3s',
    )
    expect(ran.code).toBe(9)
  })
})

describe('faults', () => {
  it('a second coordinator on the same data is refused, and the first goes on', async () => {
    const second = await cluster.run('keelson-coordinator', [
      'run',
      ...['--data', join(cluster.directory, 'coordinator'), '--listen', '127.0.0.1:0'],
    ])
    expect(second.code).toBe(1)
    expect(second.stderr).toContain('error: ')
    expect(second.stderr).toContain('coordinator/lock')
    expect((await cluster.keelson('cluster', 'status')).code).toBe(0)
  })

  it('data survives kill -9 of both, and after a reboot the agent alone brings devices back', async () => {
    expect((await cluster.keelson('volume', 'create', 'kept', '--size', '16MiB')).code).toBe(0)
    const device = await devicePath('kept')
    const bytes = Buffer.alloc(MIB, 'still here ')
    await writeFile(device, bytes, { flag: 'r+', flush: true })
    await cluster.agent.stop('SIGKILL')
    await cluster.coordinator.stop('SIGKILL')
    expect(await cluster.detachLoops(cluster.directory)).toBe(1)
    // A detached loop device is an empty one.
    expect((await readFile(device)).length).toBe(0)
    cluster.agent = cluster.startAgent()
    const back = await until('the device', async () => {
      const content = await readFile(device).catch(() => Buffer.alloc(0))
      return content.length > 0 ? content : undefined
    })
    expect(back.subarray(0, MIB).equals(bytes)).toBe(true)
    cluster.coordinator = cluster.startCoordinator()
    await until('the volume to be ready again', async () => {
      const shown = await cluster.keelson('volume', 'show', 'kept', '-o', 'json')
      return shown.code === 0 && shown.json().volume.status.phase === 'VOLUME_PHASE_READY'
        ? true
        : undefined
    })
  }, 60_000)

  it('a pool directory that vanishes is reported, and nothing is made in its place', async () => {
    const path = await poolDirectory(cluster, 'fragile')
    const flags = ['--node', cluster.node, '--kind', 'FILE_THIN', '--path', path]
    expect((await cluster.keelson('pool', 'create', 'fragile', ...flags)).code).toBe(0)
    const made = await cluster.keelson(
      ...['volume', 'create', 'onfragile', '--size', '8MiB', '--pool', 'fragile'],
    )
    expect(made.code).toBe(0)
    await cluster.agent.stop('SIGKILL')
    await cluster.detachLoops(path)
    await rename(path, `${path}-gone`)
    cluster.agent = cluster.startAgent()
    const phase = async () =>
      (await cluster.keelson('pool', 'show', 'fragile', '-o', 'json')).json().storagePool.status
    await until('the pool to fail', async () =>
      (await phase()).phase === 'STORAGE_POOL_PHASE_FAILED' ? true : undefined,
    )
    await until('its volume to fail', async () => {
      const shown = await cluster.keelson('volume', 'show', 'onfragile', '-o', 'json')
      return shown.json().volume.status.phase === 'VOLUME_PHASE_FAILED' ? true : undefined
    })
    await expect(readFile(path)).rejects.toThrow('ENOENT')
    const refused = await cluster.keelson(
      ...['volume', 'create', 'more', '--size', '8MiB', '--pool', 'fragile'],
    )
    expect(refused.code).toBe(3)
    await rename(`${path}-gone`, path)
    await until('the pool to come back', async () =>
      (await phase()).phase === 'STORAGE_POOL_PHASE_READY' ? true : undefined,
    )
    expect((await cluster.keelson('volume', 'delete', 'onfragile', '--timeout', '60s')).code).toBe(
      0,
    )
    expect((await cluster.keelson('pool', 'delete', 'fragile', '--timeout', '60s')).code).toBe(0)
  }, 120_000)

  it('a snapshot whose data is lost stays lost, also when the agent starts anew', async () => {
    expect((await cluster.keelson('volume', 'create', 'loser', '--size', '8MiB')).code).toBe(0)
    const taken = await cluster.keelson('snapshot', 'create', 'lost', '--volume', 'loser')
    expect(taken.code).toBe(0)
    const snapshots = join(cluster.directory, 'pool', 'snapshots')
    const [file = ''] = await readdir(snapshots)
    expect(file).toMatch(/^lost\./)
    await cluster.agent.stop('SIGKILL')
    await rm(join(snapshots, file))
    cluster.agent = cluster.startAgent()
    const failed = await until('the snapshot to fail', async () => {
      const shown = await cluster.keelson('snapshot', 'show', 'lost', '-o', 'json')
      const { phase, replicas } = shown.json().snapshot.status
      return phase === 'SNAPSHOT_PHASE_FAILED' ? replicas[0].message : undefined
    })
    expect(failed).toBe('its data is gone from pool local; it is not taken anew')
    expect(await readdir(snapshots)).toEqual([])
    expect((await cluster.keelson('snapshot', 'delete', 'lost')).code).toBe(0)
    expect((await cluster.keelson('volume', 'delete', 'loser')).code).toBe(0)
  }, 120_000)

  it('a backup restores to the same cluster; a damaged store says so', async () => {
    const backup = join(cluster.directory, 'backup')
    expect((await cluster.keelson('cluster', 'backup', backup)).code).toBe(0)
    await cluster.coordinator.stop('SIGKILL')
    const store = join(cluster.directory, 'coordinator', 'store', 'data.mdb')
    const bytes = await readFile(store)
    await writeFile(
      store,
      Buffer.concat([bytes.subarray(0, 5000), Buffer.alloc(bytes.length - 5000)]),
    )
    const damaged = await cluster.run('keelson-coordinator', [
      'run',
      ...['--data', join(cluster.directory, 'coordinator'), '--listen', '127.0.0.1:0'],
    ])
    expect(damaged.code).toBe(1)
    expect(damaged.stderr).toMatch(/error: .*damaged/)
    const restored = await cluster.run('keelson', [
      ...['cluster', 'restore', '--data', join(cluster.directory, 'coordinator'), backup],
    ])
    expect(restored.stderr).toBe('')
    cluster.coordinator = cluster.startCoordinator()
    await until('the volume to be there', async () => {
      const shown = await cluster.keelson('volume', 'show', 'kept', '-o', 'json')
      return shown.code === 0 && shown.json().volume.status.phase === 'VOLUME_PHASE_READY'
        ? true
        : undefined
    })
    expect((await cluster.keelson('cluster', 'verify')).code).toBe(0)
    expect((await cluster.keelson('volume', 'delete', 'kept')).code).toBe(0)
  }, 60_000)
})
