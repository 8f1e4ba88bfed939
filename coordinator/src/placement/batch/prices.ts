/**
 * An upper bound for the pairs of a problem, and where its machines would run.
 *
 * Let every group have a price. A machine is worth 1: the host it runs on earns 1 less the price
 * of the group, the host that backs it up earns the price. So the number of machines is the sum of
 * what all hosts earn, and no host earns more than it would if it alone decided what it runs and
 * which groups it backs up, within its own room. That is found host by host, so every list of
 * prices gives a bound. What hosts decide says which prices are wrong: if a group is backed up more
 * often than it runs, it is too dear. The bound is convex in the prices, and its least value is the
 * optimum of the whole problem in fractions of machines, because what one host may decide has whole
 * corners.
 */
import { createDilation, type Dilation } from './dilation.ts'
import { createMarket } from './market.ts'
import type { PairProblem } from './pairs.ts'

/** Prices of a problem. */
export interface Prices {
  /**
   * No more machines than this are possible: the least bound seen, rounded down, with a margin for
   * the errors of sums.
   */
  readonly bound: number
  /** Machines that hosts would run, at the prices of the least bound. */
  readonly best: Int32Array
  /** The same on average over the last evaluations. */
  readonly average: Float64Array
  /** Finds the best price that is the same for all groups. */
  level(): void
  /** Moves prices apart, for so many evaluations, as long as the bound is at least `target`. */
  refine(evaluations: number, target: number): void
}

/** Halvings that find the price for all: more say nothing in whole machines. */
const LEVELS = 24
/** What the last evaluation counts in the average. */
const FORGET = 0.05
const MARGIN = 1e-6
/** Strides on the way down: how they begin, and how they adapt to the ground. */
const FIRST_STRIDE = 0.1
const SHORTER = 0.9
const LONGER = 1.2
const MOST_STEPS = 8

/** Prices of a problem, none set yet. */
export function createPrices(problem: PairProblem, random: () => number): Prices {
  const { groupCount, hostCount } = problem
  const market = createMarket(problem)
  const { excess, prices, running } = market
  const best = new Int32Array(hostCount)
  const average = new Float64Array(hostCount)
  const direction = new Float64Array(groupCount)
  const change = new Float64Array(groupCount)
  let dilation: Dilation | undefined
  let least = Number.POSITIVE_INFINITY
  let stride = FIRST_STRIDE

  function evaluate(): void {
    const sum = market.open()
    for (let host = 0; host < hostCount; host++)
      average[host]! += (running[host]! - average[host]!) * FORGET
    if (sum >= least) return
    least = sum
    best.set(running)
  }
  const bound = () => Math.floor(least + MARGIN)

  /** Walks downhill until the ground rises; the number of evaluations. */
  function descend(): number {
    for (let steps = 1; ; steps++) {
      for (let group = 0; group < groupCount; group++) prices[group]! -= stride * direction[group]!
      evaluate()
      const level = excess.reduce((sum, slope, group) => sum + slope * direction[group]!, 0)
      if (level <= 0 || steps === MOST_STEPS) {
        if (steps === 1) stride *= SHORTER
        return steps
      }
      if (steps > 2) stride *= LONGER
    }
  }
  return {
    best,
    average,
    get bound() {
      return bound()
    },
    level() {
      let low = 0
      let high = 1
      for (let round = 0; round < LEVELS; round++) {
        const middle = (low + high) / 2
        prices.fill(middle)
        evaluate()
        if (excess.reduce((sum, value) => sum + value, 0) > 0) high = middle
        else low = middle
      }
      average.set(best)
    },
    refine(evaluations, target) {
      // Equal prices are the corner of many slopes; a little unequal, the slope is one of them.
      if (!dilation)
        for (let group = 0; group < groupCount; group++) prices[group]! += random() * MARGIN
      dilation ??= createDilation(groupCount)
      for (let used = 0; used < evaluations && bound() >= target; ) {
        if (!dilation.direct(excess, direction)) return
        change.set(excess)
        used += descend()
        for (let group = 0; group < groupCount; group++) change[group]! -= excess[group]!
        dilation.shorten(change)
      }
    },
  }
}
