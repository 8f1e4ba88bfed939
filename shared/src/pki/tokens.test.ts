import { describe, expect, it } from 'vitest'
import { KeelsonError } from '../errors/index.ts'
import { systemRng } from '../runtime/index.ts'
import {
  createJoinToken,
  createUserToken,
  formatJoinToken,
  formatUserToken,
  hashSecret,
  parseJoinToken,
  parseUserToken,
  secretMatches,
} from './tokens.ts'

const FINGERPRINT = 'ab'.repeat(32)

describe('tokens', () => {
  it('reads back what it issued, and stores nothing that could be presented', () => {
    const join = createJoinToken(systemRng, FINGERPRINT)
    const parsed = parseJoinToken(` ${join.text}\n`)
    expect(parsed).toMatchObject({ id: join.id, fingerprint: FINGERPRINT })
    expect(formatJoinToken(parsed)).toBe(join.text)
    expect(secretMatches(parsed.secret, join.secretHash)).toBe(true)
    expect(join.text).not.toContain(join.secretHash)

    const user = createUserToken(systemRng)
    expect(formatUserToken(parseUserToken(user.text))).toBe(user.text)
    expect(secretMatches(parseUserToken(user.text).secret, user.secretHash)).toBe(true)
  })

  it('carries 256 bits of secret and never issues the same token twice', () => {
    const texts = new Set(Array.from({ length: 100 }, () => createUserToken(systemRng).text))
    expect(texts.size).toBe(100)
    expect(parseUserToken([...texts][0] ?? '').secret).toMatch(/^[0-9a-f]{64}$/)
  })

  it.each([
    ['another secret', 'f'.repeat(64), hashSecret('0'.repeat(64))],
    ['the hash itself', hashSecret('x'), hashSecret('x')],
    ['a truncated record', 'x', hashSecret('x').slice(2)],
    ['an empty record', 'x', ''],
    ['a record that is not hex', 'x', 'z'.repeat(64)],
  ])('does not match %s', (_, secret, secretHash) => {
    expect(secretMatches(secret, secretHash)).toBe(false)
  })

  const secret = 'c0ffee'.repeat(10)
  it.each([
    ['an empty text', ''],
    ['a user token', `kut.${'0'.repeat(16)}.${secret}0000`],
    ['a short secret', `kjt.${'0'.repeat(16)}.${secret}.${FINGERPRINT}`],
    ['upper case', `KJT.${'0'.repeat(16)}.${secret}0000.${FINGERPRINT}`],
    ['something behind it', `kjt.${'0'.repeat(16)}.${secret}0000.${FINGERPRINT}.x`],
  ])('refuses %s as a join token without quoting it', (_, text) => {
    expect(() => parseJoinToken(text)).toThrow(KeelsonError)
    expect(() => parseJoinToken(text)).toThrow(/^not a join token/)
    expect(() => parseJoinToken(text)).not.toThrow(new RegExp(secret))
  })

  it('refuses a join token where a user token belongs', () => {
    const { text } = createJoinToken(systemRng, FINGERPRINT)
    expect(() => parseUserToken(text)).toThrow(/^not a user token/)
  })
})
