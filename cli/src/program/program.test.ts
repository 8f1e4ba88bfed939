import { describe, expect, it } from 'vitest'
import { runCli } from '../app/index.ts'
import { nouns } from '../commands/index.ts'
import { createTestTerminal } from '../testing/index.ts'
import { isGroup, type Verb, type VerbGroup } from '../verb/index.ts'
import { wantsJson } from './global-flags.ts'

async function run(...words: string[]) {
  const terminal = createTestTerminal()
  const code = await runCli(words, terminal)
  return { code, ...terminal.output }
}

async function allVerbs(): Promise<[path: string, verb: Verb][]> {
  const found: [string, Verb][] = []
  const walk = (path: string, content: Verb | VerbGroup) => {
    if (!isGroup(content)) found.push([path, content])
    else for (const each of content.verbs) walk(`${path} ${each.name}`, each)
  }
  for (const noun of nouns) walk(noun.name, await noun.load())
  return found
}

describe('help', () => {
  it('without words it lists the nouns in groups and is a result, not an error', async () => {
    const { code, stdout, stderr } = await run()
    expect([code, stderr]).toEqual([0, ''])
    for (const heading of ['Hosts:', 'Storage:', 'Running the cluster:', 'This program:'])
      expect(stdout).toContain(`\n${heading}\n`)
    for (const { name, summary } of nouns) expect(stdout).toMatch(new RegExp(`${name} +${summary}`))
  })

  it('of a noun it lists its verbs, and knows three ways to be asked', async () => {
    const [help, long, bare] = [
      await run('help', 'volume'),
      await run('volume', '--help'),
      await run('volume'),
    ]
    expect(help.stdout).toContain('create [options] <name>')
    expect(long).toEqual(help)
    expect(bare).toEqual(help)
  })

  it('of every verb has a summary, examples of that very verb, and the global flags', async () => {
    for (const [path, verb] of await allVerbs()) {
      const { code, stdout } = await run(...path.split(' '), '--help')
      expect([path, code]).toEqual([path, 0])
      expect(stdout).toContain(verb.summary.slice(0, 40))
      expect(stdout).toContain('--server')
      expect(verb.examples.length).toBeGreaterThan(0)
      for (const example of verb.examples) {
        expect(stdout).toContain(`  keelson ${example}\n`)
        expect(example.startsWith(path)).toBe(true)
      }
    }
  })

  it('every verb that changes something can be tried with --dry-run', async () => {
    const changing =
      /^(create|update|delete|resize|move|start|stop|restore|label|taint|cordon|uncordon|cancel)$/
    for (const [path, verb] of await allVerbs())
      if (changing.test(verb.name) && path !== 'cluster restore')
        expect([path, Object.keys(verb.flags ?? {})]).toEqual([
          path,
          expect.arrayContaining(['dryRun']),
        ])
  })
})

describe('mistakes end with exit code 2, and a suggestion where there is one', () => {
  it.each<[string, string, string?]>([
    ['vlume list', "unknown command 'vlume'", 'Did you mean volume?'],
    ['volume crate x', "unknown command 'crate'", 'Did you mean create?'],
    ['volume list --nod n1', "unknown option '--nod'", 'Did you mean --node?'],
    ['volume list --sever x', "unknown option '--sever'", 'Did you mean --server?'],
    ['volume create x', "required option '--size <size>' not specified"],
    ['volume show', "missing required argument 'name'"],
    ['volume show a b', 'too many arguments'],
    ['volume list --limit', "option '--limit <count>' argument missing"],
    ['volume list -o xml', '--output: "xml" is not one of table, wide, json, yaml, name'],
    ['volume create x --size 1XB', '--size: "1XB" is not a size'],
    ['volume list --timeout soon', '--timeout: "soon" is not a duration'],
    ['cluster token revoke', "unknown command 'revoke'"],
    ['volume list', 'no server to talk to', 'make run'],
  ])('%s', async (line, message, hint = '') => {
    const { code, stdout, stderr } = await run(...line.split(' '))
    expect(stderr).toMatch(/^error: /)
    expect(stderr).toContain(message)
    expect(stderr).toContain(hint)
    expect([code, stdout]).toEqual([2, ''])
  })

  it('are objects when the user asked for JSON, wherever that stands', async () => {
    for (const words of [
      ['-o', 'json', 'volume', 'crate'],
      ['volume', 'crate', '--output=json'],
    ]) {
      const { code, stderr } = await run(...words)
      expect(code).toBe(2)
      expect(JSON.parse(stderr)).toEqual({
        code: 'INVALID_ARGUMENT',
        message: "unknown command 'crate'",
        details: ['Did you mean create?'],
      })
    }
  })
})

describe('the wish for JSON', () => {
  it.each([
    ['-o json', true],
    ['-ojson', true],
    ['--output json', true],
    ['--output=json', true],
    ['-o yaml', false],
    ['-o jsonx', false],
    ['volume show json', false],
  ])('%s: %s', (line, expected) => expect(wantsJson(line.split(' '))).toBe(expected))
})

describe('version', () => {
  it('is a verb, a flag and JSON', async () => {
    expect(await run('version')).toMatchObject({ code: 0, stdout: 'keelson 0.1.0\n' })
    expect(await run('--version')).toMatchObject({ code: 0, stdout: '0.1.0\n' })
    const { stdout } = await run('version', '-o', 'json')
    expect(JSON.parse(stdout)).toMatchObject({ version: '0.1.0', node: process.version })
  })
})
