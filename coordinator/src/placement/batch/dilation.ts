/** A square matrix that stretches space, for descent along a narrow valley. */

/** Stretches directions; at first it stretches none. */
export interface Dilation {
  /**
   * Sets `direction` to where a slope points in the stretched space, of length 1 there; false if
   * the slope is flat.
   */
  direct(slope: Float64Array, direction: Float64Array): boolean
  /** Shortens the space along a vector, for good. */
  shorten(vector: Float64Array): void
}

/** What is left of the length along a vector that is shortened. */
const REMAINING = 0.4
const FLAT = 1e-9

/** A dilation of a space with so many dimensions. */
export function createDilation(size: number): Dilation {
  const matrix = new Float64Array(size * size)
  for (let row = 0; row < size; row++) matrix[row * (size + 1)] = 1
  const inner = new Float64Array(size)
  const outer = new Float64Array(size)

  function direct(slope: Float64Array, direction: Float64Array): boolean {
    inner.fill(0)
    for (let row = 0; row < size; row++) {
      const value = slope[row]!
      if (value === 0) continue
      for (let column = 0; column < size; column++)
        inner[column]! += matrix[row * size + column]! * value
    }
    const length = Math.hypot(...inner)
    if (length < FLAT) return false
    for (let column = 0; column < size; column++) inner[column]! /= length
    for (let row = 0; row < size; row++) {
      let sum = 0
      for (let column = 0; column < size; column++)
        sum += matrix[row * size + column]! * inner[column]!
      direction[row] = sum
    }
    return true
  }
  return {
    direct,
    shorten(vector) {
      if (!direct(vector, outer)) return
      for (let row = 0; row < size; row++) {
        const share = (1 - REMAINING) * outer[row]!
        for (let column = 0; column < size; column++)
          matrix[row * size + column]! -= share * inner[column]!
      }
    },
  }
}
