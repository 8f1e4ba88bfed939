import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffMs } from './backoff.ts'
import { type Rng, seededRng } from './rng.ts'

const fixed = (value: number): Rng => ({ ...seededRng(1), next: () => value })
const options = { initialMs: 200, maximumMs: 5_000 }

describe('a backoff', () => {
  const cases: [failures: number, least: number, most: number][] = [
    [1, 100, 200],
    [2, 200, 400],
    [3, 400, 800],
    [5, 1_600, 3_200],
    [6, 2_500, 5_000],
    [1_000_000, 2_500, 5_000],
  ]
  it.each(cases)('after %d failures is between %d and %d ms', (failures, least, most) => {
    expect(backoffMs(failures, options, fixed(0))).toBe(least)
    expect(backoffMs(failures, options, fixed(1 - 2 ** -32))).toBe(most)
  })

  it('is a whole number of milliseconds within its limits, whatever they are', () => {
    const limits = fc.record({ initialMs: fc.nat(10_000), maximumMs: fc.nat(100_000) })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), limits, fc.nat(), (failures, given, seed) => {
        const delay = backoffMs(failures, given, seededRng(seed))
        expect(Number.isInteger(delay)).toBe(true)
        expect(delay).toBeGreaterThanOrEqual(0)
        expect(delay).toBeLessThanOrEqual(given.maximumMs)
      }),
    )
  })
})
