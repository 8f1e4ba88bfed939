/** Places that are one step away from where a unit is. */

import type { Chance } from '../chance.ts'
import { MEMORY } from '../fleet/index.ts'
import type { Board } from './board.ts'
import { amountOf } from './counters.ts'
import type { Reach } from './reach.ts'
import { copiedBytes, type Place, type Unit } from './units.ts'

/** Everything a search works with. */
export interface Game {
  readonly hostCount: number
  readonly units: readonly Unit[]
  readonly board: Board
  readonly reach: Reach
  /** Where everything was when the search began: what is back there needs no copy. */
  readonly start: readonly Place[]
  /** Most bytes that may be copied. */
  readonly budgetBytes: number
  /** What a copied byte has to gain. */
  readonly price: number
  /** Puts the lifted unit down for good. */
  put(unit: Unit, place: Place): void
}

/** Bytes that have to be copied to bring a unit from where it began to a place. */
export function bytesTo({ start }: Game, unit: Unit, place: Place): number {
  return copiedBytes(unit, start[unit.row]!, place)
}

/** Bytes that count for the price: those of volumes, and the memory of a machine that moves. */
export function costTo(game: Game, unit: Unit, place: Place): number {
  const moved = place.host !== game.start[unit.row]!.host
  return bytesTo(game, unit, place) + (moved ? amountOf(unit, MEMORY) : 0)
}

/** Volumes whose replicas on one host move together or not at all; -1 stands for all. */
function movingVolumes({ locality, standbyMode, volumes }: Unit): readonly number[] {
  const together = volumes.length <= 1 || locality === 'Required' || standbyMode === 'Replica'
  return together ? [-1] : volumes.map((_, volume) => volume)
}

/** Every place that one switch of replicas, a change of seat, or both lead to. */
export function targetsOf({ hostCount, reach }: Game, unit: Unit, place: Place): Place[] {
  const found: Place[] = []
  const add = (pools: Place['pools']) => {
    for (const { host, standby } of reach.seats(unit, place, pools)) {
      if (pools === place.pools && host === place.host && standby === place.standby) continue
      found.push({ host, standby, pools })
    }
  }
  add(place.pools)
  for (const volume of movingVolumes(unit)) {
    for (const from of reach.sources(place)) {
      for (let to = 0; to < hostCount; to++) {
        const pools = reach.switched(unit, place.pools, { from, to, volume })
        if (pools) add(pools)
      }
    }
  }
  return found
}

/** Places that a step at random leads to: some replicas moved, and any seat with them. */
export function randomTargets(game: Game, unit: Unit, chance: Chance): readonly Place[] {
  const { board, hostCount, reach } = game
  const place = board.places[unit.row]!
  if (unit.volumes.length === 0 || chance.next() < SEAT_ONLY) {
    return seated(game, unit, place, place.pools)
  }
  const sources = reach.sources(place)
  const volumes = movingVolumes(unit)
  const pools = reach.switched(unit, place.pools, {
    from: sources[chance.below(sources.length)]!,
    to: chance.below(hostCount),
    volume: volumes[chance.below(volumes.length)]!,
  })
  return pools ? seated(game, unit, place, pools) : []
}

/** How often a step at random leaves the replicas alone. */
const SEAT_ONLY = 0.1

/** How many units are looked at for one that can make up for a step. */
const LOOKS = 40

/** Where replicas come from and go to. */
export interface Way {
  readonly from: number
  readonly to: number
}

/** The hosts between which replicas go from one place to another; undefined if none do. */
export function wayOf({ reach }: Game, before: Place, after: Place): Way | undefined {
  if (before.pools === after.pools) return undefined
  const old = reach.sources(before)
  const now = reach.sources(after)
  const from = old.find((host) => !now.includes(host))
  const to = now.find((host) => !old.includes(host))
  return from === undefined || to === undefined ? undefined : { from, to }
}

/** Another unit that can go along a way, and the places that leads it to. */
export function partnerOn(
  game: Game,
  way: Way,
  not: Unit,
  movable: readonly Unit[],
  chance: Chance,
): { readonly unit: Unit; readonly places: readonly Place[] } | undefined {
  const { board, reach } = game
  for (let look = 0; look < LOOKS; look++) {
    const unit = movable[chance.below(movable.length)]!
    const place = board.places[unit.row]!
    if (unit === not || !reach.stands(place, way.from)) continue
    const volumes = movingVolumes(unit)
    const volume = volumes[chance.below(volumes.length)]!
    const pools = reach.switched(unit, place.pools, { ...way, volume })
    if (pools) return { unit, places: seated(game, unit, place, pools) }
  }
  return undefined
}

function seated({ reach }: Game, unit: Unit, place: Place, pools: Place['pools']): Place[] {
  return reach.seats(unit, place, pools).map(({ host, standby }) => ({ host, standby, pools }))
}
