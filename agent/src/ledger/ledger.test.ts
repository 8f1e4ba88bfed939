import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { writeFileDurably } from '@keelson/shared/exec'
import type { DesiredReplica, DesiredSnapshot, DesiredState } from '@keelson/shared/model'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openFileLedger } from './file-ledger.ts'
import { createMemoryLedger, type Ledger, type MadeItem } from './ledger.ts'

let directory: string
let path: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keelson-ledger-'))
  path = join(directory, 'ledger.json')
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const documentOf = (generation: number, more: Partial<DesiredState> = {}): DesiredState => ({
  clusterId: 'c1',
  node: 'n1',
  generation,
  pools: [{ uid: 'p1', name: 'local', kind: 'FILE', path: '/srv', intent: 'Present' }],
  replicas: [],
  snapshots: [],
  ...more,
})
const open = () => openFileLedger({ path, node: 'n1' })

describe.each([
  ['the file ledger', open],
  ['the memory ledger', async () => createMemoryLedger('n1')],
])('%s', (_, create) => {
  it('takes a newer document and the same one, and refuses the rest as it is', async () => {
    const ledger = await create()
    expect(ledger.current()).toBeUndefined()
    await ledger.store(documentOf(5))
    await ledger.store(documentOf(5, { pools: [] }))
    expect(ledger.current()).toEqual(documentOf(5, { pools: [] }))
    await ledger.store(documentOf(7))
    const refused = [
      documentOf(6),
      documentOf(9, { clusterId: 'c2' }),
      documentOf(9, { node: 'n2' }),
    ]
    for (const document of refused)
      await expect(ledger.store(document)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
    await expect(ledger.store(documentOf(6))).rejects.toThrow('its generation is 6, stored is 7')
    expect(ledger.current()).toEqual(documentOf(7))
  })

  const replica = (more: Partial<DesiredReplica> = {}): DesiredReplica => ({
    volumeUid: 'v1',
    volume: 'data',
    poolUid: 'p1',
    role: 'Diskful',
    sizeBytes: 4096,
    sourceSnapshotUid: '',
    intent: 'Present',
    provisioned: false,
    ...more,
  })
  const snapshot = (more: Partial<DesiredSnapshot> = {}): DesiredSnapshot => ({
    uid: 's1',
    name: 'before',
    volumeUid: 'v1',
    poolUid: 'p1',
    intent: 'Present',
    provisioned: false,
    ...more,
  })
  const both = (generation: number, more: Partial<DesiredReplica & DesiredSnapshot> = {}) =>
    documentOf(generation, { replicas: [replica(more)], snapshots: [snapshot(more)] })
  const made: readonly MadeItem[] = [
    { kind: 'Replica', uid: 'v1', poolUid: 'p1' },
    { kind: 'Snapshot', uid: 's1', poolUid: 'p1' },
  ]
  const marks = (ledger: Ledger) => {
    const { replicas = [], snapshots = [] } = ledger.current() ?? {}
    return [...replicas, ...snapshots].map(({ provisioned }) => provisioned)
  }

  it.each<[string, DesiredState, readonly MadeItem[], boolean[]]>([
    ['both', both(5), made, [true, true]],
    ['one of two', both(5), made.slice(1), [false, true]],
    ['nothing', both(5), [], [false, false]],
    ['what is to go', both(5, { intent: 'Absent' }), made, [false, false]],
    ['what is wanted in another pool', both(5, { poolUid: 'p2' }), made, [false, false]],
    ['what was marked', both(5, { provisioned: true }), made, [true, true]],
    ['what no document names', documentOf(5), made, []],
  ])('records as made: %s', async (_, document, items, expected) => {
    const ledger = await create()
    await ledger.recordMade(items)
    expect(ledger.current()).toBeUndefined()
    await ledger.store(document)
    await ledger.recordMade(items)
    expect(marks(ledger)).toEqual(expected)
    expect(ledger.current()?.generation).toBe(5)
  })

  it.each<[string, readonly DesiredState[], boolean]>([
    ['the same document', [both(5)], true],
    ['a newer one', [both(6), both(7, { sizeBytes: 8192 })], true],
    ['one that says so itself', [both(6, { provisioned: true }), both(7)], true],
    ['one that wants it gone', [both(6, { intent: 'Absent' })], false],
    ['one that wants it back', [both(6, { intent: 'Absent' }), both(7)], false],
    ['one that wants it elsewhere', [both(6, { poolUid: 'p2' })], false],
    ['one that names it again', [documentOf(6), both(7)], false],
    ['one that names others', [both(6, { volumeUid: 'v2', uid: 's2' })], false],
  ])('knows what was made: %s', async (_, documents, expected) => {
    const ledger = await create()
    await ledger.store(both(5))
    await ledger.recordMade(made)
    for (const document of documents) await ledger.store(document)
    expect(marks(ledger)).toEqual([expected, expected])
  })

  it('keeps the newest of documents that come at once', async () => {
    const ledger = await create()
    const results = await Promise.allSettled(
      [3, 1, 4].map((each) => ledger.store(documentOf(each))),
    )
    expect(results.map((each) => each.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(ledger.current()?.generation).toBe(4)
  })
})

describe('the file of the ledger', () => {
  it('outlives the process', async () => {
    await (await open()).store(documentOf(5))
    const ledger = await open()
    expect(ledger.current()).toEqual(documentOf(5))
    expect(ledger.damage).toBeUndefined()
  })

  it.each([
    ['before anything is written', async () => Promise.reject(new Error('ENOSPC')), 5],
    [
      'half way through the temporary file',
      async (at: string, text: string) => {
        await writeFile(join(directory, '.ledger.json.tmp'), text.slice(0, 40))
        throw new Error(`crash beside ${at}`)
      },
      5,
    ],
    [
      'after the file is in place',
      async (at: string, text: string) => {
        await writeFileDurably(at, text)
        throw new Error('crash before the reply')
      },
      6,
    ],
  ])('holds one whole document after a crash %s', async (_, write, survivor) => {
    await (await open()).store(documentOf(5))
    const crashing = await openFileLedger({ path, node: 'n1', write })
    await expect(crashing.store(documentOf(6))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(crashing.current()?.generation).toBe(5)
    const ledger = await open()
    expect(ledger.damage).toBeUndefined()
    expect(ledger.current()?.generation).toBe(survivor)
    await ledger.store(documentOf(8))
    expect((await open()).current()?.generation).toBe(8)
  })

  it('has the marks of what was made on the disk, and is written only for new ones', async () => {
    const snapshots = [
      { uid: 's1', name: 's', volumeUid: 'v1', poolUid: 'p1', intent: 'Present' as const },
    ].map((each) => ({ ...each, provisioned: false }))
    const made = [{ kind: 'Snapshot', uid: 's1', poolUid: 'p1' }] as const
    let writes = 0
    let full = false
    const write = async (at: string, text: string) => {
      if (full) throw new Error('ENOSPC')
      writes++
      await writeFileDurably(at, text)
    }
    const ledger = await openFileLedger({ path, node: 'n1', write })
    await ledger.store(documentOf(5, { snapshots }))
    full = true
    await expect(ledger.recordMade(made)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(ledger.current()?.snapshots).toMatchObject([{ provisioned: false }])
    full = false
    // Records and documents that come at once are written one after the other.
    await Promise.all([
      ledger.recordMade(made),
      ledger.store(documentOf(6, { snapshots })),
      ledger.recordMade(made),
    ])
    expect(writes).toBe(3)
    expect(ledger.current()).toMatchObject({ generation: 6, snapshots: [{ provisioned: true }] })
    expect((await open()).current()).toEqual(ledger.current())
  })

  it('never loses a document that was acknowledged, whenever the process is killed', async () => {
    const module = new URL('./file-ledger.ts', import.meta.url).href
    const program = `
      const { openFileLedger } = await import(${JSON.stringify(module)})
      const ledger = await openFileLedger({ path: ${JSON.stringify(path)}, node: 'n1' })
      for (let n = (ledger.current()?.generation ?? 0) + 1; ; n++) {
        await ledger.store({ ...${JSON.stringify(documentOf(0))}, generation: n })
        process.stdout.write(n + '\\n')
      }`
    for (let round = 1; round <= 5; round++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let acknowledged = 0
      let count = 0
      for await (const line of createInterface(child.stdout)) {
        acknowledged = Number(line)
        if (++count === round * 7) child.kill('SIGKILL')
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      expect(child.signalCode).toBe('SIGKILL')
      const ledger = await open()
      expect(ledger.damage).toBeUndefined()
      expect(ledger.current()?.generation).toBeGreaterThanOrEqual(acknowledged)
    }
  })

  const damaged: [string, (text: string) => string, string][] = [
    ['an empty file', () => '', 'not JSON'],
    ['a cut file', (text) => text.slice(0, -20), 'not JSON'],
    ['zeros', (text) => '\0'.repeat(text.length), 'not JSON'],
    [
      'another generation',
      (text) => text.replace(/"generation":5,"pools"/, '"generation":6,"pools"'),
      'checksum',
    ],
    ['another path', (text) => text.replace('/srv', '/src'), 'checksum'],
    ['no checksum', (text) => text.replace('sha256', 'sha999'), 'checksum'],
    ['something else', () => '[]', 'no version'],
    ['null', () => 'null', 'no version'],
  ]
  it.each(damaged)('puts %s aside and goes on without a document', async (_, damage, problem) => {
    await (await open()).store(documentOf(5))
    const text = damage(await readFile(path, 'utf8'))
    await writeFile(path, text)
    const ledger = await open()
    expect(ledger.current()).toBeUndefined()
    expect(ledger.damage).toMatchObject({ code: 'DATA_LOSS' })
    expect(ledger.damage?.message).toContain(problem)
    expect(await readFile(`${path}.damaged-1`, 'utf8')).toBe(text)
    await ledger.store(documentOf(2))
    expect((await open()).current()?.generation).toBe(2)
  })

  it('keeps every damaged file', async () => {
    for (const content of ['one', 'two']) {
      await writeFile(path, content)
      await open()
    }
    expect((await readdir(directory)).sort()).toEqual([
      'ledger.json.damaged-1',
      'ledger.json.damaged-2',
    ])
  })

  it('is not touched when a newer agent wrote it, or when it is another host’s', async () => {
    await (await open()).store(documentOf(5))
    await expect(openFileLedger({ path, node: 'n2' })).rejects.toThrow('belongs to node "n1"')
    const newer = (await readFile(path, 'utf8')).replace('"version":1', '"version":2')
    await writeFile(path, newer)
    await expect(open()).rejects.toThrow('has version 2, this agent knows 1')
    expect(await readFile(path, 'utf8')).toBe(newer)
  })

  it('is readable by its owner only', async () => {
    const { stat } = await import('node:fs/promises')
    await (await open()).store(documentOf(5))
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })
})
