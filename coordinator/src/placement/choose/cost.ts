/**
 * What a place costs. The cost of a decision is a sum: the host's, that of each replica, the
 * standby's. That it is a sum is what makes an exact search quick. Every cost follows from the
 * numbers of one host and its pools, which is what lets costs be kept while those do not change.
 */
import type { ScorePart } from '@keelson/shared/model'
import {
  type Amount,
  type Fleet,
  type MachineRequest,
  MEMORY,
  type VolumeRequest,
} from '../fleet/index.ts'
import { canStandBy, firstShort } from './obstacle.ts'
import {
  brokenHoles,
  filling,
  free,
  type PoolStock,
  poolStockOf,
  type Stock,
  stockOf,
} from './stock.ts'
import { type ChooseWeights, completeWeights, type Part } from './weights.ts'

/** Costs are whole multiples of this part of 1, so that sums do not depend on their order. */
const STEPS = 2 ** 24

function toSteps(cost: number): number {
  return Math.round(cost * STEPS)
}

/** A cost as it is told. */
export function fromSteps(steps: number): number {
  return steps / STEPS
}

/** The costs of a fleet in steps, never negative; Infinity where a rule forbids the place. */
export interface Costs {
  machine(request: MachineRequest, host: number): number
  replica(request: VolumeRequest, pool: number): number
  /** Of keeping room on `standby` for a machine in `domain`; -1 is a domain that brings nothing. */
  standby(amounts: readonly Amount[], standby: number, domain: number): number
  /** Of one volume without data on the machine's host. */
  readonly locality: number
  /** Of one replica too many in a domain. */
  readonly spread: number
}

/** The costs of a fleet under these weights. */
export function createCosts(fleet: Fleet, chosen?: ChooseWeights): Costs {
  const weights = completeWeights(chosen)
  const stock = stockOf(fleet)
  const pools = poolStockOf(fleet)
  const { poolCapacity, poolHost, poolPromised } = fleet
  const disfavour = createDisfavour(weights.preference)
  return {
    machine(request, host) {
      const { amounts, hosts, preference } = request
      if (hosts?.[host] === 0 || firstShort(fleet, amounts, host) >= 0) return Infinity
      const cost =
        weights.headroom * headroom(stock, amounts, host) +
        weights.scarcity * scarcity(stock, amounts, host) +
        weights.holes * holes(stock, amounts, host) +
        weights.rare * rare(stock, amounts, host) +
        weights.pools * blockedPools(fleet, pools, stock, amounts, host)
      return toSteps(cost + disfavour(preference, host))
    },
    replica({ pools: usable, preference, sizeBytes }, pool) {
      if (usable?.[pool] === 0) return Infinity
      if (poolPromised[pool]! + sizeBytes > poolCapacity[pool]!) return Infinity
      const cost =
        weights.space * space(fleet, pools, sizeBytes, pool) +
        weights.bind * bind(fleet, pools, stock[MEMORY]!, sizeBytes, pool)
      return toSteps(cost + disfavour(preference, poolHost[pool]!))
    },
    standby(amounts, standby, domain) {
      if (!canStandBy(fleet, amounts, standby, domain)) return Infinity
      let cost = 0
      for (const { amount, column } of amounts) {
        const added = addedReserve(fleet, column, standby, domain, amount)
        if (added === 0) continue
        const kept = stock[column]!
        const full = filling(kept, standby, added)
        const share = added / kept.usual
        cost +=
          weights.reserve * share +
          weights.standby * weights.scarcity * share * full +
          weights.standby * weights.holes * brokenHoles(kept, standby, added)
      }
      return toSteps(cost)
    },
    locality: toSteps(weights.locality),
    spread: toSteps(weights.spread),
  }
}

/**
 * What it costs not to take the host preferred most. Counting from there rather than from zero
 * keeps every cost positive, which the search relies on when it leaves a branch.
 */
function createDisfavour(
  weight: number,
): (preference: Float64Array | undefined, host: number) => number {
  const peaks = new WeakMap<Float64Array, number>()
  return (preference, host) => {
    if (!preference) return 0
    let peak = peaks.get(preference)
    if (peak === undefined) {
      peak = preference.reduce((highest, value) => Math.max(highest, value), -Infinity)
      peaks.set(preference, peak)
    }
    return weight * (peak - preference[host]!)
  }
}

function headroom(stock: readonly Stock[], amounts: readonly Amount[], host: number): number {
  let sum = 0
  for (let i = 0; i < amounts.length; i++)
    sum += filling(stock[amounts[i]!.column]!, host, amounts[i]!.amount)
  return sum
}

function scarcity(stock: readonly Stock[], amounts: readonly Amount[], host: number): number {
  let sum = 0
  for (let i = 0; i < amounts.length; i++) {
    const { amount, column } = amounts[i]!
    sum += (amount / stock[column]!.usual) * filling(stock[column]!, host, amount)
  }
  return sum
}

function holes(stock: readonly Stock[], amounts: readonly Amount[], host: number): number {
  let sum = 0
  for (let i = 0; i < amounts.length; i++)
    sum += brokenHoles(stock[amounts[i]!.column]!, host, amounts[i]!.amount)
  return sum
}

/** Free shares of what the machine does not want and few hosts have. */
function rare(stock: readonly Stock[], amounts: readonly Amount[], host: number): number {
  let sum = 0
  for (let column = 0; column < stock.length; column++) {
    const { capacity, rarity } = stock[column]!
    if (rarity === 0 || !(capacity[host]! > 0)) continue
    if (amounts.some((one) => one.column === column)) continue
    sum += rarity * Math.max(0, 1 - filling(stock[column]!, host, 0))
  }
  return sum
}

/**
 * Free shares of the host's pools, each by how few hosts have its sort, times what the machine
 * takes: a host filled with machines that do not need its pools leaves them unused, for most data
 * wants its machine beside it. What pools are worth falls as they fill up.
 */
function blockedPools(
  fleet: Fleet,
  { rarity }: PoolStock,
  stock: readonly Stock[],
  amounts: readonly Amount[],
  host: number,
): number {
  const { poolCapacity, poolPromised } = fleet
  let blocked = 0
  for (const pool of fleet.poolsOf(host)) {
    if (rarity[pool] === 0 || !(poolCapacity[pool]! > 0)) continue
    blocked += rarity[pool]! * Math.max(0, 1 - poolPromised[pool]! / poolCapacity[pool]!)
  }
  if (blocked === 0) return 0
  let share = 0
  for (let i = 0; i < amounts.length; i++)
    share += amounts[i]!.amount / stock[amounts[i]!.column]!.usual
  return share * blocked
}

/** What a replica takes, as a share of a usual pool, at the price of the pool. */
function space(
  { poolCapacity, poolPromised }: Fleet,
  { usual }: PoolStock,
  sizeBytes: number,
  pool: number,
): number {
  const full = (poolPromised[pool]! + sizeBytes) / poolCapacity[pool]!
  return (sizeBytes / usual) * Math.sqrt(full)
}

/** The most that memory counts for, however little space is left beside it. */
const MOST_BOUND = 4

/**
 * What a replica takes, times the free memory of its host for each byte of free space: where space
 * runs out first, memory is left that no machine with data can use. Memory is measured in usual
 * hosts, space in usual pools.
 */
function bind(
  fleet: Fleet,
  { usual }: PoolStock,
  memory: Stock,
  sizeBytes: number,
  pool: number,
): number {
  if (!(sizeBytes > 0)) return 0
  const { poolCapacity, poolPromised } = fleet
  const host = fleet.poolHost[pool]!
  let left = 0
  for (const one of fleet.poolsOf(host)) left += poolCapacity[one]! - poolPromised[one]!
  const share = sizeBytes / usual
  const idle = Math.max(0, free(memory, host)) / memory.usual
  return share * Math.min(MOST_BOUND, idle / Math.max(share, left / usual))
}

/** How much more a standby has to keep. */
function addedReserve(
  { columns }: Fleet,
  column: number,
  standby: number,
  domain: number,
  amount: number,
): number {
  const book = columns[column]!.standby
  if (!book) return 0
  return Math.max(0, book.inbound(standby, domain) + amount - book.reserve[standby]!)
}

/**
 * What speaks for a host, as the search sees it. Parts are the higher the better: their sum is
 * minus the cost of the host, but for a constant that is the same for all hosts.
 */
export function machineScoreParts(
  fleet: Fleet,
  { amounts, preference }: MachineRequest,
  host: number,
  weights?: ChooseWeights,
): ScorePart[] {
  const stock = stockOf(fleet)
  return scoreParts(weights, {
    headroom: -headroom(stock, amounts, host),
    scarcity: -scarcity(stock, amounts, host),
    holes: -holes(stock, amounts, host),
    rare: -rare(stock, amounts, host),
    pools: -blockedPools(fleet, poolStockOf(fleet), stock, amounts, host),
    preference: preference?.[host] ?? 0,
  })
}

/** What speaks for a pool, as for a host. */
export function volumeScoreParts(
  fleet: Fleet,
  { preference, sizeBytes }: VolumeRequest,
  pool: number,
  weights?: ChooseWeights,
): ScorePart[] {
  const pools = poolStockOf(fleet)
  return scoreParts(weights, {
    space: -space(fleet, pools, sizeBytes, pool),
    bind: -bind(fleet, pools, stockOf(fleet)[MEMORY]!, sizeBytes, pool),
    preference: preference?.[fleet.poolHost[pool]!] ?? 0,
  })
}

function scoreParts(
  weights: ChooseWeights | undefined,
  values: Partial<Record<Part, number>>,
): ScorePart[] {
  const complete = completeWeights(weights)
  const parts = Object.entries(values).map(([name, value]) => ({
    name,
    value: value === 0 ? 0 : value,
    weight: complete[name as Part],
  }))
  // A part that is switched off says nothing.
  return parts.filter(({ weight }) => weight !== 0)
}
