/**
 * Moves that make a fleet better, in an order that never breaks a rule. The plan grows in stages:
 * each looks for places that are worth their bytes, strictly at first and then less so, and then
 * lists the moves that lead there straight. So the beginning of a plan is its best part.
 */

import { createChance } from '../chance.ts'
import type { Fleet } from '../fleet/index.ts'
import { anneal, settle } from './anneal.ts'
import { createBoard } from './board.ts'
import { descend, SMALLEST_GAIN } from './descend.ts'
import { numberMoves, type PlannedMove, type Step } from './moves.ts'
import type { Objective } from './objective.ts'
import { takeSteps } from './order.ts'
import { createReach } from './reach.ts'
import { costTo, type Game } from './targets.ts'
import { type MoveRules, unitsOf, writePlace } from './units.ts'

/** What a plan is to reach, and what it may cost. */
export interface RebalanceOptions {
  readonly objective: Objective
  /** Most bytes of volumes to copy; left out: no limit. */
  readonly budgetBytes?: number
  /** Most moves; left out: no limit. */
  readonly maximumMoves?: number
  /** 1 for hosts that machines and replicas may leave or reach; left out: all. */
  readonly hosts?: Uint8Array
  /**
   * What copying has to be worth: copying all that the pools have promised would have to lower the
   * score by this many times the score that is left when no single move is of use any more.
   * 0 copies whatever gains anything; left out: 1.5.
   */
  readonly thrift?: number
  /** Equal fleets, rules and options give equal plans. */
  readonly seed: number
  /**
   * About how many places to look at; left out: 150 for every workload on every host, and not
   * more than ten million.
   */
  readonly evaluations?: number
}

/** A score and the weighted share of each term in it. */
export interface Appraisal {
  readonly score: number
  readonly terms: readonly number[]
}

/** A point of a plan at which the fleet is better than at every point before. */
export interface Stop {
  /** Moves until then. */
  readonly moves: number
  /** Bytes of volumes copied until then. */
  readonly copiedBytes: number
  readonly score: number
}

/** A plan. */
export interface RebalancePlan {
  readonly moves: readonly PlannedMove[]
  /** Bytes of volumes. */
  readonly copiedBytes: number
  readonly before: Appraisal
  readonly after: Appraisal
  /** Where it may well end early, each better than all before; between them workloads swap. */
  readonly trajectory: readonly Stop[]
  /** Places that were looked at. */
  readonly evaluations: number
}

/** Thrifts of the stages before the last. */
const EARLY_THRIFTS = [10, 6, 4, 2.5]
const USUAL_THRIFT = 1.5
const EVALUATIONS_PER_PAIR = 150
const MAXIMUM_EVALUATIONS = 10_000_000

/** Plans moves; the fleet stays as it is. */
export function planRebalance(
  fleet: Fleet,
  rules: MoveRules,
  options: RebalanceOptions,
): RebalancePlan {
  const desk = createDesk(fleet.clone(), rules, options)
  const before = appraise(desk.board.parts())
  const thrift = options.thrift ?? USUAL_THRIFT
  const thrifts = [...EARLY_THRIFTS.filter((early) => early > thrift), thrift]
  const steps: Step[] = []
  for (const [stage, each] of thrifts.entries()) {
    runStage(desk, steps, { thrift: each, stagesLeft: thrifts.length - stage })
  }
  return {
    moves: numberMoves(fleet, steps, before.score),
    copiedBytes: steps.reduce((sum, step) => sum + step.copiedBytes, 0),
    before,
    after: appraise(steps.at(-1)?.parts ?? before.terms),
    trajectory: stopsOf(steps, before.score),
    evaluations: desk.board.probes(),
  }
}

function stopsOf(steps: readonly Step[], before: number): readonly Stop[] {
  const stops: Stop[] = []
  let best = before
  let copiedBytes = 0
  let moves = 0
  for (const step of steps) {
    copiedBytes += step.copiedBytes
    moves += step.moves
    if (step.score >= best) continue
    best = step.score
    stops.push({ moves, copiedBytes, score: best })
  }
  return stops
}

function appraise(terms: readonly number[]): Appraisal {
  return { score: terms.reduce((sum, term) => sum + term, 0), terms }
}

type Desk = ReturnType<typeof createDesk>

/** What all stages share. */
function createDesk(fleet: Fleet, rules: MoveRules, options: RebalanceOptions) {
  const { places, units } = unitsOf(fleet, rules)
  const board = createBoard(fleet, units, places, options.objective)
  const reach = createReach({
    fleet,
    rules,
    units,
    places: board.places,
    hosts: options.hosts,
    fullness: board.fullness,
  })
  const movable = units.filter(reach.movable)
  const shadowed = units.some(({ dynamic, volumes }) => dynamic || volumes.some((v) => v.dynamic))
  return {
    fleet,
    options,
    units,
    board,
    reach,
    movable,
    chance: createChance(options.seed),
    evaluations:
      options.evaluations ??
      Math.min(EVALUATIONS_PER_PAIR * movable.length * fleet.hostCount, MAXIMUM_EVALUATIONS),
    /** Keeps the fleet as the board is, if a rule looks at it. */
    put(unit: Game['units'][number], place: Game['start'][number]): void {
      board.put(place)
      if (shadowed) writePlace(fleet, unit, place)
    },
    /** What a byte costs at a thrift of 1; known when the first descent has ended. */
    unitPrice: undefined as number | undefined,
  }
}

/** Searches from where the board stands, takes the steps there and adds them. */
function runStage(
  desk: Desk,
  steps: Step[],
  { stagesLeft, thrift }: { readonly thrift: number; readonly stagesLeft: number },
): void {
  const { board, chance, evaluations, fleet, movable, options } = desk
  const spent = steps.reduce((sum, step) => sum + step.copiedBytes, 0)
  const free: Game = {
    ...desk,
    hostCount: fleet.hostCount,
    start: [...board.places],
    budgetBytes: (options.budgetBytes ?? Number.POSITIVE_INFINITY) - spent,
    price: 0,
  }
  const left = evaluations - board.probes()
  if (movable.length === 0 || left <= 0) return
  descend(free, movable, left / 2)
  const promised = fleet.poolPromised.reduce((sum, bytes) => sum + bytes, 0)
  desk.unitPrice ??= promised > 0 ? Math.abs(board.score()) / promised : 0
  const game = { ...free, price: desk.unitPrice * thrift }
  anneal(game, movable, (evaluations - board.probes()) / stagesLeft, chance)
  const targets = [...board.places]
  settle(game, game.start)
  const moves = steps.reduce((sum, step) => sum + step.moves, 0)
  const maximumMoves = (options.maximumMoves ?? Number.POSITIVE_INFINITY) - moves
  const before = appraise(board.parts()).score
  const taken = takeSteps(game, targets, fleet, maximumMoves)
  const useful = usefulSteps(game, taken, before)
  for (const { from, unit } of taken.slice(useful).reverse()) {
    board.lift(unit)
    desk.put(unit, from)
  }
  steps.push(...taken.slice(0, useful))
}

/** How many of the steps are worth what they cost: the rest only makes it worse. */
function usefulSteps(game: Game, steps: readonly Step[], before: number): number {
  const costs = new Map<Step['unit'], number>()
  let cost = 0
  let best = { total: before, steps: 0 }
  for (const [index, { score, to, unit }] of steps.entries()) {
    const now = costTo(game, unit, to)
    cost += now - (costs.get(unit) ?? 0)
    costs.set(unit, now)
    const total = score + game.price * cost
    if (total < best.total - SMALLEST_GAIN) best = { total, steps: index + 1 }
  }
  return best.steps
}
