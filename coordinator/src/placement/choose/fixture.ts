/** Small random fleets and requests, from a seed, and a search that tries everything. */
import {
  type Choice,
  createFleet,
  type DomainRule,
  type Fleet,
  type MachineRequest,
  type VolumeRequest,
} from '../fleet/index.ts'
import { type Costs, fromSteps } from './cost.ts'

/** Numbers in [0, 1) from a seed. */
export type Chance = () => number

/** The same numbers for the same seed. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
}

const below = (chance: Chance, limit: number) => Math.floor(chance() * limit)
const pick = <T>(chance: Chance, from: readonly T[]): T => from[below(chance, from.length)]!

/** A fleet of a few hosts in racks and zones, some without labels or pools, some with several. */
export function randomFleet(chance: Chance, mostHosts: number): Fleet {
  const hostCount = 2 + below(chance, mostHosts - 1)
  const racks = 1 + below(chance, 4)
  const hosts = Array.from({ length: hostCount }, (_, row) => ({
    name: `host-${row}`,
    labels: {
      ...(chance() < 0.9 && { rack: `r${row % racks}` }),
      ...(chance() < 0.9 && { zone: `z${(row % racks) % 2}` }),
    },
    capacity: { memory: 8 + below(chance, 40), cpu: 8 + below(chance, 30), gpu: below(chance, 3) },
  }))
  const pools = hosts.flatMap((_, host) =>
    Array.from({ length: pick(chance, [0, 1, 1, 1, 2]) }, (_, index) => ({
      name: `pool-${index}`,
      host,
      capacityBytes: 20 + below(chance, 80),
    })),
  )
  return createFleet({
    hosts,
    pools,
    columns: ['gpu'],
    standbyColumns: pick(chance, [['memory'], ['memory', 'cpu'], []]),
    lossLabel: pick(chance, ['', 'rack']),
  })
}

function randomRule(chance: Chance, fleet: Fleet): DomainRule {
  return {
    domains: fleet.domainsOf(pick(chance, ['rack', 'zone'])),
    mode: pick(chance, ['Different', 'Different', 'PreferDifferent', 'Same'] as const),
    maximumPerDomain: pick(chance, [1, 1, 2]),
  }
}

function randomMask(chance: Chance, count: number): Uint8Array | undefined {
  if (chance() < 0.7) return undefined
  return Uint8Array.from({ length: count }, () => Number(chance() < 0.8))
}

/** A volume for the fleet. */
export function randomVolume(chance: Chance, fleet: Fleet, name: string): VolumeRequest {
  return {
    name,
    sizeBytes: 1 + below(chance, 12),
    replicas: 1 + below(chance, 3),
    pools: randomMask(chance, fleet.poolCount),
    spread: Array.from({ length: pick(chance, [0, 1, 1, 2]) }, () => randomRule(chance, fleet)),
    preference:
      chance() < 0.2 ? Float64Array.from(fleet.hosts, () => below(chance, 3) / 4) : undefined,
  }
}

/** A machine for the fleet. */
export function randomMachine(chance: Chance, fleet: Fleet, name: string): MachineRequest {
  const count = pick(chance, [0, 1, 1, 2])
  const rows = Array.from({ length: fleet.hostCount }, (_, row) => row)
  return {
    name,
    amounts: [
      { column: 0, amount: 1 + below(chance, 5) },
      { column: 1, amount: 1 + below(chance, 4) },
      ...(chance() < 0.2 ? [{ column: 2, amount: 1 }] : []),
    ],
    hosts: randomMask(chance, fleet.hostCount),
    volumes: Array.from({ length: count }, (_, i) => randomVolume(chance, fleet, `${name}-${i}`)),
    attached: chance() < 0.2 ? [rows.filter(() => chance() < 0.6)] : [],
    locality: pick(chance, ['Required', 'Required', 'Preferred', 'Ignored'] as const),
    standby: pick(chance, ['None', 'Replica', 'Any'] as const),
    numa: undefined,
    preference:
      chance() < 0.2 ? Float64Array.from(fleet.hosts, () => below(chance, 3) / 4) : undefined,
    seed: below(chance, 1_000_000),
  }
}

/** Every way to choose pools for a volume, each on a host of its own, whatever the rules say. */
function* poolSets(fleet: Fleet, replicas: number, from = 0): Generator<readonly number[]> {
  if (replicas === 0) return yield []
  for (let pool = from; pool < fleet.poolCount; pool++)
    for (const others of poolSets(fleet, replicas - 1, pool + 1))
      if (others.every((other) => fleet.poolHost[other] !== fleet.poolHost[pool]))
        yield [pool, ...others]
}

/** What is wrong with a choice, in words; undefined if it keeps every rule. Uses no other code. */
export function broken(fleet: Fleet, request: MachineRequest, choice: Choice): string | undefined {
  const { host, pools, standby } = choice
  if (request.hosts?.[host] === 0) return 'the host is masked'
  for (const { amount, column } of request.amounts) {
    const { capacity, standby: book, used } = fleet.columns[column]!
    if (used[host]! + amount + (book?.reserve[host] ?? 0) > capacity[host]!)
      return `the host has too little ${column}`
  }
  const replicaHosts = pools.map((rows) => rows.map((pool) => fleet.poolHost[pool]!))
  const near = [...replicaHosts, ...request.attached]
  if (request.locality === 'Required' && near.some((rows) => !rows.includes(host)))
    return 'a volume is far'
  return brokenPools(fleet, request, pools) ?? brokenStandby(fleet, request, host, standby, near)
}

function brokenPools(
  fleet: Fleet,
  request: Pick<MachineRequest, 'volumes'>,
  pools: readonly (readonly number[])[],
): string | undefined {
  const promised = fleet.poolPromised.slice()
  for (const [index, volume] of request.volumes.entries()) {
    const rows = pools[index]!
    const hosts = rows.map((pool) => fleet.poolHost[pool]!)
    if (rows.length !== volume.replicas) return 'replicas are missing'
    if (new Set(hosts).size !== hosts.length) return 'two replicas on a host'
    for (const pool of rows) {
      if (volume.pools?.[pool] === 0) return 'a pool is masked'
      promised[pool]! += volume.sizeBytes
    }
    for (const rule of rows.length > 1 ? volume.spread : []) {
      const domains = hosts.map((host) => rule.domains[host]!)
      const most = Math.max(
        ...domains.map((one) => domains.filter((other) => other === one).length),
      )
      if (rule.mode === 'PreferDifferent') continue
      if (domains.includes(-1)) return 'a domain is unknown'
      if (rule.mode === 'Same' && new Set(domains).size > 1) return 'domains differ'
      if (rule.mode === 'Different' && most > rule.maximumPerDomain) return 'a domain is too full'
    }
  }
  if (pools.flat().some((pool) => promised[pool]! > fleet.poolCapacity[pool]!))
    return 'a pool is overfull'
  return undefined
}

function brokenStandby(
  fleet: Fleet,
  request: MachineRequest,
  host: number,
  standby: number,
  near: readonly (readonly number[])[],
): string | undefined {
  if (request.standby === 'None') return standby === -1 ? undefined : 'a standby nobody wants'
  if (standby < 0) return 'no standby'
  if (fleet.lossDomains[host] === fleet.lossDomains[standby]) return 'host and standby die together'
  if (request.hosts?.[standby] === 0) return 'the standby is masked'
  if (request.standby === 'Replica' && near.some((rows) => !rows.includes(standby)))
    return 'the standby lacks data'
  for (const { amount, column } of request.amounts) {
    const { capacity, standby: book, used } = fleet.columns[column]!
    if (!book) continue
    const brought = book.inbound(standby, fleet.lossDomains[host]!) + amount
    if (used[standby]! + Math.max(book.reserve[standby]!, brought) > capacity[standby]!)
      return 'the standby has too little room'
  }
  return undefined
}

/** What a choice costs, added up from the prices of its parts. */
export function costOf(fleet: Fleet, costs: Costs, request: MachineRequest, choice: Choice) {
  const { host, pools, standby } = choice
  let sum = costs.machine(request, host)
  if (standby >= 0) sum += costs.standby(request.amounts, standby, fleet.lossDomains[host]!)
  const replicaHosts = pools.map((rows) => rows.map((pool) => fleet.poolHost[pool]!))
  for (const [index, volume] of request.volumes.entries()) {
    for (const pool of pools[index]!) sum += costs.replica(volume, pool)
    for (const { domains, maximumPerDomain, mode } of volume.replicas > 1 ? volume.spread : []) {
      if (mode !== 'PreferDifferent') continue
      const counts = new Map<number, number>()
      for (const row of replicaHosts[index]!)
        counts.set(domains[row]!, (counts.get(domains[row]!) ?? 0) + 1)
      for (const [domain, count] of counts)
        sum += costs.spread * (domain < 0 ? count / 2 : Math.max(0, count - maximumPerDomain))
    }
  }
  if (request.locality === 'Preferred')
    for (const rows of [...replicaHosts, ...request.attached])
      if (!rows.includes(host)) sum += costs.locality
  return fromSteps(sum)
}

/** The least cost of any choice that keeps the rules, by trying all; Infinity if none does. */
export function leastCost(fleet: Fleet, costs: Costs, request: MachineRequest): number {
  const sets = request.volumes.map((volume) =>
    [...poolSets(fleet, volume.replicas)].filter(
      (set) => brokenPools(fleet, { volumes: [volume] }, [set]) === undefined,
    ),
  )
  const standbys = request.standby === 'None' ? [-1] : [...fleet.hosts.keys()]
  let least = Infinity
  for (const pools of product(sets))
    for (let host = 0; host < fleet.hostCount; host++)
      for (const standby of standbys) {
        const choice = { host, standby, pools, cost: 0 }
        if (broken(fleet, request, choice) !== undefined) continue
        least = Math.min(least, costOf(fleet, costs, request, choice))
      }
  return least
}

function* product(
  sets: readonly (readonly (readonly number[])[])[],
): Generator<readonly (readonly number[])[]> {
  if (sets.length === 0) return yield []
  for (const first of sets[0]!) for (const rest of product(sets.slice(1))) yield [first, ...rest]
}
