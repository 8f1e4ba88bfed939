/**
 * The way of one unit from place to place in steps that each keep every rule: its machine moves or
 * gets another standby, or replicas go from one host to another.
 */
import type { Board } from './board.ts'
import type { Reach } from './reach.ts'
import { inPosition, type Place, samePlace, type Unit } from './units.ts'

/** Replicas that go from one host to another, with where they go. */
interface Group {
  readonly changes: readonly { readonly volume: number; readonly index: number; pool: number }[]
}

/** Differences between the replicas of two places, grouped by the hosts they leave and reach. */
export function groupsOf(poolHost: Int32Array, from: Place, to: Place): readonly Group[] {
  const groups = new Map<string, { volume: number; index: number; pool: number }[]>()
  const target = inPosition(from, to)
  for (const [volume, rows] of from.pools.entries()) {
    for (const [index, before] of rows.entries()) {
      const pool = target.pools[volume]![index]!
      if (pool === before) continue
      const key = `${poolHost[before]}>${poolHost[pool]}`
      const changes = groups.get(key) ?? []
      changes.push({ volume, index, pool })
      groups.set(key, changes)
    }
  }
  return [...groups.values()].map((changes) => ({ changes }))
}

/** The replicas after some groups have gone. */
export function withGroups(pools: Place['pools'], groups: readonly Group[]): Place['pools'] {
  if (groups.length === 0) return pools
  const after = [...pools]
  for (const { changes } of groups) {
    for (const { index, pool, volume } of changes) after[volume] = after[volume]!.with(index, pool)
  }
  return after
}

interface Stop {
  readonly place: Place
  /** Bit mask of the groups that have gone. */
  readonly gone: number
  readonly before: Stop | undefined
}

/**
 * The shortest way, without its beginning, for the unit that is lifted off the board; undefined if
 * every way would break a rule.
 */
export function routeOf(
  board: Board,
  reach: Reach,
  groups: readonly Group[],
  leg: { readonly unit: Unit; readonly from: Place; readonly to: Place },
): readonly Place[] | undefined {
  const { from, to, unit } = leg
  /** Hosts of the machine on the way: only those where it or its standby begins or ends. */
  const hosts = [from.host, from.standby, to.host, to.standby]
  const seen = new Set<string>()
  const stops: Stop[] = [{ place: from, gone: 0, before: undefined }]
  for (const stop of stops) {
    if (samePlace(stop.place, to)) return pathTo(stop)
    for (const next of onward(reach, groups, unit, stop)) {
      const key = `${next.place.host} ${next.place.standby} ${next.gone}`
      if (seen.has(key)) continue
      seen.add(key)
      if (hosts.includes(next.place.host) && board.probe(next.place) < Number.POSITIVE_INFINITY)
        stops.push(next)
    }
  }
  return undefined
}

function* onward(reach: Reach, groups: readonly Group[], unit: Unit, stop: Stop): Generator<Stop> {
  const { gone, place } = stop
  for (const seat of reach.seats(unit, place, place.pools)) {
    yield { place: { ...seat, pools: place.pools }, gone, before: stop }
  }
  for (const [index, group] of groups.entries()) {
    if (gone & (1 << index)) continue
    const pools = withGroups(place.pools, [group])
    const allowed = group.changes.every(({ volume }) =>
      reach.allows(unit, volume, place.pools[volume]!, pools[volume]!),
    )
    if (!allowed) continue
    for (const seat of reach.seats(unit, place, pools)) {
      if (seat.host !== place.host) continue
      yield { place: { ...seat, pools }, gone: gone | (1 << index), before: stop }
    }
  }
}

function pathTo(stop: Stop): readonly Place[] {
  const places: Place[] = []
  for (let at: Stop | undefined = stop; at?.before; at = at.before) places.unshift(at.place)
  return places
}
