import { describe, expect, it } from 'vitest'
import {
  decodeRecord,
  encodeRecord,
  eventId,
  parseRecordKey,
  poolId,
  RECORD_KINDS,
  recordKey,
} from './records.ts'

describe('keys', () => {
  it.each(RECORD_KINDS)('of kind %s can be read back, also with slashes in the id', (kind) => {
    for (const id of ['a', poolId('n1', 'local'), 'n1/cpu'])
      expect(parseRecordKey(recordKey(kind, id))).toEqual({ kind, id })
  })

  it('are of one kind each: no kind is the beginning of another', () => {
    for (const kind of RECORD_KINDS)
      for (const other of RECORD_KINDS)
        if (kind !== other) expect(`${other}/`.startsWith(`${kind}/`)).toBe(false)
  })

  it.each(['zebra/a', 'volume', '', '/a'])('"%s" is of no kind', (key) => {
    expect(() => parseRecordKey(key)).toThrow(expect.objectContaining({ code: 'DATA_LOSS' }))
  })

  it('of events sort as their numbers do', () => {
    const numbers = [0, 9, 10, 99, 100, 123_456_789, Number.MAX_SAFE_INTEGER]
    const ids = numbers.map(eventId)
    expect(ids.toSorted()).toEqual(ids)
  })
})

describe('texts', () => {
  it('carry the version of their shape', () => {
    const text = encodeRecord({ generation: 7 })
    expect(text).toBe('{"v":1,"r":{"generation":7}}')
    expect(decodeRecord('generation', 'n1', text)).toEqual({ generation: 7 })
  })

  const damaged: [name: string, text: string, message: string][] = [
    ['half a text', '{"v":1,"r":{"gen', 'record generation/n1 is not readable'],
    ['no text', '', 'record generation/n1 is not readable'],
    ['no record', '{"v":1}', 'record generation/n1 has version 1'],
    ['no version', '{"r":{}}', 'record generation/n1 has version undefined'],
    ['a newer version', '{"v":2,"r":{}}', 'has version 2, this program knows up to 1'],
    ['a list', '[]', 'record generation/n1 has version undefined'],
  ]
  it.each(damaged)('with %s are DATA_LOSS that names the record', (_name, text, message) => {
    const read = () => decodeRecord('generation', 'n1', text)
    expect(read).toThrow(expect.objectContaining({ code: 'DATA_LOSS' }))
    expect(read).toThrow(message)
  })
})
