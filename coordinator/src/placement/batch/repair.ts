/**
 * Makes room for requests that found no place: takes a few that stand close to each other away and
 * puts them back in other places, the homeless one first. What is not worse is kept.
 */
import type { Choice } from '../fleet/index.ts'
import type { Board } from './board.ts'

/** Most requests that are taken away at once. */
const MOST_TAKEN = 4
/** How many are looked at to find one that stands close. */
const LOOKS = 8

/** How much is tried, and for whom. */
export interface RepairOptions {
  readonly attempts: number
  readonly random: () => number
  /** Indexes of requests that are given up. */
  readonly hopeless?: ReadonlySet<number>
  /** All requests are the same: it does not matter which of them have a place. */
  readonly alike: boolean
}

/**
 * Tries to place those that have no place, until all have one or the attempts are used up. As many
 * are placed as before or more; unless they are alike, none is given up for a later one.
 */
export function repair(board: Board, options: RepairOptions): void {
  const { attempts, hopeless, random } = options
  for (let attempt = 0; attempt < attempts; attempt++) {
    const placed: number[] = []
    const waiting: number[] = []
    for (const [index, choice] of board.choices.entries()) {
      if (choice) placed.push(index)
      else if (!hopeless?.has(index)) waiting.push(index)
    }
    if (waiting.length === 0 || placed.length === 0) return
    const wanted = waiting[Math.floor(random() ** 2 * waiting.length)]!
    tryOther(board, [wanted, ...neighbours(board, placed, random)], options)
  }
}

/** A few placed requests that share hosts, as far as such are found by looking around. */
function neighbours(board: Board, placed: readonly number[], random: () => number): number[] {
  const draw = () => placed[Math.floor(random() * placed.length)]!
  const taken = new Set([draw()])
  const hosts = new Set(hostsOf(board, board.choices[[...taken][0]!]!))
  const wanted = Math.min(placed.length, 1 + Math.floor(random() * MOST_TAKEN))
  for (let look = 0; look < wanted * LOOKS && taken.size < wanted; look++) {
    const other = draw()
    const close = hostsOf(board, board.choices[other]!).some((host) => hosts.has(host))
    if (close || look % LOOKS === LOOKS - 1) taken.add(other)
  }
  return [...taken].sort((one, other) => one - other)
}

function hostsOf({ fleet }: Board, { host, pools, standby }: Choice): number[] {
  return [host, standby, ...pools.flat().map((pool) => fleet.poolHost[pool]!)]
}

/** Places `indexes` anew, with a random taste; back to how it was if that is worse. */
function tryOther(
  board: Board,
  indexes: readonly number[],
  { alike, random }: RepairOptions,
): void {
  const before = indexes.map((index) => board.choices[index] ?? null)
  const count = board.count
  const taste = new Float64Array(board.fleet.hostCount).map(random)
  for (const index of indexes) if (board.choices[index]) board.take(index)
  for (const index of indexes) board.place(index, taste)
  if (board.count > count) return
  if (board.count === count && (alike || !losesEarlier(board, indexes, before))) return
  for (const index of indexes) if (board.choices[index]) board.take(index)
  for (const [row, index] of indexes.entries()) if (before[row]) board.put(index, before[row])
}

/** Whether the first request that differs in having a place had one before. */
function losesEarlier(
  board: Board,
  indexes: readonly number[],
  before: readonly (Choice | null)[],
): boolean {
  let first = Infinity
  let lost = false
  for (const [row, index] of indexes.entries()) {
    if ((board.choices[index] !== null) === (before[row] !== null) || index > first) continue
    first = index
    lost = before[row] !== null
  }
  return lost
}
