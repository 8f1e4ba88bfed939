/**
 * An objective counted on the fly. Each term has a count per host; what a change of a few hosts
 * would make of the score follows from the sums of the values and of their squares.
 */
import type { Term } from './objective.ts'

/** The counts of the hosts that a change touches. */
export interface Touched {
  count: number
  /** Host row of each slot. */
  readonly hosts: Int32Array
  /** Count of term `t` on the host of slot `s` after the change, at `t * SLOTS + s`. */
  readonly counts: Float64Array
}

/** Most hosts that one change may touch. */
export const SLOTS = 64

/** The score of a fleet that changes. */
export interface Gauge {
  /** The score of the counts as they are. */
  score(): number
  /** The share of each term in it. */
  parts(): number[]
  /** What the score would be. */
  scoreWith(touched: Touched): number
  /** Makes the change. */
  apply(touched: Touched): void
  /** Forgets rounding errors, which add up over many changes. */
  refresh(): void
}

interface Row {
  readonly kind: Term['kind']
  readonly weight: number
  readonly members: number
  /** 1 / total; 0 for hosts that do not take part. */
  readonly factor: Float64Array
  readonly besides: Float64Array
  readonly values: Float64Array
  /** Sums of `value - reference` and of its square: near the mean, little precision is lost. */
  reference: number
  sum: number
  squares: number
}

/** A gauge over `counts` (by term, then host), which it reads when made and when refreshed. */
export function createGauge(
  terms: readonly Term[],
  totals: readonly Float64Array[],
  counts: readonly Float64Array[],
  excluded: Uint8Array | undefined,
): Gauge {
  const rows = terms.map((term, t) => rowOf(term, totals[t]!, excluded))

  function refresh(): void {
    for (let t = 0; t < rows.length; t++) refreshRow(rows[t]!, counts[t]!)
  }
  refresh()

  return {
    refresh,
    score: () => rows.reduce((total, row) => total + part(row, row.sum, row.squares), 0),
    parts: () => rows.map((row) => part(row, row.sum, row.squares)),
    scoreWith({ count, counts: after, hosts }) {
      let score = 0
      for (let t = 0; t < rows.length; t++) {
        const row = rows[t]!
        const { besides, factor, reference, values } = row
        let sum = row.sum
        let squares = row.squares
        for (let slot = 0; slot < count; slot++) {
          const host = hosts[slot]!
          if (factor[host] === 0) continue
          const value = (after[t * SLOTS + slot]! + besides[host]!) * factor[host]!
          const change = value - values[host]!
          sum += change
          squares += change * (value + values[host]! - 2 * reference)
        }
        score += part(row, sum, squares)
      }
      return score
    },
    apply({ count, counts: after, hosts }) {
      for (let t = 0; t < rows.length; t++) {
        const row = rows[t]!
        const { besides, factor, reference, values } = row
        for (let slot = 0; slot < count; slot++) {
          const host = hosts[slot]!
          if (factor[host] === 0) continue
          const value = (after[t * SLOTS + slot]! + besides[host]!) * factor[host]!
          const change = value - values[host]!
          row.sum += change
          row.squares += change * (value + values[host]! - 2 * reference)
          values[host] = value
        }
      }
    },
  }
}

function rowOf({ besides, kind, weight }: Term, totals: Float64Array, excluded?: Uint8Array): Row {
  const factor = totals.map((total, host) => (total > 0 && !excluded?.[host] ? 1 / total : 0))
  return {
    kind,
    weight,
    members: factor.reduce((members, inverse) => members + (inverse > 0 ? 1 : 0), 0),
    factor,
    besides: besides ?? new Float64Array(totals.length),
    values: new Float64Array(totals.length),
    reference: 0,
    sum: 0,
    squares: 0,
  }
}

function refreshRow(row: Row, counts: Float64Array): void {
  const { besides, factor, members, values } = row
  let total = 0
  for (let host = 0; host < values.length; host++) {
    values[host] = (counts[host]! + besides[host]!) * factor[host]!
    total += values[host]!
  }
  row.reference = members === 0 ? 0 : total / members
  row.sum = 0
  row.squares = 0
  for (let host = 0; host < values.length; host++) {
    if (factor[host] === 0) continue
    const difference = values[host]! - row.reference
    row.sum += difference
    row.squares += difference * difference
  }
}

function part({ kind, members, reference, weight }: Row, sum: number, squares: number): number {
  if (members === 0) return 0
  if (kind === 'sum') return weight * (sum + members * reference)
  const mean = sum / members
  if (kind === 'mean') return weight * (mean + reference)
  return weight * Math.sqrt(Math.max(0, squares / members - mean * mean))
}
