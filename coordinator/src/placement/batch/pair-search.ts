/** As many pairs as possible: prices say where they run, a flow finds backups, a search repairs. */
import { type Cover, createCover } from './cover.ts'
import { createPairPlan, type PairPlan, type PairProblem } from './pairs.ts'
import { createPrices } from './prices.ts'

/** What was found. */
export interface PairsFound {
  readonly plan: PairPlan
  /** No plan has more machines than this. */
  readonly bound: number
}

/** How often prices are refined before the search begins, and evaluations each time. */
const ROUNDINGS = 8
const REFINEMENTS = 25
/** Trials of the search between two refinements, at most, and what they may cost in cells. */
const TRIALS_BETWEEN = 200
const MOST_TRIALS = 20_000
const MOST_CELLS = 2e8
/** Most hosts that a trial changes. */
const MOST_CHANGES = 3

/** How pairs are searched. */
export interface PairSearch {
  /** Machines to run on each host that are not to be undercut; left out: none. */
  readonly start?: ArrayLike<number>
  /** Part of the usual effort. */
  readonly effort: number
}

/** Looks for the fullest plan until it is as full as the bound, or the effort is spent. */
export function searchPairs(
  problem: PairProblem,
  random: () => number,
  { effort, start }: PairSearch,
): PairsFound {
  const prices = createPrices(problem, random)
  prices.level()
  const cover = createCover(problem)
  const plan = createPairPlan(problem)
  const trial = createPairPlan(problem)
  const tryRunning = (running: ArrayLike<number>) => {
    for (let host = 0; host < problem.hostCount; host++) trial.run(host, running[host]!)
    adopt(plan, trial, cover)
  }
  if (start) tryRunning(start)
  tryRunning(prices.best)
  for (let round = 0; round < effort * ROUNDINGS && plan.total < prices.bound; round++) {
    prices.refine(REFINEMENTS, plan.total + 1)
    tryRunning(prices.average.map((count) => Math.floor(count + random())))
  }
  const trials = effort * Math.min(MOST_TRIALS, Math.ceil(MOST_CELLS / plan.backups.length))
  for (let count = 1; count <= trials && plan.total < prices.bound; count++) {
    trial.copyFrom(plan)
    changeSome(problem, trial, random)
    adopt(plan, trial, cover)
    if (count % TRIALS_BETWEEN === 0) prices.refine(REFINEMENTS, plan.total + 1)
  }
  return { plan, bound: prices.bound }
}

/**
 * Completes a trial and makes it the plan if it is not worse, so that a search also wanders between
 * plans that are equally full. The flow puts backups that lost their room elsewhere; machines that
 * stay without are given up.
 */
function adopt(plan: PairPlan, trial: PairPlan, cover: Cover): void {
  cover(trial)
  trial.trim()
  if (trial.total >= plan.total) plan.copyFrom(trial)
}

/** Runs one machine more on some host, and perhaps one more or less on others. */
function changeSome(problem: PairProblem, trial: PairPlan, random: () => number): void {
  const { hostCount, primaries } = problem
  for (let changes = 1 + Math.floor(random() * MOST_CHANGES); changes > 0; changes--) {
    const host = Math.floor(random() * hostCount)
    const more = changes === 1 || random() < 0.5 ? 1 : -1
    const running = trial.running[host]! + more
    if (running >= 0 && running <= primaries[host]!) trial.run(host, running)
  }
}
