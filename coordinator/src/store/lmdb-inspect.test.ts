/** One wrong field at a time, each in a file whose every other byte is right. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LmdbEngine, openLmdbEngine } from './lmdb-engine.ts'
import { inspectLmdbFile } from './lmdb-inspect.ts'

const PAGE = 4096
const HEADER = 24
const directory = mkdtempSync(join(tmpdir(), 'keelson-inspect-'))
const file = join(directory, 'data.mdb')
const open = (create: boolean) =>
  openLmdbEngine({
    directory,
    create,
    mapSizeBytes: 1024 ** 3,
    pageRecords: 1000,
    pageCharacters: 1024 ** 3,
  })
const put = (engine: LmdbEngine, key: string, value: string) =>
  engine.commit([{ guards: [], operations: [{ type: 'put', key, value }] }])

let whole: Buffer
beforeAll(async () => {
  const engine = await open(true)
  for (let index = 10; index < 70; index++) put(engine, `k${index}`, 'old'.padEnd(300, '.'))
  put(engine, 'large', 'x'.repeat(10_000))
  // A page that was in use before and differs from the one in use now by this value only.
  put(engine, 'k40', 'new'.padEnd(300, '.'))
  await engine.close()
  whole = readFileSync(file)
})
afterAll(() => rmSync(directory, { recursive: true }))

/** Reads and edits the fields of the newest snapshot; positions are bytes of the file. */
function fieldsOf(bytes: Buffer) {
  const number = (at: number) => Number(bytes.readBigUInt64LE(at))
  const metaAt = (page: number) => page * PAGE + HEADER
  const newest = number(metaAt(0) + 128) > number(metaAt(1) + 128) ? 0 : 1
  const free = metaAt(newest) + 24
  const records = metaAt(newest) + 72
  const rootOf = (tree: number) => number(tree + 40) * PAGE
  const node = (page: number, index: number) =>
    page + HEADER + bytes.readUInt16LE(page + HEADER + 2 * index)
  const key = (at: number) => bytes.toString('latin1', at + 8, at + 8 + bytes.readUInt16LE(at + 6))
  const child = (page: number, index: number) => bytes.readUInt32LE(node(page, index)) * PAGE
  const nodes = (page: number) => bytes.readUInt16LE(page + 20) / 2
  const root = rootOf(records)
  const leaves = Array.from({ length: nodes(root) }, (_, index) => child(root, index))
  const find = (wanted: string) => {
    for (const leaf of leaves)
      for (let index = 0; index < nodes(leaf); index++)
        if (key(node(leaf, index)) === wanted) return { leaf, index, node: node(leaf, index) }
    throw new Error(`no record ${wanted}`)
  }
  return { metaAt, newest, free, records, root, rootOf, node, key, child, nodes, leaves, find }
}

type Fields = ReturnType<typeof fieldsOf>

function inspectEdited(edit: (bytes: Buffer, fields: Fields) => void): readonly string[] {
  const bytes = Buffer.from(whole)
  edit(bytes, fieldsOf(bytes))
  const path = join(directory, 'edited')
  writeFileSync(path, bytes)
  return inspectLmdbFile(path, () => undefined).damages
}

describe('inspecting a file', () => {
  it('visits every record in order and accounts for every page', () => {
    const keys: string[] = []
    const inspection = inspectLmdbFile(file, (key) => {
      keys.push(key.toString())
      return undefined
    })
    expect(keys).toEqual(keys.toSorted())
    expect(keys).toHaveLength(62)
    expect(inspection.damages).toEqual([])
    const { recordPages, freeListPages, freePages } = inspection
    expect(2 + recordPages + freeListPages + freePages).toBe(whole.length / PAGE)
    expect(freePages).toBeGreaterThan(0)
  })

  it('reports what the visitor finds', () => {
    const { damages } = inspectLmdbFile(file, (key) =>
      key.toString() === 'k33' ? 'k33 is bad' : undefined,
    )
    expect(damages).toEqual(['k33 is bad'])
  })

  const cases: [string, (bytes: Buffer, fields: Fields) => void, RegExp][] = [
    ['a page number', (b, { leaves }) => b.writeUInt32LE(1, leaves[1]), /is not what it should be/],
    [
      'a page kind',
      (b, { leaves }) => b.writeUInt16LE(1, Number(leaves[1]) + 18),
      /is not what it/,
    ],
    [
      'a page of the future',
      (b, { leaves }) => b.writeUInt32LE(1_000_000, Number(leaves[1]) + 8),
      /from a later transaction/,
    ],
    ['a depth', (b, { records }) => b.writeUInt16LE(3, records + 6), /is not what it should be/],
    ['no depth', (b, { records }) => b.writeUInt16LE(0, records + 6), /records: depth 0/],
    ['a count', (b, { records }) => b.writeUInt32LE(61, records + 32), /62 entries were found, 61/],
    [
      'tree flags',
      (b, { records }) => b.writeUInt16LE(2, records + 4),
      /has unknown flags 8 and 2/,
    ],
    ['a page size', (b, { free }) => b.writeUInt32LE(8192, free), /speaks of pages of 8192 bytes/],
    [
      'the last page',
      (b, { metaAt, newest }) => b.writeUInt32LE(3, metaAt(newest) + 120),
      /is referred to but outside 2\.\.3/,
    ],
    [
      'a last page that would overflow',
      (b, { metaAt, newest }) => b.writeUInt8(0x02, metaAt(newest) + 127),
      /is said to be the last, the file ends after page/,
    ],
    [
      'a child out of the file',
      (b, { root, node }) => b.writeUInt32LE(99_999, node(root, 1)),
      /page 99999 is referred to but outside/,
    ],
    [
      'a child that another branch has',
      (b, { root, node }) => b.copyWithin(node(root, 1), node(root, 0), node(root, 0) + 4),
      /is used twice/,
    ],
    [
      'a branch key after the first key of its child',
      (b, { root, node }) => b.write('k~', node(root, 1) + 8),
      /has keys out of order/,
    ],
    [
      'a branch key before the last key of the child to the left',
      (b, { root, node }) => b.write('!', node(root, 1) + 8),
      /has keys out of order/,
    ],
    [
      'two keys of a leaf',
      (b, { leaves, node }) => b.write('k~', node(Number(leaves[0]), 2) + 8),
      /has keys out of order/,
    ],
    [
      'free space that overlaps',
      (b, { leaves }) => b.writeUInt16LE(9, Number(leaves[0]) + 20),
      /has a wrong layout/,
    ],
    [
      'a node outside its page',
      (b, { leaves }) => b.writeUInt16LE(4090, Number(leaves[0]) + HEADER),
      /has a node at 4090/,
    ],
    [
      'a key size',
      (b, { find }) => b.writeUInt16LE(60_000, find('k33').node + 6),
      /has a key past/,
    ],
    [
      'a value size',
      (b, { find }) => b.writeUInt32LE(60_000, find('k33').node),
      /has a value past/,
    ],
    ['node flags', (b, { find }) => b.writeUInt16LE(4, find('k33').node + 4), /has a value past/],
    [
      'a large value that is too large for its pages',
      (b, { find }) => b.writeUInt32LE(20_000, find('large').node),
      /has a value of 20000 bytes on 3 pages/,
    ],
    [
      'a large value of other pages',
      (b, { find }) =>
        b.writeUInt32LE(2, Number(b.readBigUInt64LE(find('large').node + 13)) * PAGE + 20),
      /disagrees about a large value/,
    ],
    [
      'a free page that is in use',
      (b, { rootOf, free, node, leaves }) => {
        const entry = node(rootOf(free), 0)
        b.writeBigUInt64LE(BigInt(Number(leaves[1]) / PAGE), entry + 8 + 8 + 8)
      },
      /is in use and listed as free/,
    ],
    [
      'a free page out of the file',
      (b, { rootOf, free, node }) => b.writeBigInt64LE(99_999n, node(rootOf(free), 0) + 24),
      /lists pages outside/,
    ],
    [
      'a run of free pages without its first',
      (b, { rootOf, free, node }) => {
        const entry = node(rootOf(free), 0)
        const length = Number(b.readBigUInt64LE(entry + 16))
        b.writeBigInt64LE(-2n, entry + 16 + 8 * length)
      },
      /lists pages outside/,
    ],
    [
      'a free list longer than its record',
      (b, { rootOf, free, node }) => b.writeBigInt64LE(500n, node(rootOf(free), 0) + 16),
      /has a wrong length/,
    ],
    [
      'the number of the newest transaction',
      (b, { metaAt, newest }) => b.writeUInt8(99, metaAt(newest) + 129),
      /meta pages are of transactions/,
    ],
    [
      'the number of the newest transaction, so that the one before seems newer',
      (b, { metaAt, newest }) => {
        const at = metaAt(newest) + 128
        b.writeUInt32LE(b.readUInt32LE(at) - 2, at)
      },
      /the root of transaction \d+ is of transaction \d+/,
    ],
    [
      'the root of the newest transaction',
      (b, { records }) => b.writeUInt32LE(99_999, records + 40),
      /page 99999 is missing: it is the root of transaction/,
    ],
  ]
  it.each(cases)('finds %s that is wrong', (_, edit, message) => {
    expect(inspectEdited(edit).join('\n')).toMatch(message)
  })

  it('leaves to the digest what no single page can tell', async () => {
    const bytes = Buffer.from(whole)
    const { find, nodes, node, key } = fieldsOf(bytes)
    const { leaf } = find('k40')
    const keysOf = (page: number) =>
      Array.from({ length: nodes(page) }, (_, index) => key(node(page, index))).join()
    // The page as it was before its last change, still in the file because pages are not reused
    // at once. Every record on it is whole, only one of them is not the newest.
    const stale = Array.from({ length: whole.length / PAGE - 2 }, (_, index) => (index + 2) * PAGE)
      .filter((page) => page !== leaf && bytes.readUInt16LE(page + 18) === 2)
      .filter((page) => keysOf(page) === keysOf(leaf))
    expect(stale.length).toBeGreaterThan(0)
    bytes.copy(bytes, leaf + 8, Number(stale[0]) + 8, Number(stale[0]) + PAGE)
    writeFileSync(file, bytes)
    expect(inspectLmdbFile(file, () => undefined).damages).toEqual([])
    await expect(open(false)).rejects.toMatchObject({
      code: 'DATA_LOSS',
      details: [expect.stringMatching(/all 61 records together is wrong/), expect.any(String)],
    })
    writeFileSync(file, whole)
    const engine = await open(false)
    expect(engine.get('k40')?.value).toMatch(/^new/)
    await engine.close()
  })
})
