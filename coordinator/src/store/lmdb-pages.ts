/**
 * The pages of an LMDB data file, read one by one and trusted in nothing. See `lmdb-inspect.ts`.
 */
import { readSync } from 'node:fs'
import { errorChain } from '@keelson/shared/errors'

/** A damage found while reading; `inspectLmdbFile` turns it into a line of its report. */
export class Damage extends Error {}

/** Ends the part being read: `message` says what is wrong with it. */
export function damaged(message: string): never {
  throw new Damage(message)
}

/** Bytes of the header of a page. */
export const PAGE_HEADER_BYTES = 24
/** Bytes of the header of a node on a page. */
export const NODE_HEADER_BYTES = 8
/** Number of meta pages; records begin behind them. */
export const META_PAGES = 2
/** Root of an empty tree. */
export const NO_PAGE = 2 ** 64
/** Flag of a page that leads to others. */
export const BRANCH = 0x01
/** Flag of a page with records. */
export const LEAF = 0x02
/** Flag of the first page of a value too large for a leaf. */
export const OVERFLOW = 0x04
const META = 0x08
const KIND_MASK = 0x6f
/** Flag of a tree whose keys are numbers; the free list is one. */
export const INTEGER_KEY = 0x08

const MAGIC = 0xbeefc0de
const DATA_VERSION = 2
const META_BYTES = 144
// A transaction may free the last pages it took before they were ever written, so the file can end
// before the last page; but by no more than one transaction needs. A last page that is too far out
// would make LMDB write at offsets that overflow.
const MAX_UNWRITTEN_PAGES = 65_536

/** One tree of a snapshot. */
export interface Tree {
  readonly name: string
  readonly flags: number
  /** Levels of pages; the leaves are on the last. */
  readonly depth: number
  readonly entries: number
  readonly root: number
}

/** The newest snapshot. */
export interface Meta {
  readonly pageBytes: number
  readonly free: Tree
  readonly records: Tree
  readonly lastPage: number
  /** Number of the transaction that wrote it. */
  readonly transaction: number
}

/** The pages of one snapshot. */
export interface Pages {
  readonly pageBytes: number
  /** Reads `count` pages as one; each page may be asked for once. */
  read(page: number, count: number, kinds: number): Buffer
  /** How many were read. */
  used(): number
  isUsed(page: number): boolean
}

/** Raises Damage for any page that cannot be part of the snapshot. */
export function createPages(file: number, sizeBytes: number, meta: Meta): Pages {
  const { pageBytes, lastPage, transaction } = meta
  const pagesInFile = Math.floor(sizeBytes / pageBytes)
  if (lastPage > pagesInFile + MAX_UNWRITTEN_PAGES)
    damaged(`page ${lastPage} is said to be the last, the file ends after page ${pagesInFile - 1}`)
  const seen = new Uint8Array(pagesInFile)
  let used = 0

  function claim(page: number, count: number): void {
    if (page < META_PAGES || page + count - 1 > lastPage)
      damaged(`page ${page} is referred to but outside 2..${lastPage}`)
    if (page + count > pagesInFile)
      damaged(`page ${page + count - 1} is missing: the file ends after page ${pagesInFile - 1}`)
    for (let at = page; at < page + count; at++) {
      if (seen[at]) damaged(`page ${at} is used twice`)
      seen[at] = 1
    }
    used += count
  }

  return {
    pageBytes,
    read(page, count, kinds) {
      claim(page, count)
      const bytes = readAt(file, page * pageBytes, count * pageBytes)
      const kind = bytes.readUInt16LE(18) & KIND_MASK
      if (readNumber(bytes, 0) !== page || (kind & kinds) === 0 || (kind & (kind - 1)) !== 0)
        damaged(`page ${page} is not what it should be`)
      if (readNumber(bytes, 8) > transaction) damaged(`page ${page} is from a later transaction`)
      return bytes
    },
    used: () => used,
    isUsed: (page) => seen[page] === 1,
  }
}

function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  try {
    const count = readSync(file, bytes, 0, length, position)
    if (count !== length) damaged(`file ends at byte ${position + count}`)
  } catch (error) {
    if (error instanceof Damage) throw error
    damaged(`bytes ${position} to ${position + length - 1} cannot be read: ${errorChain(error)}`)
  }
  return bytes
}

/** A 64-bit field; not exact past 2^53, which no valid field reaches. */
export function readNumber(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32
}

// --- meta pages

/** The snapshot LMDB would open. Raises Damage. */
export function readNewestMeta(file: number, sizeBytes: number): Meta {
  const first = readMeta(file, sizeBytes, 0, 0)
  const second = readMeta(file, sizeBytes, 1, first.pageBytes)
  // Transaction n writes meta page n mod 2 and leaves the one of n - 1 as it is; anything else
  // would let LMDB go back to an older state in silence.
  const distance = first.transaction - second.transaction
  const untouched = distance === 0 && first.transaction === 0
  if (Math.abs(distance) !== 1 && !untouched)
    damaged(`meta pages are of transactions ${first.transaction} and ${second.transaction}`)
  for (const meta of [first, second]) checkRoot(file, sizeBytes, meta)
  return distance > 0 ? first : second
}

/** Every transaction writes a new root for the records, so the two have the same number. */
function checkRoot(file: number, sizeBytes: number, { records, ...meta }: Meta): void {
  if (meta.transaction === 0) return
  const at = records.root * meta.pageBytes
  if (at + meta.pageBytes > sizeBytes)
    damaged(`page ${records.root} is missing: it is the root of transaction ${meta.transaction}`)
  const transaction = readNumber(readAt(file, at, PAGE_HEADER_BYTES), 8)
  if (transaction !== meta.transaction)
    damaged(`the root of transaction ${meta.transaction} is of transaction ${transaction}`)
}

function readMeta(file: number, sizeBytes: number, page: number, pageBytes: number): Meta {
  const at = page * pageBytes
  if (sizeBytes < at + 4096) damaged(`file has ${sizeBytes} bytes, too few for its meta pages`)
  const bytes = readAt(file, at, PAGE_HEADER_BYTES + META_BYTES)
  const meta = bytes.subarray(PAGE_HEADER_BYTES)
  if ((bytes.readUInt16LE(18) & META) === 0 || meta.readUInt32LE(0) !== MAGIC)
    damaged(`meta page ${page} has no LMDB signature`)
  if (meta.readUInt32LE(4) !== DATA_VERSION)
    damaged(
      `meta page ${page} is of data version ${meta.readUInt32LE(4)}, known is ${DATA_VERSION}`,
    )
  const size = meta.readUInt32LE(24)
  if (size < 4096 || size > 65_536 || (size & (size - 1)) !== 0 || (page > 0 && size !== pageBytes))
    damaged(`meta page ${page} speaks of pages of ${size} bytes`)
  const free = readTree('free list', meta.subarray(24))
  const records = readTree('records', meta.subarray(72))
  if (free.flags !== INTEGER_KEY || records.flags !== 0)
    damaged(`meta page ${page} has unknown flags ${free.flags} and ${records.flags}`)
  const lastPage = readNumber(meta, 120)
  return { pageBytes: size, free, records, lastPage, transaction: readNumber(meta, 128) }
}

function readTree(name: string, bytes: Buffer): Tree {
  return {
    name,
    flags: bytes.readUInt16LE(4),
    depth: bytes.readUInt16LE(6),
    entries: readNumber(bytes, 32),
    root: readNumber(bytes, 40),
  }
}
