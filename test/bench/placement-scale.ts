/**
 * Placement at scale, without a coordinator around it: speed, memory, how full a fleet gets, and
 * what coming and going leaves of its room for large machines. Speed is counted in CPU time.
 * `BENCH_PLACEMENT_HOSTS=1000,5000` chooses the sizes, `BENCH_PLACEMENT_DECISIONS` the length.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  applyChoice,
  type Chooser,
  createChooser,
} from '../../coordinator/src/placement/choose/index.ts'
import type { Fleet, MachineRequest } from '../../coordinator/src/placement/fleet/index.ts'
import { print } from './measure.ts'
import {
  createBenchFleet,
  createChance,
  createStream,
  type StreamKind,
  type StreamOptions,
} from './placement-fleet.ts'

/** How much is measured. */
export interface PlacementScaleOptions {
  readonly hostCounts: readonly number[]
  /** Decisions of each measurement of speed, at most three per host. */
  readonly decisions: number
}

/** What deciding took. */
interface Speed {
  readonly perSecond: number
  readonly p50Us: number
  readonly p99Us: number
  readonly p999Us: number
  readonly placed: number
}

/** A way to ask, for the measurements of speed. */
interface Workload {
  readonly name: string
  readonly stream: Omit<StreamOptions, 'seed'>
  /** Different requests that go round; 0 takes them as they come. */
  readonly shapes: number
  /** Machines per host before the measurement. */
  readonly before: number
}

const WORKLOADS: readonly Workload[] = [
  {
    name: 'a volume of 3 replicas, 8 shapes',
    stream: { kind: 'easy', standby: 'None', volumes: 1, replicas: 3 },
    shapes: 8,
    before: 0,
  },
  {
    name: 'the same, 48 shapes, half full',
    stream: { kind: 'easy', standby: 'None', volumes: 1, replicas: 3 },
    shapes: 48,
    before: 3,
  },
  {
    name: 'the same, hundreds of shapes, half full',
    stream: { kind: 'easy', standby: 'None', volumes: 1 },
    shapes: 0,
    before: 3,
  },
  {
    name: 'two volumes, 8 shapes, half full',
    stream: { kind: 'easy', standby: 'None', volumes: 2 },
    shapes: 8,
    before: 3,
  },
  {
    name: 'with a standby, 20 shapes, half full',
    stream: { kind: 'easy', standby: 'Replica', volumes: 1 },
    shapes: 20,
    before: 3,
  },
]

/** Measures and prints all of it. */
export function benchPlacementScale({ decisions, hostCounts }: PlacementScaleOptions): void {
  for (const workload of WORKLOADS) {
    let last: { readonly hosts: number; readonly speed: Speed } | undefined
    for (const hosts of hostCounts) {
      const speed = measureSpeed(workload, hosts, decisions)
      print(`${workload.name}, ${hosts} hosts`, formatSpeed(speed))
      if (last) printGrowth(last, { hosts, speed })
      last = { hosts, speed }
    }
  }
  for (const hosts of hostCounts) print(`memory, ${hosts} hosts`, measureMemory(hosts))
  for (const kind of ['easy', 'hard'] as const)
    for (const seed of [1, 2])
      print(`how full, ${kind}, 1000 hosts, seed ${seed}`, fill(kind, seed))
  for (const hosts of hostCounts.slice(0, 1)) churn(hosts)
}

function measureSpeed(workload: Workload, hostCount: number, decisions: number): Speed {
  const fleet = createBenchFleet(hostCount, 1)
  const chooser = createChooser(fleet)
  const next = createStream(fleet, { ...workload.stream, seed: 2 })
  for (let i = 0; i < workload.before * hostCount; i++) place(fleet, chooser, next())
  const shapes = Array.from({ length: workload.shapes }, next)
  const count = Math.min(decisions, 3 * hostCount)
  const requests = Array.from({ length: count }, (_, i) => {
    const request = next()
    const shape = shapes[i % shapes.length] ?? request
    const volumes = shape.volumes.map((one, index) => ({ ...request.volumes[index]!, ...one }))
    const named = volumes.map((one, index) => ({ ...one, name: request.volumes[index]!.name }))
    return { ...shape, name: request.name, seed: request.seed, volumes: named }
  })
  const warm = requests.splice(0, Math.floor(count / 5))
  for (const request of warm) place(fleet, chooser, request)
  const delaysUs: number[] = []
  let placed = 0
  const cpu = process.cpuUsage()
  for (const request of requests) {
    const began = performance.now()
    if (place(fleet, chooser, request)) placed++
    delaysUs.push((performance.now() - began) * 1000)
  }
  const { system, user } = process.cpuUsage(cpu)
  delaysUs.sort((a, b) => a - b)
  const at = (share: number) => delaysUs[Math.floor((delaysUs.length - 1) * share)]!
  return {
    perSecond: (requests.length * 1e6) / (user + system),
    p50Us: at(0.5),
    p99Us: at(0.99),
    p999Us: at(0.999),
    placed: placed / requests.length,
  }
}

/** Decides and applies; whether there was a place. */
function place(fleet: Fleet, chooser: Chooser, request: MachineRequest): boolean {
  const choice = chooser.choose(request)
  if (choice) applyChoice(fleet, request, choice)
  return choice !== null
}

function formatSpeed({ p50Us, p999Us, p99Us, perSecond, placed }: Speed): string {
  const delays = [p50Us, p99Us, p999Us].map((us) => us.toFixed(0).padStart(5))
  const rate = Math.round(perSecond).toLocaleString('en-US').padStart(8)
  const refused = placed < 1 ? `   ${((1 - placed) * 100).toFixed(1)} % refused` : ''
  return `${rate}/s   p50 ${delays[0]}  p99 ${delays[1]}  p99.9 ${delays[2]} µs${refused}`
}

function printGrowth(
  before: { readonly hosts: number; readonly speed: Speed },
  after: { readonly hosts: number; readonly speed: Speed },
): void {
  const hosts = after.hosts / before.hosts
  const work = before.speed.perSecond / after.speed.perSecond
  print('', `${hosts.toFixed(1)} times the hosts, ${work.toFixed(2)} times the work`)
}

/** What a fleet with ten machines per host and its chooser hold on to. */
function measureMemory(hostCount: number): string {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const held = () => {
    collect()
    const { arrayBuffers, heapUsed } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const before = held()
  const fleet = createBenchFleet(hostCount, 1)
  const chooser = createChooser(fleet)
  const next = createStream(fleet, { kind: 'easy', standby: 'Replica', volumes: 1, seed: 2 })
  const empty = held()
  let placed = 0
  for (let i = 0; i < hostCount * 10; i++) if (place(fleet, chooser, small(next()))) placed++
  const full = held()
  // Asked once more, so that neither is collected before it was counted.
  if (place(fleet, chooser, small(next()))) placed++
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`
  return `${mib(full - before)} with ${placed} machines, ${mib(empty - before)} without`
}

/** A machine of which ten fit every host. */
function small(request: MachineRequest): MachineRequest {
  return {
    ...request,
    amounts: request.amounts.map((one) => ({ ...one, amount: Math.ceil(one.amount / 16) })),
    volumes: request.volumes.map((one) => ({ ...one, pools: undefined })),
  }
}

function memoryShare({ columns }: Fleet): number {
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0)
  return sum(columns[0]!.used) / sum(columns[0]!.capacity)
}

/** Places until one request in a hundred was refused. */
function fill(kind: StreamKind, seed: number): string {
  const fleet = createBenchFleet(1_000, seed)
  const chooser = createChooser(fleet)
  const next = createStream(fleet, { kind, seed: seed + 1, standby: 'None', volumes: 1 })
  let asked = 0
  let refused = 0
  let first = 0
  while (asked < 500 || refused * 100 < asked) {
    asked++
    if (place(fleet, chooser, next())) continue
    refused++
    first ||= asked
  }
  const share = (memoryShare(fleet) * 100).toFixed(1)
  return `${share} % of memory at 1 % refused (${asked} asked, first refused ${first})`
}

const DAYS = 60

/** Days of machines that come and go, with a rack that fails every tenth day. */
function churn(hostCount: number): void {
  const fleet = createBenchFleet(hostCount, 1)
  const chooser = createChooser(fleet)
  const chance = createChance(5)
  const next = createStream(fleet, { kind: 'hard', seed: 6, standby: 'None', volumes: 1 })
  const requests = new Map<string, MachineRequest>()
  const counts = { asked: 0, refused: 0, lost: 0, moved: 0 }
  const add = (request: MachineRequest) => {
    counts.asked++
    if (place(fleet, chooser, request)) requests.set(request.name, request)
    else counts.refused++
  }
  for (let day = 0; day <= DAYS; day++) {
    while (memoryShare(fleet) < 0.75) add(next())
    if (day % 10 === 0) {
      print(`churn, ${hostCount} hosts, day ${day}`, describeFleet(fleet, counts))
      if (day > 0) failRack(fleet, chooser, requests, Math.floor(chance() * 25), counts)
    }
    for (const [name, request] of requests)
      if (chance() < 0.1) {
        remove(fleet, request)
        requests.delete(name)
      }
  }
}

function remove(fleet: Fleet, { name, volumes }: MachineRequest): void {
  fleet.removeMachine(name)
  for (const volume of volumes) fleet.removeVolume(volume.name)
}

/** Everything that ran in a rack finds places elsewhere, then the rack comes back empty. */
function failRack(
  fleet: Fleet,
  chooser: Chooser,
  requests: Map<string, MachineRequest>,
  rack: number,
  counts: { lost: number; moved: number },
): void {
  const domains = fleet.domainsOf('rack')
  const rows = [...domains.keys()].filter((row) => domains[row] === rack)
  const gone = [...fleet.machines.values()].filter(({ host }) => domains[host] === rack)
  for (const row of rows) for (const column of [0, 1]) fleet.setCapacity(row, column, 0)
  for (const { name } of gone) {
    const request = requests.get(name)!
    remove(fleet, request)
    if (place(fleet, chooser, request)) counts.moved++
    else {
      counts.lost++
      requests.delete(name)
    }
  }
  for (const row of rows)
    for (const [column, name] of ['memory', 'cpu'].entries())
      fleet.setCapacity(row, column, fleet.hosts[row]!.capacity[name]!)
}

function describeFleet(
  fleet: Fleet,
  { asked, lost, moved, refused }: { asked: number; lost: number; moved: number; refused: number },
): string {
  const { capacity, used } = fleet.columns[0]!
  const free = capacity.map((bytes, row) => bytes - used[row]!)
  const holes = (gib: number) =>
    free.reduce((sum, one) => sum + Math.floor(one / (gib * 2 ** 30)), 0)
  const part = ((refused / asked) * 100).toFixed(2)
  return (
    `room for ${holes(256)} of 256 GiB, ${holes(64)} of 64 GiB; ` +
    `${part} % of ${asked} refused, ${moved} moved, ${lost} lost`
  )
}

if (import.meta.main)
  benchPlacementScale({
    hostCounts: (process.env.BENCH_PLACEMENT_HOSTS ?? '1000,5000,10000').split(',').map(Number),
    decisions: Number(process.env.BENCH_PLACEMENT_DECISIONS ?? 15_000),
  })
