/** As many copies of one request as fit. */
import { assert } from '@keelson/shared/errors'
import { createChance } from '../chance.ts'
import type { ChooseWeights } from '../choose/index.ts'
import type { Choice, Fleet, MachineRequest } from '../fleet/index.ts'
import { type Board, createBoard } from './board.ts'
import { type PairsFound, searchPairs } from './pair-search.ts'
import { choicesOf, pairProblemOf } from './pair-shape.ts'
import type { PairProblem } from './pairs.ts'
import { repair } from './repair.ts'

/** How a fleet is filled. */
export interface FillOptions {
  /** Most copies; needed for a request that takes nothing, of which there is no most. */
  readonly limit?: number
  /** Equal seeds give equal answers. */
  readonly seed: number
  /** 1 for the hosts that machines may run on; room may be kept on others too. */
  readonly within?: Uint8Array | undefined
  readonly weights?: ChooseWeights | undefined
  /** Part of the usual effort, for one of many fillings; left out: 1. */
  readonly effort?: number
}

/** A filling. */
export interface Filling {
  readonly choices: readonly Choice[]
  /** No more than this many fit, if that is known; the limit is not part of it. */
  readonly bound: number | undefined
}

/** Largest product of hosts and groups in which pairs are searched as a whole. */
const MOST_CELLS = 2e5
/** Attempts of the repair for each copy, and most of them times hosts. */
const ATTEMPTS_EACH = 10
const MOST_WORK = 1e5
const MOST_ATTEMPTS = 1000

/**
 * As many copies of a request as are found to fit, up to a limit; each choice keeps the rules after
 * those before it. The fleet stays as it is: the work is done on a clone, and what stands on it
 * does not move.
 */
export function fillIdentical(
  fleet: Fleet,
  request: MachineRequest,
  options: FillOptions,
): readonly Choice[] {
  return fill(fleet, request, options).choices
}

/**
 * `fillIdentical` with what is known about the most that fit. If a limit is within reach, copies
 * stand as they would if they came one by one, with room left for others; otherwise they stand as
 * densely as possible.
 */
export function fill(fleet: Fleet, request: MachineRequest, options: FillOptions): Filling {
  const { effort = 1, limit = Infinity, seed, within } = options
  assert(limit < Infinity || takesSomething(request), 'copies that take nothing need a limit')
  const random = createChance(seed).next
  const problem = pairProblemOf(fleet, request, within, effort * MOST_CELLS)
  let found =
    problem && options.limit === undefined ? searchPairs(problem, random, { effort }) : undefined
  if (problem && found && found.plan.total >= found.bound) return fillingOf(problem, found)
  const board = createBoard(fleet, [], options)
  while (board.count < limit && board.place(board.add(request)));
  if (!problem && board.count < limit) makeRoom(board, request, { limit, effort, random })
  const placed = board.choices.filter((choice) => choice !== null)
  if (!problem || placed.length >= limit) return { choices: placed, bound: undefined }
  found ??= searchPairs(problem, random, { effort })
  if (found.plan.total < placed.length)
    found = searchPairs(problem, random, { effort, start: runningOf(placed) })
  return fillingOf(problem, found)

  function fillingOf(pairs: PairProblem, { bound, plan }: PairsFound): Filling {
    return { choices: choicesOf(fleet, request, pairs, plan).slice(0, limit), bound }
  }
  function runningOf(choices: readonly Choice[]): Int32Array {
    const running = new Int32Array(fleet.hostCount)
    for (const { host } of choices) running[host]!++
    return running
  }
}

/** Blocks of the first size that stand for all copies; few lie well on few hosts. */
const MANY_BLOCKS = 2048
const FEW_BLOCKS = 16
const FEW_HOSTS = 100

/**
 * How many copies of a request were found to fit, up to `most`, where they are too many to be
 * placed one by one: blocks of many copies are placed as one that takes as much, then ever smaller
 * ones into what is left. Copies of a block share their hosts, which breaks no rule.
 */
export function countInBlocks(
  fleet: Fleet,
  request: MachineRequest,
  most: number,
  options: FillOptions,
): number {
  const tries = fleet.hostCount > FEW_HOSTS ? [MANY_BLOCKS] : [MANY_BLOCKS, FEW_BLOCKS]
  const counts = tries.map((blocks) => {
    const first = 2 ** Math.max(0, Math.ceil(Math.log2(most / blocks)))
    return countFrom(fleet, request, first, most, options)
  })
  return Math.max(...counts)
}

/** How many are placed in blocks that begin with a size. */
function countFrom(
  fleet: Fleet,
  request: MachineRequest,
  first: number,
  most: number,
  options: FillOptions,
): number {
  const board = createBoard(fleet, [], options)
  let count = 0
  for (let size = first; size >= 1; size /= 2) {
    const block = blockOf(request, size)
    while (count + size <= most && board.place(board.add(block))) count += size
  }
  return count
}

function blockOf(request: MachineRequest, size: number): MachineRequest {
  return {
    ...request,
    amounts: request.amounts.map((one) => ({ ...one, amount: one.amount * size })),
    volumes: request.volumes.map((one) => ({ ...one, sizeBytes: one.sizeBytes * size })),
    numa: request.numa && {
      ...request.numa,
      cpuMillis: request.numa.cpuMillis * size,
      memoryBytes: request.numa.memoryBytes * size,
    },
  }
}

function takesSomething({ amounts, volumes }: MachineRequest): boolean {
  return (
    amounts.some(({ amount }) => amount > 0) ||
    volumes.some(({ replicas, sizeBytes }) => replicas * sizeBytes > 0)
  )
}

/** Goes on where the choices one by one ended. The last request of the board has no place. */
function makeRoom(
  board: Board,
  request: MachineRequest,
  { effort, limit, random }: { limit: number; effort: number; random: () => number },
): void {
  const most = effort * Math.min(MOST_ATTEMPTS, MOST_WORK / board.fleet.hostCount)
  for (let count = -1; count < board.count && board.count < limit; ) {
    count = board.count
    if (board.choices.every((choice) => choice !== null)) board.add(request)
    const attempts = Math.ceil(Math.min(most, ATTEMPTS_EACH * (count + 1)))
    repair(board, { attempts, random, alike: true })
  }
}
