import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createTable, lowerBound } from './table.ts'

describe('a table', () => {
  it('is a map whose ids are in order, whatever was put and removed', () => {
    const id = fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom('a', 'b', '/') })
    const write = fc.record({ id, value: fc.option(fc.nat(), { nil: undefined }) })
    fc.assert(
      fc.property(fc.array(write), id, fc.integer({ min: 1, max: 5 }), (writes, prefix, every) => {
        const table = createTable<number>()
        const model = new Map<string, number>()
        for (const [index, { id: key, value }] of writes.entries()) {
          table.set(key, value)
          if (value === undefined) model.delete(key)
          else model.set(key, value)
          // Asked for now and then, so that the list that is kept is also the one that is grown.
          if (index % every === 0) expect(table.sortedIds()).toEqual([...model.keys()].sort())
        }
        expect(table.size).toBe(model.size)
        expect(new Map(table.entries())).toEqual(model)
        expect([...table.values()]).toEqual([...model.values()])
        for (const { id: key } of writes) {
          expect(table.get(key)).toBe(model.get(key))
          expect(table.has(key)).toBe(model.has(key))
        }
        expect(table.idsWithPrefix(prefix)).toEqual(
          [...model.keys()].filter((key) => key.startsWith(prefix)).sort(),
        )
      }),
      { numRuns: 200 },
    )
  })
})

describe('lowerBound', () => {
  const ids = ['b', 'd', 'f']
  const cases: [id: string, index: number][] = [
    ['', 0],
    ['a', 0],
    ['b', 0],
    ['c', 1],
    ['f', 2],
    ['g', 3],
  ]
  it.each(cases)('of "%s" is %d', (id, index) => {
    expect(lowerBound(ids, id)).toBe(index)
  })
})
