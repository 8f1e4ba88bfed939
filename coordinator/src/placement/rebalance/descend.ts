/** The first, quick part of a search: always the step that gains most per byte. */
import { createLazyQueue, type Offer } from './lazy-queue.ts'
import { bytesTo, type Game, targetsOf } from './targets.ts'
import type { Place, Unit } from './units.ts'

/** Gains below this are rounding errors. */
export const SMALLEST_GAIN = 1e-9

/** The rank of a gain: per byte; what needs no copy comes before everything that does. */
export function rankOf(gain: number, bytes: number): number {
  if (gain < 0) return gain
  return bytes > 0 ? gain / bytes : gain * Number.MAX_SAFE_INTEGER
}

/** Moves units until no single step is worth its bytes, or `probes` places have been looked at. */
export function descend(game: Game, movable: readonly Unit[], probes: number): void {
  const { board } = game
  const last = board.probes() + probes
  const queue = createLazyQueue((unit) => bestStep(game, unit))
  let spent = movable.reduce((sum, unit) => sum + bytesTo(game, unit, board.places[unit.row]!), 0)
  for (let moved = true; moved && board.probes() < last; ) {
    moved = false
    for (const unit of movable) {
      if (board.probes() >= last) break
      queue.ask(unit)
    }
    for (let offer = queue.take(); offer && board.probes() < last; offer = queue.take()) {
      const { place, unit } = offer
      const more = bytesTo(game, unit, place) - bytesTo(game, unit, board.places[unit.row]!)
      if (more > 0 && spent + more > game.budgetBytes) continue
      board.lift(unit)
      game.put(unit, place)
      spent += more
      moved = true
      queue.moved()
      queue.ask(unit)
    }
  }
}

function bestStep(game: Game, unit: Unit): Offer | undefined {
  const { board, price } = game
  const here = board.places[unit.row]!
  const targets = targetsOf(game, unit, here)
  if (targets.length === 0) return undefined
  const before = board.score()
  const bytesHere = bytesTo(game, unit, here)
  let best: Place | undefined
  let bestRank = 0
  board.lift(unit)
  for (const place of targets) {
    const gain = before - board.probe(place)
    const bytes = bytesTo(game, unit, place) - bytesHere
    if (gain - price * bytes < SMALLEST_GAIN) continue
    const rank = rankOf(gain, bytes)
    if (best && rank <= bestRank) continue
    best = place
    bestRank = rank
  }
  board.put(here)
  return best && { unit, place: best, rank: bestRank }
}
