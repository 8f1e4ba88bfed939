/** Which requests are pairs, as numbers of a problem, and a plan as choices. */
import type { Amount, Choice, Fleet, MachineRequest, VolumeRequest } from '../fleet/index.ts'
import type { PairPlan, PairProblem } from './pairs.ts'

/** More than any host can take. */
const UNLIMITED = 2 ** 30
/** Largest product of hosts and groups that is looked at as a whole. */
const MOST_CELLS = 4e6

/**
 * The problem of copies of a request; undefined if they are not pairs. Pairs are machines with one
 * volume of two replicas that run on the one and keep room on the other or nowhere, and machines
 * without volumes that keep room somewhere. What is only preferred is not looked at. `within` has 1
 * for the hosts that machines may run on, while room may be kept on others too. `mostCells` is the
 * largest product of hosts and groups.
 */
export function pairProblemOf(
  fleet: Fleet,
  request: MachineRequest,
  within?: Uint8Array,
  mostCells = MOST_CELLS,
): PairProblem | undefined {
  if (!isPair(request) || request.amounts.some(({ amount }) => amount <= 0)) return undefined
  const [volume] = request.volumes
  const groupOf = groupsOf(fleet, request, volume)
  if (!groupOf) return undefined
  const { hostCount } = fleet
  const groupCount = groupOf.reduce((most, group) => Math.max(most, group), -1) + 1
  if (hostCount * groupCount > mostCells) return undefined
  const may = createMay(fleet, request, volume)
  const primaries = new Int32Array(hostCount)
  const replicas = new Int32Array(hostCount)
  const room = new Int32Array(hostCount * groupCount)
  const members = membersOf(groupOf, groupCount)
  for (let host = 0; host < hostCount; host++) {
    const space = volume ? spaceOn(fleet, volume, host) : UNLIMITED
    if (request.hosts?.[host] !== 0 && within?.[host] !== 0)
      primaries[host] = mostOn(fleet, request.amounts, host, space)
    if (!may.keep(host)) {
      replicas[host] = primaries[host]!
      continue
    }
    replicas[host] = space
    for (let group = 0; group < groupCount; group++) {
      const member = members[group]!
      if (!may.pair(member, host)) continue
      const most = request.standby === 'None' ? UNLIMITED : roomFor(fleet, request, host, member)
      room[host * groupCount + group] = most
    }
  }
  return { hostCount, groupCount, groupOf, primaries, replicas, room }
}

/** Whether copies of a request are pairs, wherever they stand. */
export function isPair({
  amounts,
  attached,
  locality,
  numa,
  standby,
  volumes,
}: MachineRequest): boolean {
  if (attached.length > 0 || numa) return false
  if (volumes.length === 0) return standby === 'Any' && amounts.length > 0
  return (
    volumes.length === 1 &&
    volumes[0]!.replicas === 2 &&
    locality === 'Required' &&
    standby !== 'Any'
  )
}

/** Rules that forbid pairs of hosts. */
function strictRules(volume: VolumeRequest | undefined): VolumeRequest['spread'] {
  return (volume?.spread ?? []).filter(({ mode }) => mode !== 'PreferDifferent')
}

/**
 * Group of each host; undefined if hosts that are lost together differ in other rules: what one
 * keeps for the other could then not be counted group by group.
 */
function groupsOf(
  fleet: Fleet,
  request: MachineRequest,
  volume: VolumeRequest | undefined,
): Int32Array | undefined {
  if (request.standby === 'None') return fleet.domainsOf('')
  const groupOf = fleet.lossDomains
  for (const { domains, mode, maximumPerDomain } of strictRules(volume)) {
    const known = new Map<number, number>()
    for (const [host, group] of groupOf.entries()) {
      const domain = domains[host]!
      if ((known.get(group) ?? domain) !== domain) {
        const harmless = mode === 'Different' && maximumPerDomain > 1
        if (!harmless || domain < 0 || known.get(group)! < 0) return undefined
      }
      known.set(group, domain)
    }
  }
  return groupOf
}

/** One host of each group: to those who back it up they are the same. */
function membersOf(groupOf: Int32Array, groupCount: number): Int32Array {
  const members = new Int32Array(groupCount)
  for (let host = groupOf.length - 1; host >= 0; host--) members[groupOf[host]!] = host
  return members
}

/** What rules say about single hosts and pairs of hosts. */
function createMay(
  { columns, hostCount, lossDomains }: Fleet,
  { amounts, hosts, standby }: MachineRequest,
  volume: VolumeRequest | undefined,
): { keep(host: number): boolean; pair(host: number, other: number): boolean } {
  const rules = strictRules(volume)
  const kept = new Uint8Array(hostCount)
  for (let host = 0; host < hostCount; host++) {
    if (standby !== 'None' && hosts?.[host] === 0) continue
    const overfull = amounts.some(({ column }) => {
      const { capacity, standby: book, used } = columns[column]!
      return book && used[host]! + book.reserve[host]! > capacity[host]!
    })
    if (standby === 'None' || !overfull) kept[host] = 1
  }
  return {
    keep: (host) => kept[host] === 1,
    pair(host, other) {
      if (host === other) return false
      if (standby !== 'None' && lossDomains[host] === lossDomains[other]) return false
      return rules.every(({ domains, maximumPerDomain, mode }) => {
        const [one, two] = [domains[host]!, domains[other]!]
        if (one < 0 || two < 0) return false
        if (mode === 'Same') return one === two
        return maximumPerDomain > 1 || (maximumPerDomain === 1 && one !== two)
      })
    },
  }
}

/** Replicas that the pools of a host can take. */
function spaceOn(fleet: Fleet, volume: VolumeRequest, host: number): number {
  let count = 0
  for (const pool of fleet.poolsOf(host)) count += spaceIn(fleet, volume, pool)
  return Math.min(UNLIMITED, count)
}

function spaceIn(fleet: Fleet, { pools, sizeBytes }: VolumeRequest, pool: number): number {
  if (pools?.[pool] === 0) return 0
  const free = fleet.poolCapacity[pool]! - fleet.poolPromised[pool]!
  if (free < 0) return 0
  return sizeBytes > 0 ? Math.min(UNLIMITED, Math.floor(free / sizeBytes)) : UNLIMITED
}

/** Machines that may run on a host, by its columns. */
function mostOn(
  { columns }: Fleet,
  amounts: readonly Amount[],
  host: number,
  space: number,
): number {
  let most = space
  for (const { amount, column } of amounts) {
    const { capacity, standby, used } = columns[column]!
    const free = capacity[host]! - used[host]! - (standby?.reserve[host] ?? 0)
    most = Math.min(most, Math.floor(free / amount))
  }
  return Math.max(0, most)
}

/** Machines that a host has room for, its own and those of the domain of `member` together. */
function roomFor(
  { columns, lossDomains }: Fleet,
  { amounts }: MachineRequest,
  host: number,
  member: number,
): number {
  let most = UNLIMITED
  for (const { amount, column } of amounts) {
    const { capacity, standby, used } = columns[column]!
    if (!standby) continue
    const free = capacity[host]! - used[host]! - standby.inbound(host, lossDomains[member]!)
    most = Math.min(most, Math.floor(free / amount))
  }
  return Math.max(0, most)
}

/** A plan as choices for the same fleet, in an order in which each keeps the rules. */
export function choicesOf(
  fleet: Fleet,
  request: MachineRequest,
  { groupCount, groupOf }: PairProblem,
  plan: PairPlan,
): Choice[] {
  const [volume] = request.volumes
  const running = plan.running.slice()
  const space = Float64Array.from(fleet.poolCapacity, (_, pool) =>
    volume ? spaceIn(fleet, volume, pool) : 0,
  )
  const members: number[][] = Array.from({ length: groupCount }, () => [])
  for (const [host, group] of groupOf.entries()) members[group]!.push(host)
  function takePool(host: number): number {
    const pools = fleet.poolsOf(host)
    const pool = pools.reduce((one, other) => (space[other]! > space[one]! ? other : one))
    space[pool]!--
    return pool
  }
  const choices: Choice[] = []
  for (const [cell, count] of plan.backups.entries()) {
    const standby = Math.floor(cell / groupCount)
    for (let copy = 0; copy < count; copy++) {
      const host = members[cell % groupCount]!.find((member) => running[member]! > 0)!
      running[host]!--
      choices.push({
        host,
        standby: request.standby === 'None' ? -1 : standby,
        pools: volume ? [[takePool(host), takePool(standby)]] : [],
        cost: 0,
      })
    }
  }
  return choices
}
