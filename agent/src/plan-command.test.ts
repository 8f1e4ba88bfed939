import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DesiredState } from '@keelson/shared/model'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openFileLedger } from './ledger/index.ts'
import { runPlanCommand } from './plan-command.ts'
import { createFileDriver } from './storage/index.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'keelson-plan-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function planText(): Promise<string> {
  let text = ''
  const options = { dataDirectory: root, deviceDirectory: join(root, 'devices') }
  await runPlanCommand(options, (part) => {
    text += part
  })
  return text.replaceAll(root, 'ROOT')
}

const volume = (name: string, provisioned: boolean) => ({
  volumeUid: `uid-${name}`,
  volume: name,
  poolUid: 'p1',
  role: 'Diskful' as const,
  sizeBytes: 2 ** 20,
  sourceSnapshotUid: '',
  intent: 'Present' as const,
  provisioned,
})

describe('keelson-agent plan', () => {
  it('prints what would be done and why, and does none of it', async () => {
    const path = join(root, 'pool')
    const desired: DesiredState = {
      clusterId: 'c1',
      node: 'n1',
      generation: 7,
      pools: [
        { uid: 'p1', name: 'local', kind: 'FILE_THIN', path, intent: 'Present' },
        { uid: 'p2', name: 'new', kind: 'FILE', path: join(root, 'new'), intent: 'Present' },
      ],
      replicas: [volume('data', false), volume('lost', true)],
      snapshots: [
        {
          uid: 's1',
          name: 'before',
          volumeUid: 'uid-data',
          poolUid: 'p1',
          intent: 'Present',
          provisioned: false,
        },
      ],
    }
    const driver = createFileDriver({
      runner: {
        run() {
          throw new Error('a plan runs no tools')
        },
      },
      deviceDirectory: join(root, 'devices'),
      stateDirectory: join(root, 'storage'),
    })
    await driver.preparePool({ uid: 'p1', name: 'local', kind: 'FILE_THIN', path, clusterId: 'c1' })
    await writeFile(join(path, 'notes.txt'), 'mine')
    const ledger = await openFileLedger({ path: join(root, 'ledger.json'), node: 'n1' })
    await ledger.store(desired)
    const before = await readdir(root, { recursive: true })
    expect(await planText()).toBe(`node n1, cluster c1, generation 7

pool local       Ready
pool new         Pending  being prepared
volume data      Pending  being created
volume lost      Failed   the data of volume lost is gone from pool local; it is not created anew
snapshot before  Pending  waiting for volume data

named by no document, and left alone:
  in pool local: notes.txt

2 step(s) to do, in this order:
  1. prepare pool new in ROOT/new: it is not in its place yet
  2. create, grow or attach volume data (1 MiB) in ROOT/pool: it does not exist yet
`)
    expect(await readdir(root, { recursive: true })).toEqual(before)
  })

  it('says that a host without a document is left alone', async () => {
    expect(await planText()).toContain('nothing would be touched')
  })

  it('says that a damaged ledger is not acted upon, and leaves it where it is', async () => {
    await mkdir(root, { recursive: true })
    await writeFile(join(root, 'ledger.json'), 'rubbish')
    expect(await planText()).toBe(
      'the ledger is damaged (7 characters that are not JSON): nothing would be touched\n',
    )
    expect(await readdir(root)).toEqual(['ledger.json'])
  })
})
