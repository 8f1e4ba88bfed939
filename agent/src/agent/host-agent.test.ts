import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '@keelson/shared/logging'
import { systemClock, systemRng } from '@keelson/shared/runtime'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { parseInvocation, type RunOptions } from '../config/index.ts'
import { startTestCoordinator, type TestCoordinator } from '../identity/fixture.ts'
import type { Agent } from './create-agent.ts'
import { readCapabilities, readHostFacts } from './facts.ts'
import { startHostAgent } from './host-agent.ts'

const log = createLogger({ process: 'agent', level: 'silent' })
const parts = { clock: systemClock, rng: systemRng, log }

let root: string
let coordinator: TestCoordinator
const running: Agent[] = []

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'keelson-host-'))
  coordinator = await startTestCoordinator()
})
afterEach(async () => {
  for (const agent of running.splice(0)) await agent.stop()
  await coordinator.close()
  await rm(root, { recursive: true, force: true })
})

function optionsOf(more: readonly string[] = [], token = coordinator.token) {
  const flags = ['--data', join(root, 'agent'), '--device-dir', join(root, 'devices')]
  // An empty tree: what this machine has does not matter here.
  const args = ['run', ...flags, '--sysroot', root, '--server', coordinator.address, ...more]
  const env = { KEELSON_JOIN_TOKEN: token }
  const invocation = parseInvocation(args, env)
  if (invocation.command !== 'run') throw new Error('not run')
  return invocation.options
}

async function start(options: RunOptions): Promise<Agent> {
  const agent = await startHostAgent(options, parts)
  running.push(agent)
  return agent
}

describe('the agent of a real host', () => {
  it('joins, says hello, and is known by the same name ever after', async () => {
    const first = await start(optionsOf(['--node', 'n1', '--label', 'rack=a']))
    await vi.waitFor(() => expect(coordinator.sessions).toHaveLength(1), 10_000)
    const session = coordinator.sessions[0]!
    const hello = await session.stream[Symbol.asyncIterator]().next()
    expect(hello.value.message).toMatchObject({
      $case: 'hello',
      value: { node: 'n1', capabilities: ['file'], simulated: false },
    })
    expect(coordinator.enrolled[0]).toMatchObject({ node: 'n1', labels: { rack: 'a' } })
    await first.stop()
    running.length = 0

    await start(optionsOf([], ''))
    await vi.waitFor(() => expect(coordinator.sessions).toHaveLength(2), 10_000)
    expect(coordinator.sessions[1]?.node).toBe('n1')
    expect(coordinator.enrolled).toHaveLength(1)
    const directory = join(root, 'agent')
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
    expect((await readdir(directory)).sort()).toEqual(['identity.json', 'lock', 'machine.key'])
  })

  it('shares its data directory with nobody', async () => {
    await start(optionsOf(['--node', 'n1']))
    await expect(start(optionsOf(['--node', 'n1']))).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('is locked by process'),
    })
  })

  it('does not take another host’s data directory for its own', async () => {
    const first = await start(optionsOf(['--node', 'n1']))
    await vi.waitFor(() => expect(coordinator.sessions).toHaveLength(1), 10_000)
    await first.stop()
    running.length = 0
    await expect(start(optionsOf(['--node', 'n2']))).rejects.toThrow('belongs to node "n1"')
    await start(optionsOf(['--node', 'n1']))
  })

  it('says at the first start that it needs a join token', async () => {
    await expect(start(optionsOf(['--node', 'n1'], ''))).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: 'node "n1" has not joined a cluster',
    })
  })

  it('runs on when its identity cannot be read, and says why it has no session', async () => {
    await mkdir(join(root, 'agent'))
    await writeFile(join(root, 'agent', 'identity.json'), 'rubbish')
    const agent = await start(optionsOf(['--node', 'n1']))
    await vi.waitFor(() => {
      expect(agent.status().session.lastError).toContain('identity.json is damaged')
    }, 10_000)
  })
})

describe('what a host says of itself', () => {
  it('comes from its own files', async () => {
    const files = {
      'proc/sys/kernel/random/boot_id': 'boot-1\n',
      'proc/sys/kernel/ostype': 'Linux\n',
      'proc/sys/kernel/osrelease': '6.1.0\n',
      'proc/meminfo': 'MemTotal:       1024 kB\nMemFree: 1 kB\n',
      'etc/os-release': 'NAME=x\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    }
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(root, path, '..'), { recursive: true })
      await writeFile(join(root, path), text)
    }
    expect(readHostFacts(root)).toMatchObject({
      bootId: 'boot-1',
      os: 'Debian GNU/Linux 12 (bookworm), Linux 6.1.0',
      memoryBytes: 2 ** 20,
      capabilities: ['file'],
      simulated: false,
    })
  })

  it('does not claim to replicate because a module is loaded', async () => {
    for (const name of ['drbd', 'zfs', 'openvswitch', 'dm_thin_pool'])
      await mkdir(join(root, 'sys/module', name), { recursive: true })
    await mkdir(join(root, 'dev'))
    await symlink('/dev/null', join(root, 'dev/kvm'))
    expect(readCapabilities(root)).toEqual(['file', 'kvm', 'lvm-thin', 'openvswitch', 'zfs'])
  })
})
