/**
 * Rows in the order of their costs, without sorting them. Rows stand in blocks that know their
 * least cost, so that a changed row costs one look at its block, and the first few rows of the
 * order cost one look at every block. Most decisions need only the first few.
 */

/** Costs of all rows and the order they give. */
export interface Ranking {
  /** Cost by row, Infinity for rows that are out of question. Written by `set` and `fill` only. */
  readonly costs: Float64Array
  set(row: number, cost: number): void
  /** Sets every row. */
  fill(costOf: (row: number) => number): void
  /** Sets every row to the sum of these costs. */
  fillSum(terms: readonly Float64Array[]): void
  /** Begins to go through the rows; the seed says which of equal rows come first. */
  begin(seed: number): void
  /** Row at a place of the order, 0 being the cheapest; -1 beyond the last that is possible. */
  at(place: number): number
}

const BLOCK = 64

/** A ranking of `count` rows that are all out of question. */
export function createRanking(count: number): Ranking {
  const blocks = Math.ceil(count / BLOCK)
  const costs = new Float64Array(blocks * BLOCK).fill(Infinity)
  const least = new Float64Array(blocks).fill(Infinity)
  /** Cost of the next row that each block gives, and its turn within the block. */
  const coming = new Float64Array(blocks)
  const turns = new Int32Array(blocks)
  const order: number[] = []
  let firstBlock = 0
  let firstTurn = 0

  function leastOf(block: number): number {
    let smallest = Infinity
    for (let row = block * BLOCK, end = row + BLOCK; row < end; row++)
      if (costs[row]! < smallest) smallest = costs[row]!
    return smallest
  }
  function rowAt(block: number, turn: number): number {
    return block * BLOCK + ((turn + firstTurn) % BLOCK)
  }
  /** The first turn of a block that has its least cost. */
  function opening(block: number): number {
    let turn = 0
    while (costs[rowAt(block, turn)] !== coming[block]) turn++
    return turn
  }
  /** Moves a block on from the row it has given. */
  function advance(block: number, given: number): void {
    const cost = coming[block]!
    let next = Infinity
    let nextTurn = -1
    for (let turn = 0; turn < BLOCK; turn++) {
      const other = costs[rowAt(block, turn)]!
      if (other === cost && turn > given) {
        turns[block] = turn
        return
      }
      if (other > cost && other < next) {
        next = other
        nextTurn = turn
      }
    }
    coming[block] = next
    turns[block] = nextTurn
  }
  function cheapestBlock(): number {
    let cheapest = -1
    let cost = Infinity
    for (let turn = 0, block = firstBlock; turn < blocks; turn++, block++) {
      if (block === blocks) block = 0
      if (coming[block]! < cost) {
        cost = coming[block]!
        cheapest = block
      }
    }
    return cheapest
  }

  function findLeast(): void {
    for (let block = 0; block < blocks; block++) least[block] = leastOf(block)
  }

  return {
    costs,
    set(row, cost) {
      const block = Math.floor(row / BLOCK)
      const before = costs[row]!
      costs[row] = cost
      if (cost <= least[block]!) least[block] = cost
      else if (before === least[block]) least[block] = leastOf(block)
    },
    fill(costOf) {
      for (let row = 0; row < count; row++) costs[row] = costOf(row)
      findLeast()
    },
    fillSum([first, ...others]) {
      costs.set(first!.subarray(0, count))
      for (const term of others) for (let row = 0; row < count; row++) costs[row]! += term[row]!
      findLeast()
    },
    begin(seed) {
      coming.set(least)
      turns.fill(-1)
      order.length = 0
      firstTurn = seed % BLOCK
      firstBlock = blocks > 0 ? Math.floor(seed / BLOCK) % blocks : 0
    },
    at(place) {
      while (order.length <= place) {
        const block = cheapestBlock()
        if (block < 0) return -1
        const turn = turns[block]! < 0 ? opening(block) : turns[block]!
        order.push(rowAt(block, turn))
        advance(block, turn)
      }
      return order[place]!
    },
  }
}
