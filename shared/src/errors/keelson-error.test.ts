import { describe, expect, it } from 'vitest'
import { AssertionError, assert, CODES, errorChain, KeelsonError, unreachable } from './index.ts'

describe('an error', () => {
  it('carries its code, and what a person and a program need', () => {
    const cause = new Error('ENOSPC')
    const error = new KeelsonError('RESOURCE_EXHAUSTED', 'no room', {
      cause,
      reason: 'not-placeable',
      details: ['needs 1 GiB'],
      report: { summary: 'x' },
    })
    expect(error).toMatchObject({
      name: 'KeelsonError',
      code: 'RESOURCE_EXHAUSTED',
      message: 'no room',
      reason: 'not-placeable',
      details: ['needs 1 GiB'],
      report: { summary: 'x' },
      cause,
    })
    expect(new KeelsonError('NOT_FOUND', 'x')).toMatchObject({ details: [], reason: undefined })
    expect('cause' in new KeelsonError('NOT_FOUND', 'x')).toBe(false)
  })

  it('has one of gRPC’s sixteen codes', () => {
    expect(Object.values(CODES).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 16 }, (_, index) => index + 1),
    )
  })
})

describe('any thrown value as an error', () => {
  it('stays itself if it is one', () => {
    const error = new KeelsonError('NOT_FOUND', 'x')
    expect(KeelsonError.from(error, 'INTERNAL', 'y')).toBe(error)
  })

  it.each([[new Error('inner')], ['text'], [undefined], [null], [{ a: 1 }]])(
    'becomes the cause of one: %o',
    (thrown) => {
      const error = KeelsonError.from(thrown, 'UNAVAILABLE', 'outer')
      expect(error).toMatchObject({ code: 'UNAVAILABLE', message: 'outer' })
      expect(error.cause).toBe(thrown)
    },
  )
})

describe('the chain of causes', () => {
  const chains: [error: unknown, text: string][] = [
    [new Error('a', { cause: new Error('b', { cause: 'c' }) }), 'a: b: c'],
    [new KeelsonError('INTERNAL', 'a', { cause: new Error('b') }), 'a: b'],
    [new Error(''), 'Error'],
    ['text', 'text'],
    [undefined, ''],
    [null, ''],
  ]
  it.each(chains)('of %o reads "%s"', (error, text) => {
    expect(errorChain(error)).toBe(text)
  })

  it('ends, also when it is a circle', () => {
    const error = new Error('a')
    error.cause = error
    expect(errorChain(error).split(': ').length).toBe(16)
  })
})

describe('assertions', () => {
  it('stop what should never have begun', () => {
    expect(() => assert(true, 'never')).not.toThrow()
    expect(() => assert(0, 'a number is positive')).toThrow(AssertionError)
    expect(() => unreachable('word' as never)).toThrow('unreachable value "word"')
  })
})
