/** Damaged files: each is refused with the place, or the damage touched nothing that is in use. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import { seededRng } from '@keelson/shared/runtime'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LmdbEngine, openLmdbEngine } from './lmdb-engine.ts'
import type { KeyValue, Operation } from './store.ts'

const PAGE = 4096
const root = mkdtempSync(join(tmpdir(), 'keelson-damage-'))
let whole: Buffer
let older: Buffer
let expected: readonly KeyValue[]

const open = (directory: string, create = false) =>
  openLmdbEngine({
    directory,
    create,
    mapSizeBytes: 1024 ** 3,
    pageRecords: 100_000,
    pageCharacters: 1024 ** 3,
  })

/** Overwrites, grows, shrinks and deletes records, so that the file has pages of every kind. */
function churn(engine: LmdbEngine, seed: number, transactions: number): void {
  const rng = seededRng(seed)
  const below = (limit: number) => Math.floor(rng.next() * limit)
  for (let n = 0; n < transactions; n++) {
    const operations = new Map<string, Operation>()
    for (let i = below(20); i >= 0; i--) {
      const key = `k/${below(300)}`
      const value = `${key} ${n} `.padEnd(below(12) === 0 ? below(20_000) : below(900), '.')
      operations.set(key, below(4) === 0 ? { type: 'delete', key } : { type: 'put', key, value })
    }
    engine.commit([{ guards: [], operations: [...operations.values()] }])
  }
}

beforeAll(async () => {
  const directory = join(root, 'whole')
  const file = join(directory, 'data.mdb')
  let engine = await open(directory, true)
  churn(engine, 1, 100)
  engine.commit([{ guards: [], operations: [{ type: 'put', key: 'needle', value: 'haystack' }] }])
  await engine.close()
  older = readFileSync(file)
  engine = await open(directory)
  churn(engine, 2, 3)
  expected = engine.firstPage('').records
  await engine.close()
  whole = readFileSync(file)
})
afterAll(() => rmSync(root, { recursive: true }))

/** Opens `content` as a store's file. */
async function openContent(content: Buffer): Promise<LmdbEngine | KeelsonError> {
  const directory = mkdtempSync(join(root, 'case-'))
  writeFileSync(join(directory, 'data.mdb'), content)
  return open(directory).catch((error) => {
    rmSync(directory, { recursive: true })
    return error
  })
}

/** DATA_LOSS, or `harmless`: everything is there, and goes on to be after more commits. */
async function judge(content: Buffer, seed: number): Promise<string> {
  const engine = await openContent(content)
  if (engine instanceof KeelsonError) return engine.code
  expect(engine.firstPage('').records).toEqual(expected)
  churn(engine, seed, 10)
  expect(engine.firstPage('').records.length).toBe(engine.facts().keys)
  await engine.close()
  return 'harmless'
}

const edited = (edit: (bytes: Buffer) => void): Buffer => {
  const bytes = Buffer.from(whole)
  edit(bytes)
  return bytes
}
/** Replaces every copy of `text`, also on pages no longer in use. */
const replaced = (text: string, by: string) =>
  edited((bytes) => {
    for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1))
      bytes.write(by, at, 'latin1')
  })
const transactionOf = (metaPage: number) =>
  Number(whole.readBigUInt64LE(metaPage * PAGE + 24 + 128))

describe('a damaged store file', () => {
  const newest = () => (transactionOf(0) > transactionOf(1) ? 0 : 1)
  const cases: [string, () => Buffer, string][] = [
    [
      'a changed value',
      () => replaced('haystack', 'haystock'),
      'record "needle" fails its checksum',
    ],
    ['a changed key', () => replaced('needle', 'needlf'), 'record "needlf" fails its checksum'],
    ['cut to half', () => whole.subarray(0, (whole.length / PAGE / 2) * PAGE), 'is missing: '],
    ['cut to a few bytes', () => whole.subarray(0, 100), 'too few for its meta pages'],
    ['empty', () => Buffer.alloc(0), 'file has 0 bytes'],
    ['zeros', () => Buffer.alloc(whole.length), 'meta page 0 has no LMDB signature'],
    [
      'another file',
      () => Buffer.from('[Unit]\n'.repeat(10_000)),
      'meta page 0 has no LMDB signature',
    ],
    ['another version', () => edited((b) => b.writeUInt32LE(1, 28)), 'data version 1, known is 2'],
    [
      'no newest meta page',
      () => edited((b) => b.fill(0, newest() * PAGE, (newest() + 1) * PAGE)),
      'no LMDB signature',
    ],
    [
      'an older meta page',
      () => edited((b) => older.copy(b, newest() * PAGE, newest() * PAGE, (newest() + 1) * PAGE)),
      'meta pages are of transactions',
    ],
    ['all pages zero', () => edited((b) => b.fill(0, 2 * PAGE)), 'is of transaction 0'],
  ]
  it.each(cases)('%s', async (_, damage, message) => {
    const error = await openContent(damage())
    expect(error).toMatchObject({
      code: 'DATA_LOSS',
      message: expect.stringMatching(/data\.mdb is damaged in \d+( or more)? places$/),
      details: expect.arrayContaining([expect.stringContaining(message)]),
    })
    expect((error as KeelsonError).details.at(-1)).toContain('keelson cluster restore')
  })

  it('names every damaged record', async () => {
    const error = await openContent(replaced(' 98 ', ' 97 '))
    const damages = (error as KeelsonError).details.filter((line) => line.startsWith('record "k/'))
    const changed = expected.filter(({ value }) => value.includes(' 98 ')).map(({ key }) => key)
    expect(changed.length).toBeGreaterThan(2)
    expect(damages).toEqual(changed.sort().map((key) => `record "${key}" fails its checksum`))
  })

  it('with a page the disk never wrote is refused wherever that page is', async () => {
    const outcomes: string[] = []
    for (let at = 2 * PAGE; at < older.length; at += PAGE) {
      const before = older.subarray(at, at + PAGE)
      if (before.equals(whole.subarray(at, at + PAGE))) continue
      outcomes.push(
        await judge(
          edited((bytes) => before.copy(bytes, at)),
          at,
        ),
      )
    }
    expect(outcomes).toContain('DATA_LOSS')
    expect(new Set(outcomes)).toEqual(new Set(['DATA_LOSS', 'harmless']))
  })

  it('anywhere and of any kind is refused or harmless, and never a crash', async () => {
    const outcomes = new Map<string, number>()
    for (let seed = 1; seed <= 200; seed++) {
      const rng = seededRng(seed)
      const below = (limit: number) => Math.floor(rng.next() * limit)
      const at = below(whole.length)
      const page = at - (at % PAGE)
      const kinds: (() => Buffer)[] = [
        () => edited((b) => b.writeUInt8(b.readUInt8(at) ^ (1 << below(8)), at)),
        () => edited((b) => b.writeUInt8(below(256), page + below(64))),
        () => edited((b) => b.writeUInt8(below(256), below(2) * PAGE + below(168))),
        () => edited((b) => b.fill(0, page, page + PAGE)),
        () => edited((b) => b.fill(0xff, at, at + 8)),
        () => edited((b) => b.copy(b, page, below(whole.length / PAGE) * PAGE, whole.length)),
        () => whole.subarray(0, at),
      ]
      const outcome = await judge((kinds[seed % kinds.length] as () => Buffer)(), seed)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
    expect([...outcomes.keys()].sort()).toEqual(['DATA_LOSS', 'harmless'])
  })
})
