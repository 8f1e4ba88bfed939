/** Small random fleets and requests, and a check of all rules that is none of placement's own. */

import { createChance } from '../chance.ts'
import { applyChoice, createChooser } from '../choose/index.ts'
import {
  type Choice,
  createFleet,
  type DomainRule,
  type Fleet,
  type HostInput,
  type MachineRequest,
  type VolumeRequest,
} from '../fleet/index.ts'

/** Draws from a seed. */
export interface Chance {
  /** A whole number from 0 to below `end`. */
  below(end: number): number
  /** True so many times in a hundred. */
  percent(share: number): boolean
  of<Value>(values: readonly Value[]): Value
}

export function chanceOf(seed: number): Chance {
  const random = createChance(seed).next
  const below = (end: number) => Math.floor(random() * end)
  return {
    below,
    percent: (share) => below(100) < share,
    of: (values) => values[below(values.length)]!,
  }
}

/** A fleet of a few hosts, racks and pools, with a little on it. */
export function randomFleet(chance: Chance, mostHosts: number, mostUnits: number): Fleet {
  const racks = chance.below(2) === 0 ? '' : 'rack'
  const hosts = Array.from(
    { length: 2 + chance.below(mostHosts - 1) },
    (_, row): HostInput => ({
      name: `h${row}`,
      labels: chance.percent(95) ? { rack: `r${chance.below(4)}`, row: `w${chance.below(2)}` } : {},
      capacity: { memory: 1 + chance.below(mostUnits), cpu: 2 + chance.below(mostUnits), slots: 4 },
    }),
  )
  const pools = hosts.flatMap((_, host) =>
    Array.from({ length: chance.of([1, 1, 1, 2, 0]) }, (_, row) => ({
      name: `p${host}-${row}`,
      host,
      capacityBytes: 1 + chance.below(mostUnits),
    })),
  )
  const fleet = createFleet({
    hosts,
    pools,
    columns: ['slots'],
    standbyColumns: chance.percent(80) ? ['memory'] : [],
    lossLabel: racks,
  })
  const chooser = createChooser(fleet)
  for (let count = chance.below(3); count > 0; count--) {
    const request = randomRequest(chance, fleet, `old-${count}`)
    const choice = chooser.choose(request)
    if (choice) applyChoice(fleet, request, choice)
  }
  return fleet
}

/** A pair: one volume with two replicas, on the host and on its standby. */
export function randomPair(chance: Chance, fleet: Fleet, name: string): MachineRequest {
  const request = randomRequest(chance, fleet, name)
  const volume = { ...randomVolume(chance, fleet, `${name}-data`), replicas: 2 }
  return { ...request, volumes: [volume], locality: 'Required', standby: 'Replica' }
}

export function randomRequest(chance: Chance, fleet: Fleet, name: string): MachineRequest {
  const volumes = Array.from({ length: chance.of([0, 1, 1, 1, 2]) }, (_, row) =>
    randomVolume(chance, fleet, `${name}-${row}`),
  )
  const amounts = [
    { column: 0, amount: 1 + chance.below(2) },
    { column: 1, amount: 1 },
  ]
  if (chance.percent(20)) amounts.push({ column: 2, amount: 1 })
  return {
    name,
    amounts,
    hosts: chance.percent(20) ? mask(chance, fleet.hostCount) : undefined,
    volumes,
    attached: [],
    locality: chance.of(['Required', 'Required', 'Preferred', 'Ignored']),
    standby: chance.of(['None', 'Replica', 'Replica', 'Any']),
    numa: undefined,
    preference: undefined,
    seed: chance.below(1000),
  }
}

function randomVolume(chance: Chance, fleet: Fleet, name: string): VolumeRequest {
  const rule = (): DomainRule => ({
    domains: fleet.domainsOf(chance.of(['rack', 'row', ''])),
    mode: chance.of(['Different', 'PreferDifferent', 'Same']),
    maximumPerDomain: 1 + chance.below(2),
  })
  return {
    name,
    sizeBytes: 1 + chance.below(2),
    replicas: 1 + chance.below(3),
    pools: chance.percent(15) ? mask(chance, fleet.poolCount) : undefined,
    spread: chance.percent(30) ? [rule()] : [],
    preference: undefined,
  }
}

function mask(chance: Chance, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => Number(chance.percent(70)))
}

/** A request under a name of its own. */
export function copyOf(request: MachineRequest, index: number): MachineRequest {
  const name = `copy-${index}`
  const volumes = request.volumes.map((volume, row) => ({ ...volume, name: `${name}-${row}` }))
  return { ...request, name, volumes }
}

/** One request with its place. */
export interface Placed {
  readonly request: MachineRequest
  readonly choice: Choice
}

/** Rules that are broken when these stand on the fleet besides what stands there, in words. */
export function brokenRules(fleet: Fleet, placed: readonly Placed[]): string[] {
  return [
    ...placed.flatMap(({ choice, request }) => brokenByOne(fleet, request, choice)),
    ...overfullHosts(fleet, placed),
    ...overfullPools(fleet, placed),
  ]
}

function brokenByOne(fleet: Fleet, request: MachineRequest, choice: Choice): string[] {
  const { host, pools, standby } = choice
  const { attached, hosts, locality, name, volumes } = request
  const broken: string[] = []
  const must = (kept: boolean, rule: string) => {
    if (!kept) broken.push(`${name}: ${rule}`)
  }
  must(hosts?.[host] !== 0, 'host is masked')
  must(standby >= 0 === (request.standby !== 'None'), 'standby as asked')
  const replicas = pools.map((rows) => rows.map((pool) => fleet.poolHost[pool]!))
  if (standby >= 0) {
    must(hosts?.[standby] !== 0, 'standby is masked')
    must(fleet.lossDomains[host] !== fleet.lossDomains[standby], 'standby is lost with the host')
    if (request.standby === 'Replica')
      must(
        [...replicas, ...attached].every((rows) => rows.includes(standby)),
        'data on standby',
      )
  }
  if (locality === 'Required')
    must(
      [...replicas, ...attached].every((rows) => rows.includes(host)),
      'data on host',
    )
  must(pools.length === volumes.length, 'a place for every volume')
  for (const [row, volume] of volumes.entries()) {
    must(pools[row]!.length === volume.replicas, 'number of replicas')
    must(new Set(replicas[row]).size === volume.replicas, 'replicas on hosts of their own')
    must(
      pools[row]!.every((pool) => volume.pools?.[pool] !== 0),
      'pool is masked',
    )
    for (const { domains, maximumPerDomain, mode } of volume.spread) {
      if (mode === 'PreferDifferent' || volume.replicas < 2) continue
      const found = replicas[row]!.map((replica) => domains[replica]!)
      const alike = Math.max(...found.map((one) => found.filter((two) => two === one).length))
      must(!found.includes(-1), 'replica in an unknown domain')
      must(mode === 'Same' ? alike === found.length : alike <= maximumPerDomain, mode)
    }
  }
  return broken
}

/** Everything is counted anew, from the machines. */
function overfullHosts(fleet: Fleet, placed: readonly Placed[]): string[] {
  const machines = [
    ...fleet.machines.values(),
    ...placed.map(({ choice, request }) => ({ ...choice, amounts: request.amounts })),
  ]
  return fleet.columns.flatMap(({ capacity, name, standby }, column) =>
    fleet.hosts.flatMap((_, host) => {
      let used = 0
      const brought = new Map<number, number>()
      for (const machine of machines) {
        const wanted = machine.amounts.find((amount) => amount.column === column)?.amount ?? 0
        if (machine.host === host) used += wanted
        if (machine.standby !== host || !standby) continue
        const domain = fleet.lossDomains[machine.host]!
        brought.set(domain, (brought.get(domain) ?? 0) + wanted)
      }
      const needed = used + Math.max(0, ...brought.values())
      return needed > capacity[host]! ? [`host ${host}: ${name} ${needed}`] : []
    }),
  )
}

function overfullPools(fleet: Fleet, placed: readonly Placed[]): string[] {
  const promised = new Float64Array(fleet.poolCount)
  for (const { pools, sizeBytes } of fleet.volumes.values())
    for (const pool of pools) promised[pool]! += sizeBytes
  for (const { choice, request } of placed)
    for (const [row, pools] of choice.pools.entries())
      for (const pool of pools) promised[pool]! += request.volumes[row]!.sizeBytes
  return fleet.pools.flatMap((_, pool) =>
    promised[pool]! > fleet.poolCapacity[pool]! ? [`pool ${pool}: ${promised[pool]}`] : [],
  )
}

/** Every place a request could have, by its own rules. */
export function placesOf(fleet: Fleet, request: MachineRequest): Choice[] {
  const rows = [...fleet.hosts.keys()]
  const standbys = request.standby === 'None' ? [-1] : rows
  let sets: number[][][] = [[]]
  for (const { replicas } of request.volumes) {
    const found = subsets([...fleet.pools.keys()], replicas)
    sets = sets.flatMap((before) => found.map((pools) => [...before, pools]))
  }
  return rows
    .flatMap((host) =>
      standbys.flatMap((standby) => sets.map((pools) => ({ host, standby, pools, cost: 0 }))),
    )
    .filter((choice) => brokenByOne(fleet, request, choice).length === 0)
}

function subsets(values: readonly number[], size: number): number[][] {
  if (size === 0) return [[]]
  return values.flatMap((value, index) =>
    subsets(values.slice(index + 1), size - 1).map((rest) => [value, ...rest]),
  )
}

/** The most copies that fit, by trying everything; undefined if that takes too long. */
export function mostByTrying(
  fleet: Fleet,
  request: MachineRequest,
  budget: number,
): number | undefined {
  const places = placesOf(fleet, request)
  const placed: Placed[] = []
  let most = 0
  let left = budget
  // Copies are alike, so places are tried in one order only.
  function search(first: number): void {
    most = Math.max(most, placed.length)
    for (let next = first; next < places.length && left > 0; next++) {
      left--
      placed.push({ request, choice: places[next]! })
      if (brokenRules(fleet, placed).length === 0) search(next)
      placed.pop()
    }
  }
  search(0)
  return left > 0 ? most : undefined
}
