/** What the agent of this very host costs: time to the first report, memory and CPU at rest. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClusterServiceService, NodeServiceService } from '@keelson/shared/api'
import { formatSize } from '@keelson/shared/model'
import { access, connect, start, temporaryDirectory, until } from '../programs/index.ts'
import { print, printGoal } from './measure.ts'

const SECTIONS = 8
const REST_MS = Number(process.env.BENCH_REST_MS ?? 45_000)

/** Measures a real agent with a real coordinator. */
export async function benchAgent(): Promise<void> {
  await using temporary = await temporaryDirectory()
  const directory = temporary.path
  const contextFile = join(directory, 'config.yaml')
  const port = 40_000 + (process.pid % 10_000)
  const coordinator = start('keelson-coordinator', [
    'run',
    ...['--data', join(directory, 'coordinator'), '--listen', `127.0.0.1:${port}`],
    ...['--cli-context', contextFile, '--log-level', 'warn'],
  ])
  const { server, authority, token } = await access(contextFile)
  const client = connect(server, authority, token)
  const status = () =>
    client.call(ClusterServiceService.getClusterStatus, {}).then(
      (response) => response.status,
      () => undefined,
    )
  await until('the coordinator', status)
  const joinToken = await client.call(ClusterServiceService.createJoinToken, {
    validForSeconds: 600,
    uses: 0,
    node: '',
  })
  await writeFile(join(directory, 'token'), joinToken.token, { mode: 0o600 })
  const run = (node: string) =>
    start('keelson-agent', [
      'run',
      ...['--data', join(directory, node), '--server', server, '--node', node],
      ...['--join-token-file', join(directory, 'token'), '--log-level', 'warn'],
    ])
  const hardwareOf = (node: string) => () =>
    client.call(NodeServiceService.getNodeHardware, { node, sections: [] }).then(
      ({ hardware }) => ((hardware?.sections.length ?? 0) >= SECTIONS ? true : undefined),
      () => undefined,
    )
  // The first start on a machine strips types; what counts for an operator is every start after it.
  const first = run('warm')
  await until('the first start', hardwareOf('warm'))
  await first.stop()
  const began = performance.now()
  const agent = run('bench')
  await until('the first report', hardwareOf('bench'))
  const firstMs = performance.now() - began
  printGoal(
    'agent start to full hardware report',
    `${firstMs.toFixed(0)} ms`,
    firstMs < 1000,
    '< 1000 ms',
  )
  await new Promise((resolve) => setTimeout(resolve, 10_000))
  const [cpu, revision] = [await agent.cpuSeconds(), (await status())!.revision]
  await new Promise((resolve) => setTimeout(resolve, REST_MS))
  const share = ((await agent.cpuSeconds()) - cpu) / (REST_MS / 1000)
  const resident = await agent.residentBytes()
  printGoal('agent at rest, CPU', `${(share * 100).toFixed(2)} %`, share <= 0.005, '≤ 0.5 %')
  printGoal('agent at rest, memory', formatSize(resident), resident <= 90 * 2 ** 20, '≤ 90 MiB')
  print('transactions caused while at rest', String((await status())!.revision - revision))
  client.close()
  await agent.stop()
  await coordinator.stop()
}
