/**
 * The list of steps from what is to what a search found: every unit goes straight to its place,
 * the most gain per byte first, and no step breaks a rule on the way.
 */
import type { Fleet } from '../fleet/index.ts'
import { rankOf } from './descend.ts'
import { createLazyQueue, type Offer } from './lazy-queue.ts'
import { movesOf, type Step } from './moves.ts'
import { groupsOf, routeOf, withGroups } from './route.ts'
import { bytesTo, type Game } from './targets.ts'
import { copiedBytes, inPosition, type Place, samePlace, type Unit } from './units.ts'

/**
 * Takes at most `maximumMoves` moves on the board, which stands where the game began. What cannot
 * be reached stays where it is.
 */
export function takeSteps(
  game: Game,
  targets: readonly Place[],
  fleet: Fleet,
  maximumMoves: number,
): Step[] {
  const { board, budgetBytes } = game
  const { poolHost } = fleet
  const pending = pendingOf(game, targets)
  const neighbours = createNeighbours()
  for (const [unit, end] of pending) {
    neighbours.add(unit, hostsOf(poolHost, board.places[unit.row]!))
    neighbours.add(unit, hostsOf(poolHost, end))
  }
  const queue = createLazyQueue((unit) => bestStop(game, poolHost, unit, pending.get(unit)!))
  for (const unit of pending.keys()) queue.ask(unit)
  const steps: Step[] = []
  const blocked = new Set<Unit>()
  let bytes = 0
  let moves = 0
  for (let offer = queue.take(); offer; offer = queue.take()) {
    const { place, unit } = offer
    const here = board.places[unit.row]!
    if (bytes + copiedBytes(unit, here, place) > budgetBytes) continue
    const taken = stepsTo(game, fleet, unit, place)
    if (!taken) blocked.add(unit)
    const more = taken?.reduce((sum, step) => sum + step.moves, 0) ?? 0
    if (!taken || moves + more > maximumMoves) continue
    for (const step of taken) steps.push(walk(game, step))
    bytes += copiedBytes(unit, here, place)
    moves += more
    if (samePlace(place, pending.get(unit)!)) pending.delete(unit)
    queue.moved()
    neighbours.add(unit, hostsOf(poolHost, place))
    const touched = [...hostsOf(poolHost, here), ...hostsOf(poolHost, place)]
    for (const other of neighbours.of(touched, blocked)) if (pending.has(other)) queue.ask(other)
    blocked.clear()
  }
  return steps
}

/** Units by the hosts that they come from, go to or stop at. */
function createNeighbours() {
  const byHost = new Map<number, Set<Unit>>()
  return {
    add(unit: Unit, hosts: readonly number[]): void {
      for (const host of hosts) byHost.set(host, (byHost.get(host) ?? new Set()).add(unit))
    },
    /** Those of some hosts and some others, each once, in the order of their rows. */
    of(hosts: readonly number[], others: Iterable<Unit>): readonly Unit[] {
      const found = new Set(others)
      for (const host of new Set(hosts)) for (const unit of byHost.get(host) ?? []) found.add(unit)
      return [...found].sort((one, other) => one.row - other.row)
    },
  }
}

/** Units that are not where they should be. */
function pendingOf({ board, units }: Game, targets: readonly Place[]): Map<Unit, Place> {
  const pending = new Map<Unit, Place>()
  for (const unit of units) {
    const here = board.places[unit.row]!
    const target = inPosition(here, targets[unit.row]!)
    if (!samePlace(here, target)) pending.set(unit, target)
  }
  return pending
}

type Leg = Pick<Step, 'unit' | 'from' | 'to' | 'copiedBytes' | 'moves'>

/** The steps of a unit to a place; undefined if every way would break a rule. */
function stepsTo(game: Game, fleet: Fleet, unit: Unit, to: Place): readonly Leg[] | undefined {
  const { board, reach } = game
  const here = board.places[unit.row]!
  board.lift(unit)
  const groups = groupsOf(fleet.poolHost, here, to)
  const path = routeOf(board, reach, groups, { unit, from: here, to })
  board.put(here)
  return path?.map((place, index) => {
    const from = index === 0 ? here : path[index - 1]!
    const moves = movesOf(fleet, unit, from, place).length
    return { unit, from, to: place, copiedBytes: copiedBytes(unit, from, place), moves }
  })
}

function walk({ board, put }: Game, leg: Leg): Step {
  board.lift(leg.unit)
  put(leg.unit, leg.to)
  const parts = board.parts()
  return { ...leg, parts, score: parts.reduce((sum, part) => sum + part, 0) }
}

/** Ways of more groups are not searched as a whole: they grow with every order of them. */
const MOST_GROUPS = 4

/** The best of the places on the way of a unit: its end, or some of its replicas gone. */
function bestStop(game: Game, poolHost: Int32Array, unit: Unit, end: Place): Offer | undefined {
  const { board, reach } = game
  const here = board.places[unit.row]!
  const before = board.score()
  const spent = bytesTo(game, unit, here)
  const groups = groupsOf(poolHost, here, end)
  let best: Offer | undefined
  const look = (place: Place) => {
    const gain = before - board.probe(place)
    if (gain === Number.NEGATIVE_INFINITY) return
    const bytes = bytesTo(game, unit, place) - spent
    const rank = rankOf(gain, bytes)
    if (!best || rank > best.rank) best = { unit, place, rank }
  }
  board.lift(unit)
  if (groups.length <= MOST_GROUPS) look(end)
  if (groups.length > 1) {
    for (const group of groups) {
      const pools = withGroups(here.pools, [group])
      for (const seat of reach.seats(unit, here, pools)) look({ ...seat, pools })
    }
  }
  board.put(here)
  return best
}

function hostsOf(poolHost: Int32Array, { host, pools, standby }: Place): number[] {
  const data = pools.flatMap((rows) => rows.map((pool) => poolHost[pool]!))
  return [host, standby, ...data].filter((host) => host >= 0)
}
