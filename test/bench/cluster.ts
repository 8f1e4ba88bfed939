/** A real coordinator and a real simulated-host process, as the measurements need them. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  ClusterServiceService,
  CreateVolumeRequest,
  NodeServiceService,
  StoragePoolServiceService,
  VolumeServiceService,
} from '@keelson/shared/api'
import { formatSize } from '@keelson/shared/model'
import {
  access,
  connect,
  type PlainClient,
  type Program,
  start,
  temporaryDirectory,
  until,
} from '../programs/index.ts'
import { formatRate, print, printGoal, rate } from './measure.ts'

/** A cluster under measurement. */
export interface BenchCluster extends AsyncDisposable {
  readonly client: PlainClient
  /** Resident memory of the coordinator, for printing. */
  memory(): Promise<string>
  /** User and system time so far, in seconds. */
  cpuSeconds(): Promise<{ readonly coordinator: number; readonly hosts: number }>
  /** Waits until every volume is made and the processes rest. */
  quiet(): Promise<void>
  /** Measures listing, restart and memory with about `volumes` volumes. */
  report(volumes: number): Promise<void>
}

/** A request for a small volume of one replica. */
export function createVolume(name: string): CreateVolumeRequest {
  const spec = { sizeBytes: 16n * 1024n * 1024n, replicas: 1 }
  return CreateVolumeRequest.fromPartial({ name, spec })
}

/** Starts a coordinator and `hosts` simulated hosts with a pool each. */
export async function startCluster(hosts: number): Promise<BenchCluster> {
  const temporary = await temporaryDirectory()
  const directory = temporary.path
  const port = 30_000 + (process.pid % 10_000)
  const contextFile = join(directory, 'config.yaml')
  const run = () =>
    start('keelson-coordinator', [
      'run',
      ...['--data', join(directory, 'coordinator')],
      ...['--listen', `127.0.0.1:${port}`],
      ...['--cli-context', contextFile],
      ...['--log-level', 'warn'],
    ])
  let coordinator = run()
  const { server, authority, token } = await access(contextFile)
  const client = connect(server, authority, token)
  const answers = () =>
    client.call(ClusterServiceService.getClusterStatus, {}).then(
      ({ status }) => status,
      () => undefined,
    )
  await until('the coordinator', answers)
  const join_ = await client.call(ClusterServiceService.createJoinToken, {
    validForSeconds: 3600,
    uses: 0,
    node: '',
  })
  await writeFile(join(directory, 'token'), join_.token, { mode: 0o600 })
  const sim = start('keelson-sim-agent', [
    'run',
    ...['--data', join(directory, 'sim')],
    ...['--server', server],
    ...['--join-token-file', join(directory, 'token')],
    ...['--count', String(hosts), '--racks', '25', '--pool-size', '100TiB', '--ephemeral'],
    ...['--log-level', 'warn'],
  ])
  await until(
    `${hosts} hosts online`,
    async () => ((await answers())?.counts['nodes.online'] === BigInt(hosts) ? true : undefined),
    300_000,
  )
  await createPools(client)
  await until(
    'all pools ready',
    async () => ((await answers())?.counts['pools.ready'] === BigInt(hosts) ? true : undefined),
    120_000,
  )

  async function quiet(): Promise<void> {
    await until(
      'every volume to be made',
      async () => {
        const counts = (await answers())?.counts
        return counts && counts.volumes === (counts['volumes.ready'] ?? 0n) ? true : undefined
      },
      300_000,
    )
  }

  return {
    client,
    quiet,
    cpuSeconds: async () => ({
      coordinator: await coordinator.cpuSeconds(),
      hosts: await sim.cpuSeconds(),
    }),
    memory: async () => formatSize(await coordinator.residentBytes()),
    async report(volumes) {
      const count = await fill(client, volumes, quiet, answers)
      print('volumes in the cluster', String(count))
      const pages = await rate(1, 3_000, () =>
        client.call(VolumeServiceService.listVolumes, {
          labelSelector: '',
          nameFilter: '',
          pageSize: 500,
          pageToken: '',
          node: '',
        }),
      )
      print('volume list, page of 500', formatRate(pages))
      printGoal('  median', `${pages.p50Ms.toFixed(0)} ms`, pages.p50Ms <= 50, '≤ 50 ms')
      await coordinator.stop('SIGKILL')
      const began = performance.now()
      coordinator = run()
      const status = await until('the coordinator to serve again', answers)
      const seconds = (performance.now() - began) / 1000
      printGoal(
        'restart after kill -9 to serving',
        `${seconds.toFixed(1)} s`,
        seconds <= 5,
        '≤ 5 s',
      )
      print('  of that in the coordinator', `${status.startMs} ms`)
      await idle(coordinator, sim)
    },
    async [Symbol.asyncDispose]() {
      client.close()
      await sim.stop()
      await coordinator.stop()
      await temporary[Symbol.asyncDispose]()
    },
  }
}

async function createPools(client: PlainClient): Promise<void> {
  let pageToken = ''
  do {
    const page = await client.call(NodeServiceService.listNodes, {
      labelSelector: '',
      nameFilter: '',
      pageSize: 1000,
      pageToken,
    })
    await Promise.all(
      page.nodes.map((node) =>
        client.call(StoragePoolServiceService.createStoragePool, {
          name: 'local',
          labels: {},
          dryRun: false,
          spec: { node: node.meta!.name, kind: 6, path: '/pool', overcommitPercent: 0 },
        }),
      ),
    )
    pageToken = page.nextPageToken
  } while (pageToken !== '')
}

/** Creates what is missing to `volumes`; what earlier measurements made stays. */
async function fill(
  client: PlainClient,
  volumes: number,
  quiet: () => Promise<void>,
  answers: () => Promise<{ counts: Record<string, bigint> } | undefined>,
): Promise<number> {
  let count = Number((await answers())?.counts.volumes ?? 0n)
  for (let batch = 0; count < volumes; batch++) {
    const size = Math.min(64, volumes - count)
    const requests = Array.from({ length: size }, (_, at) => createVolume(`f${batch}-${at}`))
    await client.call(VolumeServiceService.batchCreateVolumes, { requests })
    count += size
  }
  await quiet()
  return count
}

/** What the coordinator costs when nothing happens. */
async function idle(coordinator: Program, sim: Program): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 10_000))
  const [before, simBefore] = [await coordinator.cpuSeconds(), await sim.cpuSeconds()]
  await new Promise((resolve) => setTimeout(resolve, 15_000))
  const share = ((await coordinator.cpuSeconds()) - before) / 15
  const simShare = ((await sim.cpuSeconds()) - simBefore) / 15
  print('coordinator at rest', `${(share * 100).toFixed(1)} % of a core`)
  print('simulated hosts at rest', `${(simShare * 100).toFixed(1)} % of a core`)
  print('coordinator resident', formatSize(await coordinator.residentBytes()))
}
