import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestTerminal } from '../testing/index.ts'
import { contextPaths } from './context-file.ts'
import { type ContextFlags, resolveTarget } from './resolve.ts'

let directory: string
let homeDirectory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keelson-context-'))
  homeDirectory = join(directory, 'home')
  await mkdir(join(directory, '.keelson'))
  await mkdir(join(homeDirectory, '.config', 'keelson'), { recursive: true })
  await writeFile(join(directory, 'ca.pem'), 'CA of the flag')
  await writeFile(join(directory, 'token'), 'token of the file\n')
})

afterEach(() => rm(directory, { recursive: true, force: true }))

const file = (name: string, token = `token of ${name}`) => `currentContext: default
contexts:
  - name: default
    servers: [${name}:1, ${name}:2]
    authority: CA of ${name}
    token: ${token}
  - name: other
    servers: [other:1]
    authority: CA of other
`

async function write(path: string, text: string): Promise<void> {
  await writeFile(join(directory, path), text, { mode: 0o600 })
}

function target(flags: ContextFlags = {}, env: Record<string, string> = {}) {
  return resolveTarget(flags, createTestTerminal({ directory, homeDirectory, env }))
}

describe('where a context comes from', () => {
  it('the project here counts before the user’s own', async () => {
    await write('home/.config/keelson/config.yaml', file('home'))
    expect(await target()).toMatchObject({ servers: ['home:1', 'home:2'] })
    await write('.keelson/config.yaml', file('here'))
    expect(await target()).toEqual({
      servers: ['here:1', 'here:2'],
      authorityPem: 'CA of here',
      token: 'token of here',
      warnings: [],
    })
  })

  it('KEELSON_CONFIG counts alone, even when its file is missing', async () => {
    await write('.keelson/config.yaml', file('here'))
    await write('elsewhere.yaml', file('elsewhere'))
    const env = { KEELSON_CONFIG: 'elsewhere.yaml' }
    expect(await target({}, env)).toMatchObject({ token: 'token of elsewhere' })
    await expect(target({}, { KEELSON_CONFIG: 'missing.yaml' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'there is no missing.yaml',
    })
  })

  it('XDG_CONFIG_HOME is honoured', () => {
    const env = { XDG_CONFIG_HOME: '/xdg' }
    const terminal = createTestTerminal({ directory, homeDirectory, env })
    expect(contextPaths(terminal).at(-1)).toBe('/xdg/keelson/config.yaml')
  })
})

describe('flags count before the environment, and that before the file', () => {
  const env = { KEELSON_SERVER: 'env:1', KEELSON_TOKEN: 'token of env' }
  beforeEach(() => write('.keelson/config.yaml', file('here')))

  it('environment', async () => {
    const ca = join(directory, 'ca.pem')
    expect(await target({}, { ...env, KEELSON_CA: ca })).toMatchObject({
      ...{ servers: ['env:1'], token: 'token of env', authorityPem: 'CA of the flag' },
    })
  })

  it('flags', async () => {
    const flags = { server: 'flag:1, flag:2', token: 'token of the flag', ca: 'ca.pem' }
    expect(await target(flags, env)).toMatchObject({
      servers: ['flag:1', 'flag:2'],
      token: 'token of the flag',
      authorityPem: 'CA of the flag',
    })
  })

  it('a token file counts before a token, and loses its line end', async () => {
    const flags = { tokenFile: 'token', token: 'x' }
    expect(await target(flags, env)).toMatchObject({ token: 'token of the file' })
  })

  it('what is not given comes from the file all the same', async () => {
    expect(await target({ server: 'flag:1' })).toMatchObject({
      ...{ servers: ['flag:1'], token: 'token of here', authorityPem: 'CA of here' },
    })
  })

  it('a context may be chosen by name; without a token the caller is nobody', async () => {
    const chosen = await target({ context: 'other' })
    expect(chosen.servers).toEqual(['other:1'])
    expect(chosen).not.toHaveProperty('token')
  })
})

describe('what is refused, with what to do about it', () => {
  it.each<[string, string | undefined, ContextFlags, RegExp]>([
    ['no server', undefined, {}, /no server/],
    ['no authority', undefined, { server: 'a:1' }, /no authority/],
    ['no file for --context', undefined, { context: 'x' }, /no context file/],
    ['an unknown context', file('here'), { context: 'x' }, /no context "x"/],
    ['a token file that is missing', file('here'), { tokenFile: 'nope' }, /nope \(ENOENT\)/],
    ['not YAML', 'a: [', {}, /not a context file/],
    ['not a record', '- a', {}, /not a context file/],
    ['no list of contexts', 'contexts: 3', {}, /not a context file/],
    [
      'servers that are not texts',
      'contexts: [{name: default, servers: [1]}]',
      {},
      /not a context/,
    ],
  ])('%s', async (_, text, flags, message) => {
    if (text !== undefined) await write('.keelson/config.yaml', text)
    const code = 'INVALID_ARGUMENT'
    await expect(target(flags)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
  })

  it('what cannot be understood is not quoted: it may be the token', async () => {
    await write('.keelson/config.yaml', 'token: kut.secret\n  x: [')
    const error = await target().catch((error) => error)
    expect(JSON.stringify([error.message, error.details, error.cause])).not.toContain('secret')
  })
})

describe('a file with a token that others can read', () => {
  it.each([
    [0o600, 0],
    [0o640, 1],
    [0o604, 1],
  ])('mode %i gives %i warnings', async (mode, warnings) => {
    await write('.keelson/config.yaml', file('here'))
    await chmod(join(directory, '.keelson/config.yaml'), mode)
    expect((await target()).warnings).toHaveLength(warnings)
    expect((await target({ token: 'another' })).warnings).toEqual([])
  })
})
