/**
 * `make torture`: creates, grows and deletes volumes on this host while `kill -9` hits coordinator
 * and agent at random. Whatever was acknowledged must be there afterwards, with its data; whatever
 * was deleted must be gone; nothing may be left over; and the cluster must verify clean.
 *
 * The seed is printed and can be given again (`--seed`): it repeats the same choices, though the
 * machine's timing stays its own.
 */
import { createHash } from 'node:crypto'
import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import {
  ClusterServiceService,
  CreateVolumeRequest,
  VolumeServiceService,
} from '@keelson/shared/api'
import type { UnaryMethod } from '@keelson/shared/grpc'
import { seededRng } from '@keelson/shared/runtime'
import { temporaryDirectory, until } from '../programs/index.ts'
import { startHost, type TortureHost } from './host.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '200' }, seed: { type: 'string' } },
})
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const rounds = Number(values.rounds)
const rng = seededRng(seed)
/** Volumes alive at a time; each takes a loop device. */
const MOST_VOLUMES = 24
const SIZE_BYTES = 8n * 1024n * 1024n

/** gRPC codes: nothing there; and those that say nothing about what happened. */
const NOT_FOUND = 5
const UNANSWERED = [1, 4, 14]

/** What was acknowledged: name to size. */
const expected = new Map<string, bigint>()
/** Names whose deletion was acknowledged. */
const deleted = new Set<string>()
/** Names with data on their device. */
const written = new Set<string>()

process.stdout.write(`torture: ${rounds} rounds, seed ${seed}\n`)
await using temporary = await temporaryDirectory()
const directory = temporary.path
await using host = await startHost(directory, rng)
let kills = 0
for (let round = 0; round < rounds; round++) {
  const work = workload(round)
  await delay(rng.next() * 150)
  kills += await killSomething(host)
  await work
  if (round % 10 === 9) {
    await writeSome(host)
    process.stdout.write(`  round ${round + 1}: ${expected.size} volumes, ${kills} kills\n`)
  }
}
await settle(host)
const problems = [
  ...(await checkVolumes(host)),
  ...(await checkLeftovers(host, expected.size)),
  ...(await verify(host)),
]
for (const name of [...expected.keys()]) await remove(name)
await until(
  'every volume to be gone',
  async () => ((await listVolumes()).length === 0 ? true : undefined),
  120_000,
)
problems.push(...(await checkLeftovers(host, 0)))
for (const problem of problems) process.stdout.write(`  PROBLEM ${problem}\n`)
process.stdout.write(
  `torture: ${rounds} rounds, ${kills} kills, seed ${seed}: ${problems.length === 0 ? 'nothing lost, nothing left over' : `${problems.length} problems`}\n`,
)
process.exitCode = problems.length === 0 ? 0 : 1

/** One to three changes; each is asked for until it is acknowledged. */
async function workload(round: number): Promise<void> {
  const count = 1 + Math.floor(rng.next() * 3)
  for (let index = 0; index < count; index++) {
    const names = [...expected.keys()]
    const dice = rng.next()
    const name = names[Math.floor(rng.next() * names.length)]
    if (name !== undefined && (names.length >= MOST_VOLUMES || dice < 0.25)) await remove(name)
    else if (name !== undefined && dice < 0.4) await grow(name)
    else await create(`t-${round}-${index}`)
  }
}

async function create(name: string): Promise<void> {
  const spec = { sizeBytes: SIZE_BYTES, pool: 'torture', replicas: 1 }
  const request = CreateVolumeRequest.fromPartial({ name, spec })
  await insist(VolumeServiceService.createVolume, request)
  expected.set(name, SIZE_BYTES)
}

async function grow(name: string): Promise<void> {
  const sizeBytes = expected.get(name)! + 1024n * 1024n
  await insist(VolumeServiceService.resizeVolume, { name, sizeBytes, dryRun: false })
  expected.set(name, sizeBytes)
}

async function remove(name: string): Promise<void> {
  // A deletion whose reply was lost may find nothing the second time: that is an acknowledgement.
  await insist(VolumeServiceService.deleteVolume, { name, dryRun: false }, NOT_FOUND)
  expected.delete(name)
  written.delete(name)
  deleted.add(name)
}

/** Calls until there is an answer that is not "I am not there". */
async function insist<Req, Res>(
  method: UnaryMethod<Req, Res>,
  request: Req,
  fine?: number,
): Promise<Res | undefined> {
  for (let tries = 0; ; tries++) {
    try {
      return await host.client.call(method, request)
    } catch (error) {
      const { code } = error as { code: number }
      if (code === fine) return undefined
      if (!UNANSWERED.includes(code) || tries > 600) throw error
      await delay(50)
    }
  }
}

/** Kills the coordinator, the agent, or both, and starts them again. */
async function killSomething(target: TortureHost): Promise<number> {
  const dice = rng.next()
  const victims = dice < 0.4 ? ['coordinator'] : dice < 0.8 ? ['agent'] : ['coordinator', 'agent']
  for (const victim of victims) await target.kill(victim as 'coordinator' | 'agent')
  return victims.length
}

async function listVolumes() {
  const page = await insist(VolumeServiceService.listVolumes, {
    labelSelector: '',
    nameFilter: '',
    pageSize: 1000,
    pageToken: '',
    node: '',
  })
  return page!.volumes
}

/** Waits until every volume is as it should be. */
async function settle(target: TortureHost): Promise<void> {
  target.calm()
  await until(
    'every volume to be ready',
    async () => {
      const volumes = await listVolumes()
      const ready = volumes.every(
        (volume) =>
          volume.status?.phase === 2 && volume.status.actualSizeBytes === volume.spec?.sizeBytes,
      )
      return ready && volumes.length === expected.size ? true : undefined
    },
    120_000,
  ).catch(() => undefined)
}

/** Puts recognisable data on the devices that are there. */
async function writeSome(target: TortureHost): Promise<void> {
  for (const name of expected.keys()) {
    if (written.has(name)) continue
    const device = await open(join(target.devices, name), 'r+').catch(() => undefined)
    if (!device) continue
    await device.write(mark(name), 0, 4096, 4096)
    await device.sync()
    await device.close()
    written.add(name)
  }
}

function mark(name: string): Buffer {
  const digest = createHash('sha256').update(name).digest()
  return Buffer.concat(Array.from({ length: 128 }, () => digest))
}

async function checkVolumes(target: TortureHost): Promise<string[]> {
  const problems: string[] = []
  const volumes = new Map((await listVolumes()).map((volume) => [volume.meta!.name, volume]))
  for (const [name, sizeBytes] of expected) {
    const volume = volumes.get(name)
    if (!volume) {
      problems.push(`volume ${name} was acknowledged and is not there`)
      continue
    }
    const [replica] = volume.status!.replicas
    if (volume.status!.phase !== 2)
      problems.push(`volume ${name} is in phase ${volume.status!.phase}: ${replica?.message}`)
    if (volume.spec!.sizeBytes !== sizeBytes)
      problems.push(`volume ${name} has ${volume.spec!.sizeBytes} bytes, acknowledged ${sizeBytes}`)
    if (written.has(name) && !(await read(join(target.devices, name))).equals(mark(name)))
      problems.push(`volume ${name} has lost its data`)
  }
  for (const name of volumes.keys())
    if (deleted.has(name)) problems.push(`volume ${name} was deleted and is there`)
  return problems
}

async function read(path: string): Promise<Buffer> {
  const buffer = Buffer.alloc(4096)
  const device = await open(path, 'r')
  await device.read(buffer, 0, 4096, 4096)
  await device.close()
  return buffer
}

/** Data files, loop devices and device links must be as many as there are volumes. */
async function checkLeftovers(target: TortureHost, count: number): Promise<string[]> {
  const found = {
    'data files': (await target.dataFiles()).length,
    'loop devices': (await loops(target.pool)).length,
    'device links': (await readdir(target.devices)).length,
  }
  return Object.entries(found)
    .filter(([, number]) => number !== count)
    .map(([what, number]) => `${number} ${what} for ${count} volumes`)
}

async function loops(pool: string): Promise<string[]> {
  const names = (await readdir('/sys/block')).filter((name) => name.startsWith('loop'))
  const files = names.map((name) =>
    readFile(`/sys/block/${name}/loop/backing_file`, 'utf8').catch(() => ''),
  )
  return (await Promise.all(files)).filter((file) => file.startsWith(`${pool}/`))
}

async function verify(_target: TortureHost): Promise<string[]> {
  const result = await insist(ClusterServiceService.verifyCluster, {})
  return result!.violations.map(({ rule, subject, message }) => `${rule} ${subject}: ${message}`)
}
