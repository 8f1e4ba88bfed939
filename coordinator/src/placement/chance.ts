/** Numbers that look random and are the same for the same seed. */

/** A source of chance. */
export interface Chance {
  /** A whole number below `limit`. */
  below(limit: number): number
  /** Uniform in [0, 1). */
  next(): number
}

/** A seeded source: a counter whose bits are mixed until neighbours have nothing in common. */
export function createChance(seed: number): Chance {
  let counter = seed >>> 0
  const next = () => {
    counter = (counter + 0x9e3779b9) >>> 0
    let mixed = Math.imul(counter ^ (counter >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32
  }
  return { next, below: (limit) => Math.floor(next() * limit) }
}
