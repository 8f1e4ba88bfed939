/** What is missing where machines found no room, and whether that is proven. */
import type { Shortage } from '@keelson/shared/model'
import type { Fleet } from '../fleet/index.ts'
import type { Homeless, Room } from './refit.ts'
import { allows } from './rules.ts'
import { resourceOf } from './words.ts'

/**
 * Why not all of the machines can have room, whatever is tried: one of them is bigger than every
 * host left, all together are bigger than what is left, or there are more big ones than slots for
 * them. Null if that is not certain. `room` is what is left before any of them is placed.
 */
export function whyImpossible(
  fleet: Fleet,
  room: Room,
  machines: readonly Homeless[],
): string | null {
  const bigger = machines.find(
    (one) => !candidates(room, one).some((host) => fits(room, one, host)),
  )
  if (bigger) return `no host left can take ${bigger.machine.name}`
  for (const [index, column] of room.columns.entries()) {
    const { name } = fleet.columns[column]!
    const needs = machines.map((one) => one.needs[index]!).filter((need) => need > 0)
    const wanted = needs.reduce((sum, need) => sum + need, 0)
    if (wanted > sumOf(room, index, 0)) return `all hosts left have too little ${name}`
    for (const size of new Set(needs)) {
      const big = needs.filter((need) => need >= size).length
      if (big > sumOf(room, index, size))
        return `${big} machines need as much ${name} as fits only ${times(sumOf(room, index, size))}`
    }
  }
  return null
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

/** What all hosts have left of a column; with a size, how often that size fits. */
function sumOf({ closed, free }: Room, index: number, size: number): number {
  let sum = 0
  for (let host = 0; host < closed.length; host++) {
    const left = closed[host] === 1 ? 0 : Math.max(0, free[index]![host]!)
    sum += size > 0 ? Math.floor(left / size) : left
  }
  return sum
}

function candidates({ closed }: Room, { mask, near }: Homeless): number[] {
  const rows = near ? [...near] : Array.from(closed, (_, host) => host)
  return rows.filter((host) => closed[host] !== 1 && allows(mask, host))
}

function fits({ free }: Room, { needs }: Homeless, host: number): boolean {
  return needs.every((need, index) => need === 0 || free[index]![host]! >= need)
}

/**
 * How much more there would have to be for those left over: each on the host that lacks least.
 * `room` is what is left after all others are placed; it is used up.
 */
export function shortagesOf(
  fleet: Fleet,
  room: Room,
  left: readonly Homeless[],
  where: string,
): Shortage[] {
  const missing = new Map<string, number>()
  for (const homeless of left) {
    const host = nearest(fleet, room, homeless)
    if (host < 0) continue
    for (const [index, need] of homeless.needs.entries()) {
      const free = Math.max(0, room.free[index]![host]!)
      room.free[index]![host] = Math.max(0, free - need)
      if (need <= free) continue
      const resource = resourceOf(fleet.columns[room.columns[index]!]!.name)
      missing.set(resource, (missing.get(resource) ?? 0) + need - free)
    }
  }
  return [...missing].map(([resource, amount]) => ({ resource, where, missing: amount }))
}

/** The host that lacks the smallest share of its capacity. */
function nearest(fleet: Fleet, room: Room, homeless: Homeless): number {
  let best = -1
  let least = Infinity
  for (const host of candidates(room, homeless)) {
    let lacks = 0
    for (const [index, need] of homeless.needs.entries()) {
      const { capacity } = fleet.columns[room.columns[index]!]!
      const short = need - Math.max(0, room.free[index]![host]!)
      if (short > 0) lacks += short / Math.max(1, capacity[host]!)
    }
    if (lacks >= least) continue
    best = host
    least = lacks
  }
  return best
}
