import { describe, expect, it } from 'vitest'
import { chanceOf } from './fixture.ts'
import { createRanking } from './ranking.ts'

/** Every row that is possible, in the order the ranking gives. */
function orderOf(ranking: ReturnType<typeof createRanking>, seed: number): number[] {
  ranking.begin(seed)
  const rows: number[] = []
  for (let place = 0; ranking.at(place) >= 0; place++) rows.push(ranking.at(place))
  return rows
}

describe('a ranking', () => {
  it('gives every possible row once, by cost, after any changes', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const chance = chanceOf(seed)
      const count = Math.floor(chance() * 300)
      const ranking = createRanking(count)
      const some = () => (chance() < 0.1 ? Infinity : Math.floor(chance() * 8))
      ranking.fill(some)
      for (let change = 0; change < 50 && count > 0; change++)
        ranking.set(Math.floor(chance() * count), some())
      const rows = orderOf(ranking, Math.floor(chance() * 1e9))
      const costs = rows.map((row) => ranking.costs[row]!)
      const possible = [...ranking.costs.keys()].filter((row) => ranking.costs[row]! < Infinity)
      expect(costs, `seed ${seed}`).toEqual(costs.toSorted((a, b) => a - b))
      expect(
        rows.toSorted((a, b) => a - b),
        `seed ${seed}`,
      ).toEqual(possible)
    }
  })

  it('lets the seed decide which of equal rows comes first', () => {
    const ranking = createRanking(200)
    ranking.fill(() => 1)
    const firsts = new Set(Array.from({ length: 400 }, (_, seed) => orderOf(ranking, seed)[0]))
    expect(firsts.size).toBeGreaterThan(150)
    expect(orderOf(ranking, 7)).toEqual(orderOf(ranking, 7))
  })

  it('adds costs up row by row', () => {
    const ranking = createRanking(3)
    ranking.fillSum([Float64Array.of(1, 5, 2), Float64Array.of(9, 1, Infinity)])
    expect(orderOf(ranking, 0)).toEqual([1, 0])
  })
})
