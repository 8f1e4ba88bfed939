/** What hosts and pools carry, and whether they can carry more. */
import type { Fleet } from '../fleet/index.ts'
import { createLossBook, type LossBook } from './loss-book.ts'
import type { Place, Unit } from './units.ts'

/** Loads of hosts and pools while one unit is lifted off them. */
export interface Loads {
  /** What machines take, by column, then host. */
  readonly used: readonly Float64Array[]
  /** What is kept for standbys, by column. */
  readonly books: readonly (LossBook | undefined)[]
  /** Bytes that the pools of each host have promised. */
  readonly bytes: Float64Array
  /** Promised part of the capacity of a pool. */
  fullness(pool: number): number
  /** Notes the loads where a unit is about to be lifted: they are no worse if it returns. */
  remember(place: Place): void
  fits(unit: Unit, place: Place): boolean
  /** Adds (1) or takes away (-1) a unit at a place. */
  settle(unit: Unit, place: Place, sign: 1 | -1): void
}

/** Loads as they are in a fleet. */
export function createLoads(fleet: Fleet): Loads {
  const { columns, lossDomains, poolCapacity, poolHost } = fleet
  const used = columns.map((column) => column.used.slice())
  const books = columns.map(({ standby }) => standby && createLossBook(lossDomains, standby))
  const promised = fleet.poolPromised.slice()
  const bytes = new Float64Array(fleet.hostCount)
  for (const [pool, host] of poolHost.entries()) bytes[host]! += promised[pool]!
  let old: Place = { host: -1, standby: -1, pools: [] }
  const loadOnHost = new Float64Array(columns.length)
  const loadOnStandby = new Float64Array(columns.length)

  const loadOf = (column: number, host: number) =>
    host < 0 ? 0 : used[column]![host]! + (books[column]?.reserve[host] ?? 0)
  function ceiling(column: number, host: number): number {
    const capacity = columns[column]!.capacity[host]!
    if (host === old.host) return Math.max(capacity, loadOnHost[column]!)
    if (host === old.standby) return Math.max(capacity, loadOnStandby[column]!)
    return capacity
  }
  function fitsHosts({ machine }: Unit, { host, standby }: Place): boolean {
    if (!machine) return true
    for (const { amount, column } of machine.amounts) {
      if (amount === 0) continue
      if (loadOf(column, host) + amount > ceiling(column, host)) return false
      const book = books[column]
      if (!book || standby < 0) continue
      const kept = book.reserveWith(standby, lossDomains[host]!, amount)
      if (used[column]![standby]! + kept > ceiling(column, standby)) return false
    }
    return true
  }
  function promise({ volumes }: Unit, pools: Place['pools'], sign: 1 | -1): void {
    for (let v = 0; v < pools.length; v++) {
      const rows = pools[v]!
      for (let i = 0; i < rows.length; i++) promised[rows[i]!]! += sign * volumes[v]!.sizeBytes
    }
  }
  function fitsPools(unit: Unit, { pools }: Place): boolean {
    promise(unit, pools, 1)
    let fits = true
    for (let v = 0; v < pools.length; v++) {
      const rows = pools[v]!
      const before = old.pools[v]!
      if (rows === before) continue
      for (let i = 0; i < rows.length; i++) {
        const pool = rows[i]!
        if (promised[pool]! > poolCapacity[pool]! && !before.includes(pool)) fits = false
      }
    }
    promise(unit, pools, -1)
    return fits
  }

  return {
    used,
    books,
    bytes,
    fullness: (pool) =>
      poolCapacity[pool]! > 0 ? promised[pool]! / poolCapacity[pool]! : Number.POSITIVE_INFINITY,
    remember(place) {
      old = place
      for (let column = 0; column < columns.length; column++) {
        loadOnHost[column] = loadOf(column, place.host)
        loadOnStandby[column] = loadOf(column, place.standby)
      }
    },
    fits: (unit, place) => fitsHosts(unit, place) && fitsPools(unit, place),
    settle(unit, place, sign) {
      const { host, pools, standby } = place
      for (const { amount, column } of unit.machine?.amounts ?? []) {
        used[column]![host]! += sign * amount
        if (standby >= 0) books[column]?.add(standby, lossDomains[host]!, sign * amount)
      }
      promise(unit, pools, sign)
      for (let v = 0; v < pools.length; v++) {
        for (const pool of pools[v]!) bytes[poolHost[pool]!]! += sign * unit.volumes[v]!.sizeBytes
      }
    },
  }
}
