/**
 * Reads an LMDB data file page by page, without LMDB, and says whether it is whole. LMDB maps its
 * file and trusts every pointer in it, so opening a damaged or truncated file ends the process with
 * SIGSEGV or SIGBUS at some later moment. This reader trusts nothing: it checks every page that can
 * be reached before LMDB is allowed near the file, and cannot crash.
 *
 * It knows data version 2 with 64-bit little-endian fields, which the pinned `lmdb` package writes
 * on x64 and arm64; any other file is refused. The layout is in `mdb.c` of that package.
 */
import { closeSync, fstatSync, openSync } from 'node:fs'
import {
  BRANCH,
  createPages,
  Damage,
  damaged,
  INTEGER_KEY,
  LEAF,
  META_PAGES,
  type Meta,
  NO_PAGE,
  NODE_HEADER_BYTES,
  OVERFLOW,
  PAGE_HEADER_BYTES,
  type Pages,
  readNewestMeta,
  readNumber,
  type Tree,
} from './lmdb-pages.ts'

/** What is in a data file. */
export interface Inspection {
  /** What is wrong, one line each, at most `MAX_DAMAGES`; empty if the file is whole. */
  readonly damages: readonly string[]
  /** Pages the newest transaction uses for records, for its free list, and lists as free. */
  readonly recordPages: number
  readonly freeListPages: number
  readonly freePages: number
}

/** Takes each record in the order of the keys; what it returns is a damage. */
export type RecordVisitor = (key: Buffer, value: Buffer) => string | undefined

/** More than this many damages are not looked for. */
export const MAX_DAMAGES = 20

const MAX_DEPTH = 32
// Flag of a node whose value is on pages of its own.
const BIG_DATA = 0x01

/** Reads the whole file. Raises only what opening the file raises. */
export function inspectLmdbFile(path: string, visit: RecordVisitor): Inspection {
  const file = openSync(path, 'r')
  try {
    return inspect(file, fstatSync(file).size, visit)
  } finally {
    closeSync(file)
  }
}

function inspect(file: number, sizeBytes: number, visit: RecordVisitor): Inspection {
  const damages: string[] = []
  let recordPages = 0
  let freeListPages = 0
  let freePages = 0
  // Runs one part; a Damage ends that part only, so that several are reported at once.
  const attempt = (part: () => void) => {
    try {
      part()
    } catch (error) {
      if (!(error instanceof Damage)) throw error
      if (damages.length < MAX_DAMAGES) damages.push(error.message)
    }
  }
  attempt(() => {
    const meta = readNewestMeta(file, sizeBytes)
    const pages = createPages(file, sizeBytes, meta)
    const free: number[] = []
    walk(pages, meta.free, attempt, (key, value) => collectFree(key, value, meta, free))
    freeListPages = pages.used()
    walk(pages, meta.records, attempt, (key, value) => {
      const damage = visit(key, value)
      if (damage !== undefined) throw new Damage(damage)
    })
    recordPages = pages.used() - freeListPages
    for (const page of free)
      if (pages.isUsed(page)) attempt(() => damaged(`page ${page} is in use and listed as free`))
    freePages = free.length
  })
  return { damages, recordPages, freeListPages, freePages }
}

type Attempt = (part: () => void) => void

function walk(
  pages: Pages,
  tree: Tree,
  attempt: Attempt,
  visit: (key: Buffer, value: Buffer) => void,
): void {
  let entries = 0
  // The last key seen, and the branch key that no later key may come before.
  let previous: Buffer | undefined
  let floor: Buffer | undefined
  const compare = tree.flags === INTEGER_KEY ? compareIntegers : Buffer.compare

  function walkLeaf(page: number, bytes: Buffer): void {
    for (const node of nodesOf(page, bytes)) {
      attempt(() => {
        entries++
        const key = nodeKey(page, bytes, node)
        if ((previous && compare(previous, key) >= 0) || (floor && compare(floor, key) > 0))
          damaged(`page ${page} has keys out of order`)
        previous = key
        visit(key, nodeValue(pages, page, bytes, node, key.length))
      })
    }
  }

  function walkPage(page: number, depth: number): void {
    if (depth === tree.depth) {
      walkLeaf(page, pages.read(page, 1, LEAF))
      return
    }
    const bytes = pages.read(page, 1, BRANCH)
    for (const [index, node] of nodesOf(page, bytes).entries()) {
      attempt(() => {
        const key = nodeKey(page, bytes, node)
        // The first key of a branch stands for "everything before the second" and is not compared.
        if (index > 0) {
          if (previous && compare(previous, key) >= 0) damaged(`page ${page} has keys out of order`)
          floor = key
        }
        const child = bytes.readUInt32LE(node) + bytes.readUInt16LE(node + 4) * 2 ** 32
        const before = entries
        walkPage(child, depth + 1)
        if (index > 0 && before === entries) damaged(`page ${child} is empty`)
      })
    }
  }

  attempt(() => {
    if (tree.root === NO_PAGE && tree.depth === 0) return
    if (tree.depth < 1 || tree.depth > MAX_DEPTH) damaged(`${tree.name}: depth ${tree.depth}`)
    walkPage(tree.root, 1)
  })
  attempt(() => {
    if (entries !== tree.entries)
      damaged(`${tree.name}: ${entries} entries were found, ${tree.entries} should be there`)
  })
}

/** Where a page's nodes begin, in order. */
function nodesOf(page: number, bytes: Buffer): number[] {
  const body = bytes.length - PAGE_HEADER_BYTES
  const lower = bytes.readUInt16LE(20)
  const upper = bytes.readUInt16LE(22)
  if (lower % 2 !== 0 || lower > upper || upper > body) damaged(`page ${page} has a wrong layout`)
  const nodes: number[] = []
  for (let at = PAGE_HEADER_BYTES; at < PAGE_HEADER_BYTES + lower; at += 2) {
    const node = bytes.readUInt16LE(at)
    if (node < upper || node % 2 !== 0 || node + NODE_HEADER_BYTES > body)
      damaged(`page ${page} has a node at ${node}`)
    nodes.push(PAGE_HEADER_BYTES + node)
  }
  return nodes
}

function nodeKey(page: number, bytes: Buffer, node: number): Buffer {
  const start = node + NODE_HEADER_BYTES
  const end = start + bytes.readUInt16LE(node + 6)
  if (end > bytes.length) damaged(`page ${page} has a key past its end`)
  return bytes.subarray(start, end)
}

function nodeValue(
  pages: Pages,
  page: number,
  bytes: Buffer,
  node: number,
  keyBytes: number,
): Buffer {
  const size = bytes.readUInt32LE(node)
  const flags = bytes.readUInt16LE(node + 4)
  const start = node + NODE_HEADER_BYTES + keyBytes
  const end = start + (flags === BIG_DATA ? 24 : size)
  if ((flags !== 0 && flags !== BIG_DATA) || end > bytes.length)
    damaged(`page ${page} has a value past its end`)
  if (flags === 0) return bytes.subarray(start, end)
  // A large value is on pages of its own; the node says which and how many. They can be more than
  // it needs, because a smaller value that takes the place of a larger one keeps its pages.
  const count = readNumber(bytes, start + 16)
  if (PAGE_HEADER_BYTES + size > count * pages.pageBytes)
    damaged(`page ${page} has a value of ${size} bytes on ${count} pages`)
  const large = pages.read(readNumber(bytes, start), count, OVERFLOW)
  if (large.readUInt32LE(20) !== count) damaged(`page ${page} disagrees about a large value`)
  return large.subarray(PAGE_HEADER_BYTES, PAGE_HEADER_BYTES + size)
}

function compareIntegers(a: Buffer, b: Buffer): number {
  if (a.length !== 8 || b.length !== 8) damaged('free list: a key is not a transaction number')
  return readNumber(a, 0) - readNumber(b, 0)
}

/**
 * A free list entry is a length followed by that many numbers: a page, or minus the length of a
 * run followed by its first page, or 0 for nothing. (Runs are an addition of the `lmdb` package.)
 */
function collectFree(key: Buffer, value: Buffer, meta: Meta, free: number[]): void {
  const name = `free list entry ${key.toString('hex')}`
  const length = value.length >= 8 ? readNumber(value, 0) : NO_PAGE
  if (key.length !== 8 || length * 8 + 8 > value.length) damaged(`${name} has a wrong length`)
  for (let index = 1; index <= length; index++) {
    let page = Number(value.readBigInt64LE(index * 8))
    let count = 1
    if (page === 0) continue
    if (page < 0) {
      count = -page
      index++
      page = index <= length ? Number(value.readBigInt64LE(index * 8)) : 0
    }
    if (page < META_PAGES || page + count - 1 > meta.lastPage)
      damaged(`${name} lists pages outside 2..${meta.lastPage}`)
    for (let at = page; at < page + count; at++) free.push(at)
  }
}
