/** How much each part of a cost counts, by the name of the part. */
export interface ChooseWeights {
  readonly [part: string]: number
}

/** Names of the parts. */
export type Part =
  | 'headroom'
  | 'scarcity'
  | 'holes'
  | 'rare'
  | 'pools'
  | 'reserve'
  | 'standby'
  | 'space'
  | 'bind'
  | 'preference'
  | 'locality'
  | 'spread'

/**
 * What each part counts unless told otherwise. The first five are about the machine's host:
 *
 * - `headroom`: how full the host is afterwards, so that load spreads
 * - `scarcity`: what is taken, at a price that rises with how full the host is
 * - `holes`: room for large machines that is broken up
 * - `rare`: resources few hosts have, blocked by a machine that does not want them
 * - `pools`: free space of sorts of pools few hosts have, which needs a host with room beside it
 * - `reserve`: what a standby has to keep free in addition
 * - `standby`: scarcity and holes of what the standby keeps, beside those of what is used
 * - `space`: what a replica takes of a pool, at a price that rises with how full the pool is
 * - `bind`: memory that a replica strands, because it takes scarce space beside much free memory
 * - `preference`: what rules that only prefer say about a host, taken from the request
 * - `locality`: a volume without data on the machine's host, if that is only preferred
 * - `spread`: a replica too many in a failure domain, if another is only preferred
 */
export const DEFAULT_WEIGHTS: Readonly<Record<Part, number>> = {
  headroom: 0.02,
  scarcity: 0.4,
  holes: 0.07,
  rare: 1,
  pools: 2,
  reserve: 0.12,
  standby: 0.35,
  space: 5,
  bind: 0.5,
  preference: 1,
  locality: 4,
  spread: 8,
}

/**
 * The weights for a volume by itself. It comes with no machine whose memory it would have to lie
 * beside; small volumes would all go to the hosts with the least memory for their space.
 */
export function weightsAlone(weights: ChooseWeights | undefined): ChooseWeights {
  return { ...weights, bind: 0 }
}

/** The defaults with some of them replaced. */
export function completeWeights(weights: ChooseWeights | undefined): Record<Part, number> {
  return { ...DEFAULT_WEIGHTS, ...weights }
}
