import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLocalRunner } from '@keelson/shared/exec'
import type { Clock } from '@keelson/shared/runtime'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  createFakeCluster,
  type FakeCluster,
  NOW_MS,
  samplePool,
  sampleVolume,
} from '../testing/index.ts'

let cluster: FakeCluster

beforeAll(async () => {
  cluster = await createFakeCluster()
})
afterAll(() => cluster.close())
beforeEach(() => {
  cluster.services = {
    volumes: {
      listVolumes: async ({ nameFilter }) => ({
        volumes: ['data', 'data-2', 'db', 'old-data']
          .filter((name) => name.includes(nameFilter))
          .map((name) => sampleVolume(name)),
        nextPageToken: '',
        resourceVersion: 1n,
      }),
    },
    pools: {
      listStoragePools: async () => ({
        storagePools: [samplePool('local', 'n1'), samplePool('local', 'n2')],
        nextPageToken: '',
        resourceVersion: 1n,
      }),
    },
  }
})

/** What ends the patience with the cluster; a test calls it instead of waiting. */
let giveUp = () => {}
const clock: Clock = {
  now: () => NOW_MS,
  after(_, callback) {
    giveUp = callback
    return { cancel: () => undefined }
  },
}

/** Candidates after these words; the last one is where the cursor stands. */
async function complete(...words: string[]): Promise<string[]> {
  const { stdout, stderr, code } = await cluster.run(['__complete', ...words], { clock })
  expect([stderr, code]).toEqual(['', 0])
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('\t')[0]!)
}

describe('what completion offers', () => {
  it.each<[string, string[]]>([
    ['v', ['volume', 'vm', 'version']],
    ['volume re', ['resize']],
    ['cluster to', ['token']],
    ['cluster token c', ['create']],
    ['-o json volume sh', ['show']],
    ['volume create data --si', ['--size']],
    ['volume create data --no-', ['--no-wait', '--no-headers', '--no-tie-breaker']],
    ['pool create p --kind FILE', ['FILE', 'FILE_THIN']],
    ['class create c --kind FILE,FILE_', ['FILE,FILE_THIN']],
    ['class create c --failure-domain-mode=s', ['--failure-domain-mode=same']],
    ['class create c --failure-domain-mode = s', ['same']],
    ['volume list --output =', ['table', 'wide', 'json', 'yaml', 'name']],
    ['volume list -o y', ['yaml']],
    ['completion z', ['zsh']],
    ['node hardware n1 --section disks,n', ['disks,numa', 'disks,nics']],
    ['nonsense x', []],
    ['volume nonsense', []],
    ['volume show data more', []],
  ])('%s', async (line, expected) => {
    expect((await complete(...line.split(' '))).sort()).toEqual([...expected].sort())
  })

  it('all nouns and verbs where nothing is typed yet', async () => {
    expect(await complete('')).toContain('volume')
    expect(await complete('volume', '')).toEqual([
      ...['create', 'list', 'show', 'watch', 'resize', 'move', 'delete'],
    ])
  })

  it('names of what is there, for arguments and for flags', async () => {
    expect(await complete('volume', 'show', 'da')).toEqual(['data', 'data-2'])
    expect(await complete('snapshot', 'create', 's', '--volume', 'd')).toContain('db')
    expect(await complete('volume', 'create', 'x', '--pool', '')).toEqual(['local'])
  })

  it('files where a file is wanted', async () => {
    expect(await complete('cluster', 'backup', '')).toEqual([':files'])
    expect(await complete('volume', 'list', '--ca', '/et')).toEqual([':files'])
  })

  it('nothing, without a word, when the cluster is silent, refuses or is not there', async () => {
    const listVolumes = () => {
      giveUp()
      return new Promise<never>(() => undefined)
    }
    cluster.services = { volumes: { listVolumes } }
    expect(await complete('volume', 'show', '')).toEqual([])
    cluster.services = {}
    expect(await complete('volume', 'show', '')).toEqual([])
    expect(await complete('--server', '127.0.0.1:1', 'volume', 'show', '')).toEqual([])
  })
})

describe('the script for bash', () => {
  const runner = createLocalRunner()
  let directory: string

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keelson-bash-'))
    const { stdout } = await cluster.run('completion bash')
    await writeFile(join(directory, 'script'), stdout)
    // A program that plays keelson: it prints its words back, or a canned answer.
    const stub = [
      '#!/bin/sh',
      '[ "$2" = files ] && { echo :files; exit; }',
      'shift; printf "%s\\tx\\n" "$@"',
    ]
    await writeFile(join(directory, 'keelson'), stub.join('\n'))
    await chmod(join(directory, 'keelson'), 0o755)
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  async function bash(...words: string[]): Promise<string[]> {
    const script = [
      `cd ${directory} && source ./script && COMP_CWORD=$(($# - 1)) && COMP_WORDS=("$@")`,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is bash's.
      '_keelson 2>/dev/null; printf "%s\\n" "${COMPREPLY[@]}"',
    ].join('\n')
    const args = ['-c', script, 'bash', './keelson', ...words]
    const { stdout } = await runner.run({ file: 'bash', args, timeoutMs: 10_000 })
    return stdout.trimEnd().split('\n')
  }

  it('hands over the words up to the cursor, spaces and empty ones included', async () => {
    expect(await bash('volume', 'a b', '')).toEqual(['volume', 'a b'])
    expect(await bash('volume', 'show', 'da')).toEqual(['volume', 'show', 'da'])
  })

  it('completes files by itself when told so', async () => {
    expect(await bash('files', 'scr')).toEqual(['script'])
    expect(await bash('files', 'nothing-of-the-kind')).toEqual([''])
  })
})

describe('completion scripts', () => {
  it.each(['bash', 'zsh', 'fish'])('%s calls the hidden command', async (shell) => {
    const { code, stdout } = await cluster.run(`completion ${shell}`)
    expect(code).toBe(0)
    expect(stdout).toContain('__complete')
  })

  it('an unknown shell is a mistake', async () => {
    const { code, stderr } = await cluster.run('completion tcsh')
    expect([code, stderr]).toEqual([2, expect.stringContaining('bash, zsh, fish')])
  })
})
