import { describe, expect, it } from 'vitest'
import { type Rng, seededRng, systemRng } from './rng.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

const take = (rng: Rng) => [rng.next(), rng.uuid(), rng.hex(8), rng.next()]

describe('a seeded generator', () => {
  it('gives the same for the same seed and something else for another', () => {
    expect(take(seededRng(7))).toEqual(take(seededRng(7)))
    for (let seed = 1; seed < 50; seed++)
      expect(take(seededRng(seed))).not.toEqual(take(seededRng(0)))
  })

  it('fills its range evenly', () => {
    const rng = seededRng(1)
    const tenths = new Array<number>(10).fill(0)
    for (let i = 0; i < 10_000; i++) tenths[Math.floor(rng.next() * 10)]!++
    for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150)
  })
})

describe.each([
  ['the system', systemRng],
  ['a seed', seededRng(3)],
])('chance from %s', (_name, rng) => {
  it('is in [0, 1), in UUIDs of version 4, in hex of the length asked for', () => {
    const uuids = new Set<string>()
    for (let i = 0; i < 500; i++) {
      const value = rng.next()
      expect(value).toBeGreaterThanOrEqual(0)
      expect(value).toBeLessThan(1)
      const uuid = rng.uuid()
      expect(uuid).toMatch(UUID)
      uuids.add(uuid)
    }
    expect(uuids.size).toBe(500)
    expect(rng.hex(16)).toMatch(/^[0-9a-f]{32}$/)
    expect(rng.hex(0)).toBe('')
  })
})
