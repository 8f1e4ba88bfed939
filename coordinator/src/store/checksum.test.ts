import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  countRecord,
  decodeRecord,
  EMPTY_DIGEST,
  encodeRecord,
  storedChecksum,
  storedRevision,
} from './checksum.ts'

const key = fc.stringMatching(/^[!-~]{1,40}$/)
const value = fc.string({ unit: 'binary' })
const revision = fc.nat({ max: 2 ** 48 - 1 })

describe('a stored record', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(key, revision, value, (key, modRevision, value) => {
        const bytes = encodeRecord(key, modRevision, value)
        expect(decodeRecord(key, bytes)).toEqual({ modRevision, value })
        expect(storedRevision(bytes)).toBe(modRevision)
      }),
    )
  })

  it('with any one byte changed is damaged', () => {
    fc.assert(
      fc.property(key, revision, value, fc.nat(), fc.integer({ min: 1, max: 255 }), (...args) => {
        const [key, modRevision, value, at, change] = args
        const bytes = encodeRecord(key, modRevision, value)
        const position = at % bytes.length
        bytes[position] = (bytes[position] as number) ^ change
        expect(decodeRecord(key, bytes)).toBeUndefined()
      }),
    )
  })

  it('is damaged under another key, cut short, or too short to be one', () => {
    const bytes = encodeRecord('a', 1, 'value')
    expect(decodeRecord('b', bytes)).toBeUndefined()
    for (let length = 0; length < bytes.length; length++)
      expect(decodeRecord('a', bytes.subarray(0, length))).toBeUndefined()
  })
})

describe('a digest', () => {
  it('depends on which records there are and not on how they came there', () => {
    const checksums = ['x', 'y', 'z'].map((text) => storedChecksum(encodeRecord('k', 1, text)))
    const [x = 0, y = 0, z = 0] = checksums
    const add = (digest: typeof EMPTY_DIGEST, checksum: number) => countRecord(digest, checksum, 1)
    const one = add(add(EMPTY_DIGEST, x), y)
    const other = countRecord(add(add(add(EMPTY_DIGEST, z), y), x), z, -1)
    expect(other).toEqual(one)
    expect(add(EMPTY_DIGEST, x)).not.toEqual(add(EMPTY_DIGEST, y))
    expect(countRecord(countRecord(one, x, -1), y, -1)).toEqual(EMPTY_DIGEST)
  })
})
