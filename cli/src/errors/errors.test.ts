import { CODES, type Code, KeelsonError, type Reason } from '@keelson/shared/errors'
import { describe, expect, it } from 'vitest'
import { noPaint } from '../output/index.ts'
import { exitCodeOf } from './exit-code.ts'
import { renderErrorJson, renderErrorText } from './render.ts'

const EXPECTED: Readonly<Record<Code, number>> = {
  INVALID_ARGUMENT: 2,
  RESOURCE_EXHAUSTED: 1,
  DEADLINE_EXCEEDED: 5,
  ALREADY_EXISTS: 6,
  ABORTED: 6,
  FAILED_PRECONDITION: 6,
  NOT_FOUND: 7,
  PERMISSION_DENIED: 8,
  UNAUTHENTICATED: 8,
  UNAVAILABLE: 9,
  CANCELLED: 1,
  UNKNOWN: 1,
  OUT_OF_RANGE: 1,
  UNIMPLEMENTED: 1,
  INTERNAL: 1,
  DATA_LOSS: 1,
}

describe('exit codes', () => {
  it.each(Object.entries(EXPECTED) as [Code, number][])('%s ends with %i', (code, expected) => {
    expect(exitCodeOf(new KeelsonError(code, 'x'))).toBe(expected)
  })

  it('no code is without an exit code', () => {
    expect(Object.keys(EXPECTED).sort()).toEqual(Object.keys(CODES).sort())
  })

  it.each<[Code, Reason, number]>([
    ['FAILED_PRECONDITION', 'not-placeable', 3],
    ['FAILED_PRECONDITION', 'breaks-redundancy', 4],
    ['RESOURCE_EXHAUSTED', 'not-placeable', 3],
    ['RESOURCE_EXHAUSTED', 'breaks-redundancy', 4],
    ['FAILED_PRECONDITION', 'in-use', 6],
    ['OUT_OF_RANGE', 'compacted', 1],
  ])('%s because of %s ends with %i', (code, reason, expected) => {
    expect(exitCodeOf(new KeelsonError(code, 'x', { reason }))).toBe(expected)
  })
})

describe('an error on stderr', () => {
  const error = new KeelsonError('RESOURCE_EXHAUSTED', 'cannot be placed', {
    cause: new Error('no room'),
    reason: 'not-placeable',
    details: ['n1: needs 2 GiB', '  n2: offline', 'evil \x1b[2J'],
    report: { placeable: false },
  })

  it('is one line and indented details for people', () => {
    expect(renderErrorText(error, noPaint)).toBe(
      [
        'error: cannot be placed: no room',
        '  n1: needs 2 GiB',
        '    n2: offline',
        '  evil \\x1b[2J',
        '',
      ].join('\n'),
    )
  })

  it('is an object for programs', () => {
    expect(JSON.parse(renderErrorJson(error))).toEqual({
      code: 'RESOURCE_EXHAUSTED',
      message: 'cannot be placed: no room',
      details: error.details,
      reason: 'not-placeable',
      report: { placeable: false },
    })
    expect(JSON.parse(renderErrorJson(new KeelsonError('NOT_FOUND', 'x')))).toEqual({
      ...{ code: 'NOT_FOUND', message: 'x', details: [] },
    })
  })
})
