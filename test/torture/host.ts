/** A coordinator and this host's agent under torture: killed at will, started again at once. */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  ClusterServiceService,
  NodeServiceService,
  StoragePoolServiceService,
} from '@keelson/shared/api'
import type { Rng } from '@keelson/shared/runtime'
import { access, connect, type PlainClient, type Program, start, until } from '../programs/index.ts'

/** What can be killed. */
export type Victim = 'coordinator' | 'agent'

/** The host. */
export interface TortureHost extends AsyncDisposable {
  readonly client: PlainClient
  /** Directory of the pool. */
  readonly pool: string
  /** Directory of the device links. */
  readonly devices: string
  /** Files with volume data. */
  dataFiles(): Promise<string[]>
  /** SIGKILL now, and a new process a moment later. */
  kill(victim: Victim): Promise<void>
  /** Makes sure that both processes run. */
  calm(): void
}

/** Starts both programs and makes a pool named "torture". */
export async function startHost(directory: string, rng: Rng): Promise<TortureHost> {
  const port = 20_000 + (process.pid % 20_000)
  const contextFile = join(directory, 'config.yaml')
  const tokenFile = join(directory, 'token')
  const pool = join(directory, 'pool')
  const devices = join(directory, 'devices')
  await mkdir(pool)
  const run: Record<Victim, () => Program> = {
    coordinator: () =>
      start('keelson-coordinator', [
        'run',
        ...['--data', join(directory, 'coordinator'), '--listen', `127.0.0.1:${port}`],
        ...['--cli-context', contextFile, '--log-level', 'warn'],
      ]),
    agent: () =>
      start('keelson-agent', [
        'run',
        ...['--data', join(directory, 'agent'), '--server', `127.0.0.1:${port}`],
        ...['--node', 'torture', '--join-token-file', tokenFile, '--device-dir', devices],
        ...['--log-level', 'warn'],
      ]),
  }
  const programs: Partial<Record<Victim, Program>> = { coordinator: run.coordinator() }
  const { server, authority, token } = await access(contextFile)
  const client = connect(server, authority, token)
  const joinToken = await until('the coordinator', () =>
    client
      .call(ClusterServiceService.createJoinToken, { validForSeconds: 3600, uses: 0, node: '' })
      .catch(() => undefined),
  )
  await writeFile(tokenFile, joinToken.token, { mode: 0o600 })
  programs.agent = run.agent()
  await until('the agent', () =>
    client.call(NodeServiceService.getNode, { name: 'torture' }).then(
      ({ node }) => (node?.status?.phase === 2 ? true : undefined),
      () => undefined,
    ),
  )
  await client.call(StoragePoolServiceService.createStoragePool, {
    name: 'torture',
    labels: {},
    dryRun: false,
    spec: { node: 'torture', kind: 6, path: pool, overcommitPercent: 1000 },
  })
  await until('the pool', async () => {
    const { storagePool } = await client.call(StoragePoolServiceService.getStoragePool, {
      name: 'torture',
      node: '',
    })
    return storagePool?.status?.phase === 2 ? true : undefined
  })

  return {
    client,
    pool,
    devices,
    async dataFiles() {
      const entries = await readdir(pool, { recursive: true, withFileTypes: true })
      return entries
        .filter((entry) => entry.isFile() && entry.parentPath.endsWith('/volumes'))
        .map((entry) => entry.name)
        .filter((name) => name.endsWith('.img'))
    },
    async kill(victim) {
      await programs[victim]?.stop('SIGKILL')
      await delay(rng.next() * 50)
      programs[victim] = run[victim]()
    },
    calm() {
      for (const victim of ['coordinator', 'agent'] as const)
        if (!programs[victim]?.running) programs[victim] = run[victim]()
    },
    async [Symbol.asyncDispose]() {
      client.close()
      await programs.agent?.stop()
      await programs.coordinator?.stop()
    },
  }
}
