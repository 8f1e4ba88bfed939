import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import { CODES, type Code, KeelsonError } from '../errors/index.ts'
import { fromServiceError, isUntouched, type ReportCodec, toServiceError } from './status.ts'

const reports: ReportCodec = {
  typeUrl: 'type.googleapis.com/test.Report',
  encode: (report) => Buffer.from(JSON.stringify(report)),
  decode: (bytes) => JSON.parse(Buffer.from(bytes).toString()),
}

function roundTrip(error: KeelsonError, codec?: ReportCodec): KeelsonError {
  return fromServiceError(toServiceError(error, codec), 'host:1', codec)
}

function local(code: status, details: string): ServiceError {
  return Object.assign(new Error(`${code}: ${details}`), {
    code,
    details,
    metadata: new Metadata(),
  })
}

describe('errors over the wire', () => {
  it.each(Object.keys(CODES) as Code[])('keep the code %s', (code) => {
    expect(roundTrip(new KeelsonError(code, 'x')).code).toBe(code)
  })

  it('keep message, reason, lines and report', () => {
    const error = new KeelsonError('FAILED_PRECONDITION', 'cannot place “data” 100 % sure\n…', {
      reason: 'not-placeable',
      details: ['needs 32 GiB, n7 has 21.4 GiB free', 'add a pool of 10.6 GiB'],
      report: { nodes: [{ name: 'n7', freeBytes: 5 }] },
    })
    expect(roundTrip(error, reports)).toEqual(error)
  })

  it('leave the report out when either side does not know how to read it', () => {
    const error = new KeelsonError('NOT_FOUND', 'x', { details: ['y'], report: { a: 1 } })
    const plain = new KeelsonError('NOT_FOUND', 'x', { details: ['y'] })
    expect(roundTrip(error)).toEqual(plain)
    expect(fromServiceError(toServiceError(error, reports), 'host:1')).toEqual(plain)
    const other = { ...reports, typeUrl: 'type.googleapis.com/test.Other' }
    expect(fromServiceError(toServiceError(error, reports), 'host:1', other)).toEqual(plain)
  })

  it('tell the chain as far as it is ours, and the name of a system error', () => {
    const root = Object.assign(new Error('open /var/lib/secret failed'), { code: 'ENOSPC' })
    const inner = new KeelsonError('INTERNAL', 'cannot write the ledger', {
      cause: root,
      reason: 'in-use',
      details: ['line'],
    })
    const outer = new KeelsonError('RESOURCE_EXHAUSTED', 'volume not created', { cause: inner })
    const received = roundTrip(outer)
    expect(received.message).toBe('volume not created: cannot write the ledger (ENOSPC)')
    expect(received).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'in-use' })
    expect(received.details).toEqual(['line'])
    expect(received.cause).toBeUndefined()
  })

  it('survive texts that are not well-formed', () => {
    const received = roundTrip(new KeelsonError('NOT_FOUND', 'a\ud800b', { details: ['\udfff'] }))
    expect(received.message).toBe('a\ufffdb')
    expect(received.details).toEqual(['\ufffd'])
  })

  it('are shortened to what headers can carry, and say so', () => {
    const error = new KeelsonError('NOT_FOUND', 'm'.repeat(50_000), {
      reason: 'in-use',
      details: Array.from({ length: 5000 }, (_, index) => `${index} ${'d'.repeat(1000)}`),
      report: 'r'.repeat(50_000),
    })
    const sent = toServiceError(error, reports)
    expect(sent.details.length).toBe(2_000)
    const [trailer] = sent.metadata.get('grpc-status-details-bin')
    expect(trailer?.length).toBeLessThan(16_384)
    const received = fromServiceError(sent, 'host:1', reports)
    expect(received).toMatchObject({ code: 'NOT_FOUND', reason: 'in-use', report: undefined })
    expect(received.details).toHaveLength(21)
    expect(received.details.at(-1)).toMatch(/^\(shortened: \d+ bytes do not fit/)
  })
})

describe('errors of the connection', () => {
  const refused = local(
    status.UNAVAILABLE,
    'No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1. ' +
      'Resolution note: ',
  )
  it.each<[string, ServiceError, Partial<KeelsonError>, boolean]>([
    ['nobody there', refused, { code: 'UNAVAILABLE', message: 'cannot reach host:1' }, true],
    [
      'connection lost',
      local(status.UNAVAILABLE, 'Connection dropped'),
      {
        code: 'UNAVAILABLE',
        message:
          'lost the connection to host:1 before its answer; the call may have had its effect',
      },
      false,
    ],
    ...['Call cancelled', 'Received RST_STREAM with code 2 (Internal server error)'].map(
      (said): [string, ServiceError, Partial<KeelsonError>, boolean] => [
        `stream cut off: ${said}`,
        local(said.startsWith('Call') ? status.CANCELLED : status.INTERNAL, said),
        { code: 'UNAVAILABLE' },
        false,
      ],
    ),
    [
      'deadline of this side',
      local(status.DEADLINE_EXCEEDED, 'Deadline exceeded after 0.1s'),
      { code: 'DEADLINE_EXCEEDED', message: 'no answer from host:1 in time' },
      false,
    ],
    [
      'another implementation’s error',
      local(status.NOT_FOUND, 'no such thing'),
      { code: 'NOT_FOUND', message: 'no such thing' },
      false,
    ],
    ['a code we do not know', local(77 as status, '?'), { code: 'UNKNOWN' }, false],
  ])('%s', (_, error, expected, untouched) => {
    expect(fromServiceError(error, 'host:1')).toMatchObject(expected)
    expect(isUntouched(error)).toBe(untouched)
  })

  it('keep the reason as the cause', () => {
    expect(fromServiceError(refused, 'host:1').cause).toMatchObject({
      message: 'connect ECONNREFUSED 127.0.0.1:1',
    })
  })

  it('an UNAVAILABLE that the server itself answered may be asked elsewhere', () => {
    expect(isUntouched(toServiceError(new KeelsonError('UNAVAILABLE', 'not the leader')))).toBe(
      true,
    )
    expect(isUntouched(toServiceError(new KeelsonError('ABORTED', 'x')))).toBe(false)
  })

  it('a trailer that cannot be read does not hide the error', () => {
    const error = local(status.NOT_FOUND, 'gone')
    error.metadata.set('grpc-status-details-bin', Buffer.from([0xff, 0xff, 0xff]))
    expect(fromServiceError(error, 'host:1')).toMatchObject({ code: 'NOT_FOUND', message: 'gone' })
  })
})
