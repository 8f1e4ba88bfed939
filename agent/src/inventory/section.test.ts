import { SECTION_NAMES } from '@keelson/shared/model'
import { systemClock } from '@keelson/shared/runtime'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSysReader } from './reader.ts'
import { canonicalJson, collectSection, factsHash } from './section.ts'
import { fixture, tempTree } from './test-trees.ts'
import { collectInventory } from './watch.ts'

const reader = createSysReader(fixture('no-dmi-vm'))
const options = { reader, clock: systemClock }

describe('canonical JSON', () => {
  it('is the same whatever the order of keys, and parses back', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse())
        expect(canonicalJson(turned)).toBe(canonicalJson(value))
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  it('drops undefined keys and keeps the order of lists', () => {
    expect(canonicalJson({ b: [2, 1], a: undefined })).toBe('{"b":[2,1]}')
  })
})

describe('a section', () => {
  it('has a hash of its facts alone', async () => {
    const facts = { nodes: [] }
    const plain = await collectSection('numa', async () => facts, options)
    const gapped = await collectSection(
      'numa',
      async ({ gap }) => {
        gap('nodes', 'no permission')
        return facts
      },
      options,
    )
    expect(plain.meta).toMatchObject({ status: 'OK', sha256: factsHash(facts) })
    expect(gapped.meta).toMatchObject({ status: 'PARTIAL', sha256: plain.meta.sha256 })
  })

  it('whose collector fails is unavailable, with the reason', async () => {
    const section = await collectSection(
      'numa',
      async () => {
        throw new Error('boom')
      },
      options,
    )
    expect(section).not.toHaveProperty('facts')
    expect(section.meta).toMatchObject({
      status: 'UNAVAILABLE',
      gaps: [{ path: '', reason: 'collector failed: boom' }],
    })
  })

  it('lists no more gaps than a person reads', async () => {
    const section = await collectSection(
      'numa',
      async ({ gap }) => {
        for (let index = 0; index < 5000; index++) gap(`nodes[${index}]`, 'gone')
        return { nodes: [] }
      },
      options,
    )
    expect(section.meta.gaps).toHaveLength(201)
    expect(section.meta.gaps.at(-1)?.reason).toBe('4800 further gaps are not listed')
  })

  it('stops when its report is cancelled', async () => {
    const abort = new AbortController()
    abort.abort(new Error('stopped'))
    await expect(
      collectInventory({ sysroot: '/', clock: systemClock, node: 'n', signal: abort.signal }),
    ).rejects.toThrow('stopped')
  })
})

it('a report of an empty tree has every section and no invented value', async () => {
  using tree = tempTree()
  const inventory = await collectInventory({ sysroot: tree.root, clock: systemClock, node: 'n' })
  expect(inventory.sections.map((section) => section.name)).toEqual(SECTION_NAMES)
  for (const { name, meta } of inventory.sections) {
    expect(meta.status, name).not.toBe('OK')
    expect(meta.gaps.length, name).toBeGreaterThan(0)
  }
})

it.each(['r660-2s', 'no-dmi-vm', 'doubtful-ids', 'multipath'])(
  'two reports of %s have the same hashes',
  async (name) => {
    const read = () => collectInventory({ sysroot: fixture(name), clock: systemClock, node: 'n' })
    const hashes = async () => (await read()).sections.map((section) => section.meta.sha256)
    expect(await hashes()).toEqual(await hashes())
  },
)
