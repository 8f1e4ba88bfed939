/**
 * How a record lies on disk: a format byte, a CRC-32, the revision, the text. The checksum covers
 * the key too, so a value that turns up under another key is damage as well. LMDB itself has no
 * checksums; without these a flipped bit would be read as a fact about somebody's volume.
 */
import { crc32 } from 'node:zlib'

/** A record as it was written. */
export interface StoredRecord {
  readonly value: string
  readonly modRevision: number
}

const FORMAT = 1
const CHECKSUM_AT = 1
const REVISION_AT = 5
// Six bytes hold 2^48 revisions: 178 years at 50,000 a second.
const REVISION_BYTES = 6
const VALUE_AT = REVISION_AT + REVISION_BYTES

/** The record's bytes. */
export function encodeRecord(key: string, modRevision: number, value: string): Buffer {
  const bytes = Buffer.allocUnsafe(VALUE_AT + Buffer.byteLength(value))
  bytes[0] = FORMAT
  bytes.writeUIntLE(modRevision, REVISION_AT, REVISION_BYTES)
  bytes.write(value, VALUE_AT)
  bytes.writeUInt32LE(checksumOf(key, bytes), CHECKSUM_AT)
  return bytes
}

/** The record in `bytes`, or undefined if they are not what was written under `key`. */
export function decodeRecord(key: string, bytes: Buffer): StoredRecord | undefined {
  if (bytes.length < VALUE_AT || bytes[0] !== FORMAT) return undefined
  if (checksumOf(key, bytes) !== storedChecksum(bytes)) return undefined
  return { value: bytes.toString('utf8', VALUE_AT), modRevision: storedRevision(bytes) }
}

/** The checksum a record carries, unverified. */
export function storedChecksum(bytes: Buffer): number {
  return bytes.readUInt32LE(CHECKSUM_AT)
}

/** The revision a record carries, unverified. */
export function storedRevision(bytes: Buffer): number {
  return bytes.readUIntLE(REVISION_AT, REVISION_BYTES)
}

function checksumOf(key: string, bytes: Buffer): number {
  return crc32(bytes.subarray(REVISION_AT), crc32(key))
}

/**
 * A fingerprint of a set of records that does not depend on their order: their number and the sum
 * of their checksums. It can be kept up to date write by write, and it misses no record that was
 * lost with the page it was on, nor an old page come back in place of a newer one.
 */
export interface Digest {
  readonly count: number
  readonly sum: number
}

/** The digest of no records. */
export const EMPTY_DIGEST: Digest = { count: 0, sum: 0 }

/** The digest with one record added (`direction` 1) or taken away (-1). */
export function countRecord(digest: Digest, checksum: number, direction: 1 | -1): Digest {
  return {
    count: digest.count + direction,
    sum: (digest.sum + direction * checksum) >>> 0,
  }
}
