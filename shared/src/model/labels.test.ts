import { describe, expect, it } from 'vitest'
import { checkLabels, parseSelector } from './labels.ts'

const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' })

describe('labels', () => {
  const good: [key: string, value: string][] = [
    ['rack', 'a'],
    ['topology.kubernetes.io/rack', 'r-12'],
    ['a', ''],
    ['A_b.c-d', 'A_b.c-d'],
    ['k'.repeat(63), 'v'.repeat(63)],
  ]
  it.each(good)('%s=%s is one', (key, value) => {
    expect(checkLabels({ [key]: value })).toEqual({ [key]: value })
  })

  const bad: [key: string, value: string][] = [
    ['', 'a'],
    ['-a', 'a'],
    ['a-', 'a'],
    ['a b', 'a'],
    ['a/b/c', 'a'],
    ['/a', 'a'],
    ['A.example/a', 'a'],
    ['k'.repeat(64), 'a'],
    ['a', 'v'.repeat(64)],
    ['a', '-'],
    ['a', 'a b'],
    ['a', 'ä'],
    ['a', 'a\n'],
    ['__proto__', 'a'],
  ]
  it.each(bad)('%s=%s is none', (key, value) => {
    const labels = Object.fromEntries([[key, value]])
    expect(() => checkLabels(labels)).toThrow(invalid)
  })

  it('are at most 64', () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))
    expect(() => checkLabels(many(64))).not.toThrow()
    expect(() => checkLabels(many(65))).toThrow('65 labels, at most 64 are allowed')
  })
})

describe('a selector', () => {
  const labels = { rack: 'a', tier: 'gold', ssd: '' }
  const selects: [text: string, selected: boolean][] = [
    ['', true],
    [' , ', true],
    ['rack=a', true],
    ['rack==a', true],
    ['rack = a', true],
    ['rack=b', false],
    ['rack!=a', false],
    ['rack!=b', true],
    ['zone!=b', true],
    ['ssd', true],
    ['ssd=', true],
    ['zone', false],
    ['!zone', true],
    ['!ssd', false],
    ['rack in (a,b)', true],
    ['rack in ( b , c )', false],
    ['zone in (a)', false],
    ['rack notin (b)', true],
    ['rack notin (a, b)', false],
    ['zone notin (a)', true],
    ['rack=a,tier=gold', true],
    ['rack=a,tier!=gold', false],
    ['rack in (a,b),ssd,!zone', true],
    ['toString', false],
  ]
  it.each(selects)('"%s": %s', (text, selected) => {
    expect(parseSelector(text)(labels)).toBe(selected)
  })

  const bad = [
    'a b',
    'rack=a b',
    '=a',
    '!',
    'rack in a',
    'rack in (a',
    'rack within (a)',
    'rack=a=b',
    'rack>1',
    'rack in (a b)',
    '-a',
    'rack=ä',
  ]
  it.each(bad)('"%s" is refused', (text) => {
    expect(() => parseSelector(text)).toThrow(invalid)
  })

  it('is not longer than anybody needs', () => {
    expect(() => parseSelector('a'.repeat(4097))).toThrow('4097 characters, at most 4096')
    expect(() => parseSelector(`${'a,'.repeat(2047)}a`)).not.toThrow()
  })
})
