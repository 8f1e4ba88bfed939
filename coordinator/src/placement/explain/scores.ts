/** Scores as reports tell them: every part from 0 (worst) to 1 (best). */
import type { ScorePart } from '@keelson/shared/model'

/** What speaks for a candidate, before it is told. */
export interface RawScores {
  /** What taking it costs, as the search counts: 0 and below, with no end. */
  readonly costs: readonly ScorePart[]
  /** What it has to offer, from 0 to 1. */
  readonly merits: readonly ScorePart[]
}

/**
 * A cost becomes what is left of 1, which stands for a whole usual host or pool, or of the power of
 * two that the largest cost calls for. Sums move by the same amount for all candidates, so that
 * differences and the order stay what they were.
 */
export function toldScores(all: readonly RawScores[]): ScorePart[][] {
  const scales = new Map<string, number>()
  for (const { costs } of all)
    for (const { name, value } of costs) {
      const needed = value < -1 ? 2 ** Math.ceil(Math.log2(-value)) : 1
      scales.set(name, Math.max(scales.get(name) ?? 1, needed))
    }
  return all.map(({ costs, merits }) => [
    ...costs.map(({ name, value, weight }) => {
      const scale = scales.get(name)!
      return { name, value: Math.min(1, Math.max(0, 1 + value / scale)), weight: weight * scale }
    }),
    ...merits,
  ])
}

/** Sum of the parts by their weights. */
export function totalOf(parts: readonly ScorePart[]): number {
  return parts.reduce((sum, { value, weight }) => sum + value * weight, 0)
}
