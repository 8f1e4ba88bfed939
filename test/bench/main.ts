/**
 * `make bench`: speed and memory, each beside a peer or a limit measured in the same run on the
 * same machine. Numbers are printed, never asserted: a busy machine is not a broken product.
 */
import { writeFile } from 'node:fs/promises'
import { cpus, hostname, totalmem } from 'node:os'
import { join } from 'node:path'
import { openLmdbStore } from '@keelson/coordinator/store'
import { VolumeServiceService } from '@keelson/shared/api'
import { createAuthority, issueServerCertificate, loadAuthority } from '@keelson/shared/pki'
import { systemClock, systemRng } from '@keelson/shared/runtime'
import { connect, start, temporaryDirectory, until } from '../programs/index.ts'
import { benchAgent } from './agent.ts'
import { createVolume, startCluster } from './cluster.ts'
import { EMPTY } from './empty-call.ts'
import { formatRate, print, printGoal, type Rate, rate } from './measure.ts'

const CONCURRENCY = [1, 16, 128]
const RUN_MS = Number(process.env.BENCH_MS ?? 5_000)
const HOSTS = Number(process.env.BENCH_HOSTS ?? 1_000)
const VOLUMES = Number(process.env.BENCH_VOLUMES ?? 20_000)

print('machine', `${cpus()[0]?.model} × ${cpus().length}, ${Math.round(totalmem() / 2 ** 30)} GiB`)
print('node', process.version)
print('host', hostname())

if (!process.env.BENCH_SKIP_AGENT) await benchAgent()
const empty = await benchEmptyCall()
await benchEngine()
await benchCoordinator(empty)

/** What grpc-js itself can do: nothing in, nothing out, over TLS. */
async function benchEmptyCall(): Promise<ReadonlyMap<number, Rate>> {
  await using temporary = await temporaryDirectory()
  const directory = temporary.path
  const options = { clock: systemClock, rng: systemRng }
  const authority = await loadAuthority(
    await createAuthority({ ...options, name: 'bench authority' }),
    options,
  )
  const pair = await issueServerCertificate(authority, {
    commonName: 'bench',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    validForMs: 3_600_000,
  })
  await writeFile(join(directory, 'cert.pem'), pair.certificatePem)
  await writeFile(join(directory, 'key.pem'), pair.privateKeyPem, { mode: 0o600 })
  const port = 20_000 + (process.pid % 10_000)
  const server = start('test/bench/empty-server.ts', [
    join(directory, 'cert.pem'),
    join(directory, 'key.pem'),
    String(port),
  ])
  const client = connect(`localhost:${port}`, authority.certificatePem)
  await until('the empty server', () =>
    client.call(EMPTY, Buffer.alloc(0)).then(
      () => true,
      () => undefined,
    ),
  )
  const rates = new Map<number, Rate>()
  for (const concurrency of CONCURRENCY) {
    const result = await rate(concurrency, RUN_MS, () => client.call(EMPTY, Buffer.alloc(0)))
    rates.set(concurrency, result)
    print(`empty grpc-js call over TLS, concurrency ${concurrency}`, formatRate(result))
  }
  client.close()
  await server.stop()
  return rates
}

/** What the embedded engine can do: a transaction like that of a volume, durable. */
async function benchEngine(): Promise<void> {
  await using temporary = await temporaryDirectory()
  const directory = temporary.path
  const store = await openLmdbStore({ directory: join(directory, 'store') })
  const value = 'x'.repeat(600)
  for (const concurrency of CONCURRENCY) {
    const result = await rate(concurrency, RUN_MS / 2, (index) =>
      store.commit({
        guards: [],
        operations: [
          { type: 'put', key: `volume/v${concurrency}-${index}`, value },
          { type: 'put', key: `event/${concurrency}-${index}`, value: value.slice(300) },
          {
            type: 'put',
            key: `generation/n${index % HOSTS}`,
            value: '{"v":1,"r":{"generation":1}}',
          },
        ],
      }),
    )
    print(`lmdb engine, durable, concurrency ${concurrency}`, formatRate(result))
  }
  await store.close()
}

/** The whole way: gRPC, placement over all hosts, durable, reply. */
async function benchCoordinator(empty: ReadonlyMap<number, Rate>): Promise<void> {
  await using cluster = await startCluster(HOSTS)
  const { client } = cluster
  print(`coordinator with ${HOSTS} simulated hosts`, `${await cluster.memory()} resident`)
  let unary = 0
  for (const concurrency of CONCURRENCY) {
    const before = await cluster.cpuSeconds()
    let created = 0
    const result = await rate(concurrency, RUN_MS, (index) => {
      created++
      return client.call(
        VolumeServiceService.createVolume,
        createVolume(`u${concurrency}-${index}`),
      )
    })
    unary = result.perSecond
    print(`volume creates, concurrency ${concurrency}`, formatRate(result))
    await cluster.quiet()
    const after = await cluster.cpuSeconds()
    const each = (from: number, to: number) => `${Math.round(((to - from) * 1e6) / created)} µs`
    const coordinator = each(before.coordinator, after.coordinator)
    const hosts = each(before.hosts, after.hosts)
    print(
      '  CPU for each, until it is made on its host',
      `coordinator ${coordinator}, hosts ${hosts}`,
    )
  }
  const share = unary / empty.get(128)!.perSecond
  printGoal(
    'creates / empty calls, both at 128',
    `${(share * 100).toFixed(0)} %`,
    share >= 0.6,
    '≥ 60 %',
  )
  const batches = await rate(4, RUN_MS, (index) =>
    client.call(VolumeServiceService.batchCreateVolumes, {
      requests: Array.from({ length: 64 }, (_, at) => createVolume(`b${index}-${at}`)),
    }),
  )
  const batched = batches.perSecond * 64
  print(
    'batch creates of 64, 4 under way',
    `${Math.round(batched).toLocaleString('en-US')} volumes/s`,
  )
  const gain = batched / unary
  printGoal('batch of 64 / unary at 128', `${gain.toFixed(1)} ×`, gain >= 5, '≥ 5 ×')
  await cluster.quiet()
  if (VOLUMES > 0) await cluster.report(VOLUMES)
}
