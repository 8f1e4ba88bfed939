import type { PairProblem } from './pairs.ts'

/** Earnings that count as equal. */
const TOLERANCE = 1e-9

/** All hosts deciding for themselves at given prices; see `prices.ts`. */
export interface Market {
  readonly prices: Float64Array
  /** What hosts decided to run. */
  readonly running: Int32Array
  /** Machines backed up less machines run, by group: the slope of the bound. */
  readonly excess: Float64Array
  /** Lets hosts decide; what they earn together. */
  open(): number
}

/** The hosts of a problem; at first everything is free. */
export function createMarket({
  groupCount,
  groupOf,
  hostCount,
  primaries,
  replicas,
  room,
}: PairProblem): Market {
  const prices = new Float64Array(groupCount)
  const running = new Int32Array(hostCount)
  const excess = new Float64Array(groupCount)
  const order = Int32Array.from(prices.keys())
  const largest = new Float64Array(groupCount)
  for (let host = 0; host < hostCount; host++) largest[groupOf[host]!]! += primaries[host]!

  /** What a host earns if it runs `count`: it backs up the dearest groups it has room for. */
  function earned(host: number, count: number, tally: 0 | 1): number {
    let left = replicas[host]! - count
    let sum = (1 - prices[groupOf[host]!]!) * count
    const row = host * groupCount
    for (let next = 0; next < groupCount && left > 0; next++) {
      const group = order[next]!
      if (prices[group]! <= 0) break
      const taken = Math.min(left, largest[group]!, room[row + group]! - count)
      if (taken <= 0) continue
      sum += prices[group]! * taken
      excess[group]! += tally * taken
      left -= taken
    }
    return sum
  }
  /** The first count that one more does not improve. What a host earns is concave in it. */
  function decide(host: number): number {
    let low = 0
    let high = primaries[host]!
    while (low < high) {
      const middle = (low + high) >> 1
      if (earned(host, middle + 1, 0) > earned(host, middle, 0) + TOLERANCE) low = middle + 1
      else high = middle
    }
    return low
  }
  return {
    prices,
    running,
    excess,
    open() {
      order.sort((one, other) => prices[other]! - prices[one]!)
      excess.fill(0)
      let sum = 0
      for (let host = 0; host < hostCount; host++) {
        const count = decide(host)
        running[host] = count
        sum += earned(host, count, 1)
        excess[groupOf[host]!]! -= count
      }
      return sum
    },
  }
}
