/** What a fleet was built with: the scale on which costs are measured. */
import { type Fleet, MEMORY } from '../fleet/index.ts'

/** One column of a fleet, ready for pricing. */
export interface Stock {
  readonly capacity: Float64Array
  readonly used: Float64Array
  /** Zeros if no room is kept. */
  readonly reserve: Float64Array
  /** Capacity of a usual host that has the resource. */
  readonly usual: number
  /** Largest capacity, if room for large machines is worth something; 0 if not. */
  readonly largest: number
  /** Share of the hosts that do not have it. */
  readonly rarity: number
}

const stocks = new WeakMap<Fleet, readonly Stock[]>()

/** The columns of a fleet, the same ones each time: what is in use is read where it is counted. */
export function stockOf(fleet: Fleet): readonly Stock[] {
  let stock = stocks.get(fleet)
  if (stock === undefined) {
    stock = createStock(fleet)
    stocks.set(fleet, stock)
  }
  return stock
}

/**
 * Scales are those that the hosts were described with: a failure or a cordon sets capacities to
 * zero for a while, which must not change every price.
 */
function createStock(fleet: Fleet): readonly Stock[] {
  return fleet.columns.map(({ capacity, name, standby, used }, column) => {
    const amounts = fleet.hosts.map((host) => host.capacity[name] ?? 0).filter((one) => one > 0)
    return {
      capacity,
      used,
      reserve: standby?.reserve ?? new Float64Array(fleet.hostCount),
      usual: meanOf(amounts),
      largest: column === MEMORY ? amounts.reduce((most, one) => Math.max(most, one), 0) : 0,
      rarity: fleet.hostCount > 0 ? 1 - amounts.length / fleet.hostCount : 0,
    }
  })
}

/** The pools of a fleet, ready for pricing. */
export interface PoolStock {
  /** Capacity of a usual pool, bytes. */
  readonly usual: number
  /** Share of the hosts that have no pool of the same sort, by pool row. */
  readonly rarity: Float64Array
}

const poolStocks = new WeakMap<Fleet['pools'], PoolStock>()

/** The pools as they were described; counted once for a fleet and its clones. */
export function poolStockOf({ hostCount, pools }: Fleet): PoolStock {
  let stock = poolStocks.get(pools)
  if (stock === undefined) {
    const bytes = pools.map(({ capacityBytes }) => capacityBytes).filter((one) => one > 0)
    stock = { usual: meanOf(bytes), rarity: poolRarity(pools, hostCount) }
    poolStocks.set(pools, stock)
  }
  return stock
}

/**
 * Pools of one name are of one sort. Those whose name no other host has are one sort together: that
 * is how clusters look whose pools are named after their hosts, and there none is rare.
 */
function poolRarity(pools: Fleet['pools'], hostCount: number): Float64Array {
  const named = new Map<string, Set<number>>()
  for (const { host, name } of pools) {
    const hosts = named.get(name)
    if (hosts) hosts.add(host)
    else named.set(name, new Set([host]))
  }
  const alone = new Set<number>()
  for (const hosts of named.values())
    if (hosts.size === 1) for (const host of hosts) alone.add(host)
  return Float64Array.from(pools, ({ name }) => {
    const { size } = named.get(name)!
    return 1 - (size > 1 ? size : alone.size) / hostCount
  })
}

/** 1 for no values, so that dividing by it is harmless. */
function meanOf(values: readonly number[]): number {
  if (values.length === 0) return 1
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Share of a host that would be in use or kept if `amount` more were. */
export function filling({ capacity, reserve, used }: Stock, host: number, amount: number): number {
  const taken = used[host]! + reserve[host]! + amount
  return taken > 0 ? taken / capacity[host]! : 0
}

/** What a host has left, less than nothing if it was taken too much of. */
export function free({ capacity, reserve, used }: Stock, host: number): number {
  return capacity[host]! - used[host]! - reserve[host]!
}

/**
 * Room for large machines that `amount` breaks up, as a share of the largest host. Holes are
 * counted by the size of the largest host, its half, its quarter and so on, and by one size between
 * each two, down to the amount: if the largest host has 128 GiB, one with 100 GiB free has a hole
 * of 90.5 GiB, one of 64 GiB, two of 45 GiB, three of 32 GiB; taking 12 GiB breaks the first, one
 * of 45 GiB, one of 32 GiB and so on. With halves alone, hosts that differ much would look alike.
 */
export function brokenHoles(stock: Stock, host: number, amount: number): number {
  const { largest } = stock
  if (amount <= 0 || largest === 0) return 0
  const before = free(stock, host)
  let broken = 0
  for (let hole = largest; hole >= amount; hole /= 2) {
    const between = hole * Math.SQRT1_2
    broken += brokenOf(hole, before, amount)
    if (between >= amount) broken += brokenOf(between, before, amount)
  }
  return broken / largest
}

function brokenOf(hole: number, before: number, amount: number): number {
  return (Math.floor(before / hole) - Math.floor((before - amount) / hole)) * hole
}
