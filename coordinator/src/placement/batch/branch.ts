/** Every way to place a few requests, as far as a budget goes. */
import type { Choice } from '../fleet/index.ts'
import type { Board } from './board.ts'

/** What a host that was tried already costs more than others. */
const AVERSION = 1e4

/** A branching search. */
export interface BranchOptions {
  /** Choices that may be tried. */
  readonly nodes: number
  /** Other hosts that are tried for each request before it is left out. */
  readonly branches: number
}

/**
 * Places as many of `indexes` as possible, none of which has a place now. Each request tries its
 * best hosts in turn, and then none, and the requests after it all that follows from that. Stops at
 * once when all are placed.
 */
export function placeByBranching(
  board: Board,
  indexes: readonly number[],
  { branches, nodes }: BranchOptions,
): void {
  let left = nodes
  let best: (Choice | null)[] = indexes.map(() => null)
  let bestCount = -1

  function search(depth: number, count: number): void {
    if (count + indexes.length - depth <= bestCount) return
    const index = indexes[depth]
    if (index === undefined) {
      bestCount = count
      best = indexes.map((placed) => board.choices[placed] ?? null)
      return
    }
    let taste: Float64Array | undefined
    const tried = new Set<number>()
    for (let branch = 0; branch < branches && left > 0; branch++) {
      left--
      if (!board.place(index, taste)) break
      const { host } = board.choices[index]!
      if (tried.has(host)) {
        board.take(index)
        break
      }
      tried.add(host)
      search(depth + 1, count + 1)
      board.take(index)
      if (bestCount === indexes.length) return
      // The host is not forbidden but made unattractive, so that another is chosen if there is one.
      taste = taste?.slice() ?? new Float64Array(board.fleet.hostCount)
      taste[host] = -AVERSION
    }
    search(depth + 1, count)
  }
  search(0, 0)
  for (const [depth, index] of indexes.entries()) if (best[depth]) board.put(index, best[depth])
}
