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

/**
 * The columns of a fleet. Scales are those that the hosts were described with: a failure or a
 * cordon sets capacities to zero for a while, which must not change every price.
 */
export function createStock(fleet: Fleet): readonly Stock[] {
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

const usualPools = new WeakMap<Fleet['pools'], number>()

/** Capacity of a usual pool, bytes; added up once for a fleet and its clones. */
export function usualPool({ pools }: Fleet): number {
  let usual = usualPools.get(pools)
  if (usual === undefined) {
    usual = meanOf(pools.map(({ capacityBytes }) => capacityBytes).filter((bytes) => bytes > 0))
    usualPools.set(pools, usual)
  }
  return usual
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

/**
 * Room for large machines that `amount` breaks up, as a share of the largest host. Holes are
 * counted by the size of the largest host, its half, its quarter and so on, down to the amount: if
 * the largest host has 128 GiB, one with 100 GiB free has a hole of 64 GiB, three of 32 GiB, six of
 * 16 GiB; taking 8 GiB breaks one of 32 GiB, one of 16 GiB and one of 8 GiB.
 */
export function brokenHoles(stock: Stock, host: number, amount: number): number {
  const { capacity, largest, reserve, used } = stock
  if (amount <= 0 || largest === 0) return 0
  const before = capacity[host]! - used[host]! - reserve[host]!
  const after = before - amount
  let broken = 0
  for (let hole = largest; hole >= amount; hole /= 2)
    broken += (Math.floor(before / hole) - Math.floor(after / hole)) * hole
  return broken / largest
}
