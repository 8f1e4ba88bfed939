import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { playScript, replay, type ScriptHandler, scriptsIn } from './script.ts'

const echo: ScriptHandler = ({ words, flag, has }) =>
  `${words.join('|')} size=${flag('size') ?? 'none'}${has('dry-run') ? ' dry' : ''}`

describe('replaying a script', () => {
  it('puts the output of each block after its dashes and keeps comments and empty lines', async () => {
    const script = ['# Why.', '', 'a b', 'c --size 1GiB', '----', 'stale', '', 'd', ''].join('\n')
    expect(await replay(script, echo)).toBe(
      [
        '# Why.',
        '',
        'a b',
        'c --size 1GiB',
        '----',
        'a|b size=none',
        'c size=1GiB',
        '',
        'd',
        '----',
        'd size=none',
        '',
      ].join('\n'),
    )
  })

  it('is stable: replaying its own result changes nothing', async () => {
    const once = await replay('a\n\nb --dry-run --size 1\n----\nold\n\n\n', echo)
    expect(await replay(once, echo)).toBe(once)
  })

  const words: [text: string, output: string][] = [
    ['a "b c" d', 'a|b c|d size=none'],
    ['a x="b c"', 'a|x=b c size=none'],
    ['a --size 1 b', 'a|b size=1'],
    ['a --dry-run --size 1', 'a size=1 dry'],
  ]
  it.each(words)('%s', async (text, output) => {
    expect(await replay(text, echo)).toBe(`${text}\n----\n${output}\n`)
  })

  it('prints nothing for a command that says nothing', async () => {
    expect(await replay('a\n', () => '')).toBe('a\n----\n')
  })

  const refused: [name: string, text: string, handler: ScriptHandler, message: string][] = [
    ['a flag nobody reads', 'a --sise 1', echo, 'no command reads --sise'],
    ['a flag without its value', 'a --size', echo, '--size needs a value'],
    ['output with an empty line', 'a', () => 'x\n\ny', 'prints an empty line'],
  ]
  it.each(refused)('refuses %s', async (_name, text, handler, message) => {
    await expect(replay(text, handler)).rejects.toThrow(message)
  })
})

describe('a script file', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'keelson-script-'))
  })
  afterEach(() => {
    vi.unstubAllEnvs()
    rmSync(directory, { recursive: true })
  })

  it('is compared, and rewritten only when asked', async () => {
    const path = join(directory, 'b.txt')
    writeFileSync(path, 'a\n----\nold\n')
    writeFileSync(join(directory, 'notes.md'), '# no script\n')
    expect(scriptsIn(directory)).toEqual(['b.txt'])
    vi.stubEnv('UPDATE_GOLDEN', '')
    const played = await playScript(directory, 'b.txt', echo)
    expect(played).toEqual({ expected: 'a\n----\nold\n', actual: 'a\n----\na size=none\n' })
    expect(readFileSync(path, 'utf8')).toBe('a\n----\nold\n')
    vi.stubEnv('UPDATE_GOLDEN', '1')
    const rewritten = await playScript(directory, 'b.txt', echo)
    expect(rewritten.expected).toBe(rewritten.actual)
    expect(readFileSync(path, 'utf8')).toBe(played.actual)
  })
})
