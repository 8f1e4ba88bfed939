/** Verdicts of hosts and pools as people read them: what was decided first, what is out last. */
import type { NodeVerdict } from '@keelson/shared/api'

/** Verdicts of candidates that could have been taken too, unless all are asked for. */
const MOST_POSSIBLE = 5

/** Verdicts in the order to read them. */
export interface ShownVerdicts {
  /** Chosen ones, then possible ones from the best score on, then those that are out. */
  readonly nodes: readonly NodeVerdict[]
  /** Possible ones that were left out. */
  readonly leftOut: number
}

/** Sorts verdicts; without `full` only the best of those that were possible too. */
export function shownVerdicts(nodes: readonly NodeVerdict[], full: boolean): ShownVerdicts {
  const isPossible = ({ chosen, rejectedBy }: NodeVerdict) => !chosen && rejectedBy === ''
  const possible = nodes.filter(isPossible).sort((a, b) => b.totalScore - a.totalScore)
  const shown = full ? possible : possible.slice(0, MOST_POSSIBLE)
  return {
    nodes: [
      ...nodes.filter(({ chosen }) => chosen),
      ...shown,
      ...nodes.filter((verdict) => !verdict.chosen && !isPossible(verdict)),
    ],
    leftOut: possible.length - shown.length,
  }
}
