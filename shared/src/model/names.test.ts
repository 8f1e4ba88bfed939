import { describe, expect, it } from 'vitest'
import { checkName } from './names.ts'

describe('a name', () => {
  it.each(['a', '0', 'a-b', 'web-1', 'a'.repeat(63)])('"%s" is one', (name) => {
    expect(checkName('volume', name)).toBe(name)
  })

  const bad: [name: string, message: string][] = [
    ['', 'volume name is empty'],
    ['-a', 'volume name "-a" is not a DNS label'],
    ['a-', 'is not a DNS label'],
    ['A', 'is not a DNS label'],
    ['a_b', 'is not a DNS label'],
    ['a.b', 'is not a DNS label'],
    ['a/b', 'is not a DNS label'],
    ['..', 'is not a DNS label'],
    ['a\n', 'is not a DNS label'],
    ['a'.repeat(64), 'has 64 characters, at most 63 are allowed'],
  ]
  it.each(bad)('"%s" is none', (name, message) => {
    expect(() => checkName('volume', name)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
    expect(() => checkName('volume', name)).toThrow(message)
  })

  it('is not shown in full when it is a book', () => {
    const message = () => checkName('volume', 'x'.repeat(100_000))
    expect(message).toThrow(`"${'x'.repeat(80)}…" has 100000 characters`)
  })

  it('may have to be shorter', () => {
    expect(() => checkName('pool', 'abc', 2)).toThrow('at most 2 are allowed')
  })
})
