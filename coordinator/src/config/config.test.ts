import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readContextToken, writeContext } from './cli-context.ts'
import { openDataDirectory } from './data-directory.ts'
import { parseInvocation } from './options.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keelson-config-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

describe('the command line', () => {
  it('runs on a directory, on loopback, unless told otherwise', () => {
    expect(parseInvocation(['run', '--data', '/d'])).toEqual({
      command: 'run',
      options: {
        dataDirectory: '/d',
        listen: '127.0.0.1:7443',
        advertise: [],
        cliContext: '',
        logLevel: 'info',
        logPretty: false,
        checked: false,
      },
    })
    expect(parseInvocation(['--data', '/d'])).toMatchObject({ command: 'run' })
    const flags = ['--listen', '[::]:0', '--advertise', 'a', '--advertise', 'b', '--check']
    expect(parseInvocation(['run', '--data', '/d', ...flags])).toMatchObject({
      options: { listen: '[::]:0', advertise: ['a', 'b'], checked: true },
    })
  })

  const others: [args: string[], invocation: object][] = [
    [['--help'], { command: 'help' }],
    [['-h'], { command: 'help' }],
    [['--version'], { command: 'version' }],
    [
      ['restore', '--data', '/d', 'file'],
      { command: 'restore', dataDirectory: '/d', file: 'file' },
    ],
  ]
  it.each(others)('%j', (args, invocation) => {
    expect(parseInvocation(args)).toEqual(invocation)
  })

  const bad: [args: string[], message: string][] = [
    [[], '--data is missing'],
    [['run'], '--data is missing'],
    [['walk', '--data', '/d'], 'unknown command "walk"'],
    [['run', '--data', '/d', 'extra'], 'unexpected "extra"'],
    [['restore', '--data', '/d'], 'restore takes one backup file'],
    [['restore', '--data', '/d', 'a', 'b'], 'restore takes one backup file'],
    [['--data', '/d', '--listen', 'localhost'], '--listen "localhost" is not HOST:PORT'],
    [['--data', '/d', '--listen', ':70000'], 'is not HOST:PORT'],
    [['--data', '/d', '--log-level', 'loud'], '--log-level "loud" is none of trace'],
    [['--data', '/d', '--colour'], '--colour'],
  ]
  it.each(bad)('%j is refused', (args, message) => {
    expect(() => parseInvocation(args)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
    expect(() => parseInvocation(args)).toThrow(message)
  })
})

describe('a data directory', () => {
  it('is made for its owner only, and one coordinator has it', async () => {
    const path = join(directory, 'deep', 'data')
    const data = await openDataDirectory(path)
    expect(modeOf(path)).toBe('700')
    await data.close()
    const again = await openDataDirectory(path)
    await again.close()
  })

  it('remembers which cluster lives there', async () => {
    const first = await openDataDirectory(directory)
    expect(first.clusterId).toBeUndefined()
    await first.remember('c1')
    await first.close()
    const second = await openDataDirectory(directory)
    expect(second.clusterId).toBe('c1')
    await second.close()
  })

  it('sets a store aside and never over another', async () => {
    const data = await openDataDirectory(directory)
    const now = Date.UTC(2026, 0, 2, 3, 4, 5)
    expect(await data.setStoreAside(now)).toBeUndefined()
    mkdirSync(data.storePath)
    writeFileSync(join(data.storePath, 'data'), 'precious')
    const aside = await data.setStoreAside(now)
    expect(aside).toBe(`${data.storePath}.before-restore-2026-01-02T030405000Z`)
    expect([existsSync(data.storePath), existsSync(join(aside!, 'data'))]).toEqual([false, true])
    mkdirSync(data.storePath)
    await expect(data.setStoreAside(now)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
    await data.close()
  })
})

describe('the first user’s context', () => {
  it('is written for its owner only, and its token can be read back', async () => {
    const path = join(directory, 'config.yaml')
    expect(await readContextToken(path)).toBeUndefined()
    await writeContext(path, { servers: ['127.0.0.1:1'], authority: 'PEM', token: 'a token' })
    expect(modeOf(path)).toBe('600')
    expect(await readContextToken(path)).toBe('a token')
  })

  it.each(['', 'contexts: []', 'contexts:\n  - name: other\n    token: x', 'a: 1'])(
    'is not in a file that says %j',
    async (text) => {
      const path = join(directory, 'config.yaml')
      writeFileSync(path, text)
      expect(await readContextToken(path)).toBeUndefined()
    },
  )
})
