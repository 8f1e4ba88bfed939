/** Many different requests as one problem. */

import { createChance } from '../chance.ts'
import type { ChooseWeights } from '../choose/index.ts'
import type { Choice, Fleet, MachineRequest } from '../fleet/index.ts'
import { type Board, createBoard } from './board.ts'
import { placeByBranching } from './branch.ts'
import { hardestFirst } from './order.ts'
import { repair } from './repair.ts'

/** How a batch is placed. */
export interface BatchOptions {
  /** Equal seeds give equal answers. */
  readonly seed: number
  readonly weights?: ChooseWeights | undefined
  /** What is tried for requests that find no place at first; 1 if not given, 0 for nothing. */
  readonly effort?: number
}

/** Where a batch goes. */
export interface BatchPlacement {
  /** For each request, in the order given, its place, or null. */
  readonly choices: readonly (Choice | null)[]
  /** Indexes of the placed requests; applied in this order, each choice keeps the rules. */
  readonly order: readonly number[]
}

/** Attempts of the repair for each homeless request, and most of them. */
const ATTEMPTS_EACH = 20
const MOST_ATTEMPTS = 200
/** Batches up to this size are searched by branching in the end. */
const SMALL_BATCH = 10
const NODES = 1000
const BRANCHES = 4

/**
 * Places requests together: the hardest first, one by one. If not all find a place, the easiest
 * first and the given order are tried too; then what found no place may push others of the batch to
 * other places, never anything that stands on the fleet. A request that fits nowhere takes nothing
 * from the others. As many are placed as in the given order, or more. Of two batches with as many
 * placed, the one that places the first request in which they differ is preferred: whoever asks
 * puts what matters more first. The fleet stays as it is.
 */
export function placeBatch(
  fleet: Fleet,
  requests: readonly MachineRequest[],
  { effort = 1, seed, weights }: BatchOptions,
): BatchPlacement {
  const hardest = hardestFirst(fleet, requests)
  const inOrder = (order: readonly number[]): Attempt => {
    const board = createBoard(fleet, requests, { weights })
    for (const index of order) board.place(index)
    return { board, order }
  }
  let best = inOrder(hardest)
  if (best.board.count < requests.length && effort > 0) {
    for (const order of [hardest.toReversed(), [...requests.keys()]]) {
      const other = inOrder(order)
      if (isBetter(other.board, best.board)) best = other
    }
    improve(fleet, best, effort, { seed, weights })
  }
  const { choices } = best.board
  return { choices: [...choices], order: best.order.filter((index) => choices[index]) }
}

/** A batch placed in an order. */
interface Attempt {
  readonly board: Board
  readonly order: readonly number[]
}

function isBetter({ choices, count }: Board, other: Board): boolean {
  if (count !== other.count) return count > other.count
  const first = choices.findIndex((choice, index) => !choice !== !other.choices[index])
  return first >= 0 && choices[first] !== null
}

/** Those that would not fit even if nothing else of the batch were placed. */
function impossible(
  fleet: Fleet,
  requests: readonly MachineRequest[],
  indexes: readonly number[],
  weights: ChooseWeights | undefined,
): Set<number> {
  const empty = createBoard(fleet, requests, { weights })
  return new Set(
    indexes.filter((index) => {
      if (!empty.place(index)) return true
      empty.take(index)
      return false
    }),
  )
}

/** Places more, or others that come earlier. */
function improve(
  fleet: Fleet,
  { board, order }: Attempt,
  effort: number,
  { seed, weights }: BatchOptions,
): void {
  const homeless = order.filter((index) => !board.choices[index])
  const hopeless = impossible(fleet, board.requests, homeless, weights)
  const movable = order.filter((index) => !hopeless.has(index))
  const hopeful = movable.length - board.count
  const attempts = Math.ceil(effort * Math.min(MOST_ATTEMPTS, ATTEMPTS_EACH * hopeful))
  repair(board, { attempts, random: createChance(seed).next, hopeless, alike: false })
  if (movable.length > SMALL_BATCH || board.count === movable.length) return
  const before = [...board.choices]
  const { count } = board
  takeAll(board, movable)
  placeByBranching(board, movable, { nodes: Math.ceil(effort * NODES), branches: BRANCHES })
  if (board.count > count) return
  takeAll(board, movable)
  for (const index of movable) if (before[index]) board.put(index, before[index])
}

function takeAll(board: Board, indexes: readonly number[]): void {
  for (const index of indexes) if (board.choices[index]) board.take(index)
}
