/**
 * The second part of a search. Where counts are even, every single step makes them uneven first,
 * so steps are tried alone and with a partner that goes the other way; a step that makes things
 * a little worse is taken now and then, ever more seldom.
 */
import type { Chance } from '../chance.ts'
import { bytesTo, costTo, type Game, partnerOn, randomTargets, wayOf } from './targets.ts'
import type { Place, Unit } from './units.ts'

/** Part of the score at the beginning that a bad step may cost with chance 1/e: first, last. */
const HOT = 0.0003
const COLD = 0.00003

/** What a change adds. */
interface Change {
  readonly bytes: number
  readonly cost: number
}

const NOTHING: Change = { bytes: 0, cost: 0 }

/** A place that was probed. */
interface Try {
  readonly unit: Unit
  readonly place: Place
  /** The score there. */
  readonly after: number
  readonly change: Change
  /** What score and price grow by. */
  readonly loss: number
}

/** Partners that are tried for one step; the best is taken. */
const PARTNERS = 6

/** Tries steps until `probes` places have been looked at; leaves the best that was found. */
export function anneal(game: Game, movable: readonly Unit[], probes: number, chance: Chance): void {
  const { board, budgetBytes, price } = game
  const first = board.probes()
  let score = board.score()
  let bytes = movable.reduce((sum, unit) => sum + bytesTo(game, unit, board.places[unit.row]!), 0)
  const scale = Math.abs(score)
  let cost = movable.reduce((sum, unit) => sum + costTo(game, unit, board.places[unit.row]!), 0)
  let leader = { total: score + price * cost, places: [...board.places] }
  let heat = 0

  function changeOf(unit: Unit, place: Place): Change {
    const here = board.places[unit.row]!
    return {
      bytes: bytesTo(game, unit, place) - bytesTo(game, unit, here),
      cost: costTo(game, unit, place) - costTo(game, unit, here),
    }
  }
  /** The best of some places for a unit, which is lifted for it, when `so far` comes with it. */
  function best(unit: Unit, places: readonly Place[], soFar: Change): Try | undefined {
    let found: Try | undefined
    for (const place of places) {
      const after = board.probe(place)
      if (after === Number.POSITIVE_INFINITY) continue
      const change = changeOf(unit, place)
      const both = { bytes: soFar.bytes + change.bytes, cost: soFar.cost + change.cost }
      const loss = after - score + price * both.cost
      if (!found || loss < found.loss) found = { unit, place, after, change: both, loss }
    }
    return found
  }
  function accepts({ change, loss }: Try): boolean {
    if (change.bytes > 0 && bytes + change.bytes > budgetBytes) return false
    return loss <= 0 || (heat > 0 && chance.next() < Math.exp(-loss / heat))
  }
  /** Puts the lifted unit down for good. */
  function take({ after, change, place, unit }: Try): void {
    game.put(unit, place)
    score = after
    bytes += change.bytes
    cost += change.cost
  }
  function step(unit: Unit, targets: readonly Place[]): void {
    const from = board.places[unit.row]!
    board.lift(unit)
    const alone = best(unit, targets, NOTHING)
    if (!alone) return board.put(from)
    if (accepts(alone)) return take(alone)
    const way = wayOf(game, alone.place, from)
    if (!way) return board.put(from)
    game.put(unit, alone.place)
    let chosen: Try | undefined
    for (let tries = 0; tries < PARTNERS; tries++) {
      const partner = partnerOn(game, way, unit, movable, chance)
      if (!partner) break
      board.lift(partner.unit)
      const pair = best(partner.unit, partner.places, alone.change)
      board.put(board.places[partner.unit.row]!)
      if (pair && (!chosen || pair.loss < chosen.loss)) chosen = pair
    }
    if (chosen && accepts(chosen)) {
      board.lift(chosen.unit)
      return take(chosen)
    }
    board.lift(unit)
    game.put(unit, from)
  }

  for (let done = 0, tries = 0; done < probes && tries < 4 * probes; tries++) {
    heat = scale * HOT * (COLD / HOT) ** (done / probes)
    const unit = movable[chance.below(movable.length)]!
    const targets = randomTargets(game, unit, chance)
    if (targets.length > 0) step(unit, targets)
    done = board.probes() - first
    const total = score + price * cost
    if (total < leader.total) leader = { total, places: [...board.places] }
  }
  settle(game, leader.places)
}

/** Brings every unit to its place of a list. */
export function settle({ board, put, units }: Game, places: readonly Place[]): void {
  for (const unit of units) {
    const place = places[unit.row]!
    if (board.places[unit.row] === place) continue
    board.lift(unit)
    put(unit, place)
  }
}
