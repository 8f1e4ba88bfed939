import type { Rng } from './rng.ts'

/** Limits of an exponential backoff. */
export interface BackoffOptions {
  readonly initialMs: number
  readonly maximumMs: number
}

/**
 * Delay before the next try after `failures` failures in a row (1 or more): doubling, capped, with
 * half of it random, so that a thousand agents do not come back in the same instant.
 */
export function backoffMs(failures: number, options: BackoffOptions, rng: Rng): number {
  const ceiling = Math.min(options.maximumMs, options.initialMs * 2 ** Math.min(failures - 1, 30))
  return Math.round(ceiling / 2 + (ceiling / 2) * rng.next())
}
