/**
 * Two kinds of secret that people carry by hand, as texts that say what they are:
 *
 *     kjt.<id>.<secret>.<fingerprint>   join token: lets one agent in, and pins the authority
 *     kut.<id>.<secret>                 user token: goes with every call of a user
 *
 * The id is public and finds the record; the record holds only the SHA-256 of the secret. A plain
 * hash is enough, because a secret is 256 random bits: there is nothing to guess from a dictionary,
 * so a slow hash would only make every call slower.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { KeelsonError } from '../errors/index.ts'
import type { Rng } from '../runtime/index.ts'

const ID_BYTES = 8
const SECRET_BYTES = 32
const JOIN_TOKEN = /^kjt\.([0-9a-f]{16})\.([0-9a-f]{64})\.([0-9a-f]{64})$/
const USER_TOKEN = /^kut\.([0-9a-f]{16})\.([0-9a-f]{64})$/

/** The parts of a user token. */
export interface UserToken {
  /** Public: finds the token's record. */
  readonly id: string
  /** Secret: 256 random bits in hex. */
  readonly secret: string
}

/** The parts of a join token. */
export interface JoinToken extends UserToken {
  /** `authorityFingerprint` of the cluster that issued it: all that the agent trusts. */
  readonly fingerprint: string
}

/** A token just made: the text goes to a person once, id and hash go into the store. */
export interface IssuedToken {
  readonly id: string
  readonly text: string
  readonly secretHash: string
}

/** Makes a join token for the authority with this fingerprint. */
export function createJoinToken(rng: Rng, fingerprint: string): IssuedToken {
  const token = { id: rng.hex(ID_BYTES), secret: rng.hex(SECRET_BYTES), fingerprint }
  return { id: token.id, text: formatJoinToken(token), secretHash: hashSecret(token.secret) }
}

/** Makes a user token. */
export function createUserToken(rng: Rng): IssuedToken {
  const token = { id: rng.hex(ID_BYTES), secret: rng.hex(SECRET_BYTES) }
  return { id: token.id, text: formatUserToken(token), secretHash: hashSecret(token.secret) }
}

/** A join token as text. */
export function formatJoinToken(token: JoinToken): string {
  return `kjt.${token.id}.${token.secret}.${token.fingerprint}`
}

/** A user token as text. */
export function formatUserToken(token: UserToken): string {
  return `kut.${token.id}.${token.secret}`
}

/** Reads a join token. Raises INVALID_ARGUMENT, which never quotes the text: it may be a secret. */
export function parseJoinToken(text: string): JoinToken {
  const [, id, secret, fingerprint] = JOIN_TOKEN.exec(text.trim()) ?? []
  if (id === undefined || secret === undefined || fingerprint === undefined)
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `not a join token (expected kjt.<id>.<secret>.<fingerprint>, got ${text.length} characters)`,
    )
  return { id, secret, fingerprint }
}

/** Reads a user token. Raises INVALID_ARGUMENT, which never quotes the text. */
export function parseUserToken(text: string): UserToken {
  const [, id, secret] = USER_TOKEN.exec(text.trim()) ?? []
  if (id === undefined || secret === undefined)
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `not a user token (expected kut.<id>.<secret>, got ${text.length} characters)`,
    )
  return { id, secret }
}

/** SHA-256 of a secret, in hex: all the store ever sees of it. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** Whether `secret` is the one behind `secretHash`; a near miss takes as long as a far one. */
export function secretMatches(secret: string, secretHash: string): boolean {
  const actual = Buffer.from(hashSecret(secret), 'hex')
  const expected = Buffer.from(secretHash, 'hex')
  return actual.length === expected.length && timingSafeEqual(actual, expected)
}
