import { describe, expect, it } from 'vitest'
import type { DomainRule } from '../fleet/index.ts'
import { createSpreadRules } from './spread.ts'

const rack = Int32Array.of(0, 0, 1, 1, 2, -1)
const zone = Int32Array.of(0, 0, 0, 0, 1, 1)
const crossing = Int32Array.of(0, 1, 0, 1, 0, 1)

function rule(domains: Int32Array, mode: DomainRule['mode'], maximumPerDomain = 1): DomainRule {
  return { domains, mode, maximumPerDomain }
}

describe('spread rules', () => {
  it.each([
    ['none', [], [0, 0, 0, 0, 0, 0], 0],
    ['one', [rule(zone, 'Different')], [0, 0, 0, 0, 1, 1], 1],
    ['hosts without the label are out', [rule(rack, 'Different')], [0, 0, 1, 1, 2, -1], 1],
    ['unless it is only preferred', [rule(rack, 'PreferDifferent')], [0, 0, 1, 1, 2, 3], 1],
    [
      'one per zone is one per rack',
      [rule(rack, 'Different'), rule(zone, 'Different')],
      [0, 0, 0, 0, 1, -1],
      1,
    ],
    [
      'two per zone is not one per rack',
      [rule(rack, 'Different'), rule(zone, 'Different', 2)],
      [0, 0, 1, 1, 2, -1],
      2,
    ],
    [
      'what crosses stays',
      [rule(zone, 'Different'), rule(crossing, 'Different')],
      [0, 1, 0, 1, 2, 3],
      2,
    ],
    ['the same twice', [rule(zone, 'Different'), rule(zone, 'Different')], [0, 0, 0, 0, 1, 1], 1],
  ] as const)('%s', (_, rules, sorts, kept) => {
    const prepared = createSpreadRules(rules, 3, 6)
    expect([...prepared.sorts]).toEqual(sorts)
    expect(prepared.rules.length).toBe(kept)
    expect(prepared.sortCount).toBe(new Set(sorts.filter((sort) => sort >= 0)).size)
  })

  it('say nothing about a single replica', () => {
    const prepared = createSpreadRules([rule(rack, 'Different')], 1, 6)
    expect(prepared.rules).toEqual([])
    expect([...prepared.sorts]).toEqual([0, 0, 0, 0, 0, 0])
  })
})
