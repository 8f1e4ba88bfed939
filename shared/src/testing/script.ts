/**
 * Golden scripts. A script is a text of commands, one per line; after a line of four dashes stands
 * what they print, up to the next empty line:
 *
 *     # A comment.
 *     volume create data --size 1GiB
 *     volume list
 *     ----
 *     ok data
 *     data 1 GiB
 *
 * A test replays the commands and compares. With UPDATE_GOLDEN=1 in the environment the output is
 * written into the script instead: whoever changes behaviour on purpose reads the diff.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { assert } from '../errors/index.ts'

/** One line of a script. */
export interface ScriptCommand {
  /** The line as it is written. */
  readonly text: string
  /** Its words without the flags. Double quotes keep words together. */
  readonly words: readonly string[]
  /** Value of `--name value`; undefined if it is not given. */
  flag(name: string): string | undefined
  /** Whether `--name` is given; such a flag stands last or before another flag. */
  has(name: string): boolean
}

/** Carries out one command and returns what it prints: no line of it may be empty. */
export type ScriptHandler = (command: ScriptCommand) => string | Promise<string>

/** A script as it is written, and as it should be for what the commands print now. */
export interface PlayedScript {
  readonly expected: string
  readonly actual: string
}

/** Names of the scripts (`*.txt`) in a directory, in order. */
export function scriptsIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.txt'))
    .sort()
}

/** Replays a script file; rewrites it if UPDATE_GOLDEN=1. */
export async function playScript(
  directory: string,
  name: string,
  handler: ScriptHandler,
): Promise<PlayedScript> {
  const path = join(directory, name)
  const expected = readFileSync(path, 'utf8')
  const actual = await replay(expected, handler)
  if (process.env.UPDATE_GOLDEN !== '1') return { expected, actual }
  writeFileSync(path, actual)
  return { expected: actual, actual }
}

/** The script with the output its commands have now. Raises what the handler raises. */
export async function replay(script: string, handler: ScriptHandler): Promise<string> {
  const lines = script.replace(/\n+$/, '').split('\n')
  const result: string[] = []
  for (let at = 0; at < lines.length; ) {
    const line = lines[at]!
    if (line === '' || line.startsWith('#')) {
      result.push(line)
      at++
      continue
    }
    const commands: string[] = []
    while (at < lines.length && lines[at] !== '' && lines[at] !== '----')
      commands.push(lines[at++]!)
    while (at < lines.length && lines[at] !== '') at++
    result.push(...commands, '----')
    for (const command of commands) result.push(...(await run(command, handler)))
  }
  return `${result.join('\n')}\n`
}

async function run(text: string, handler: ScriptHandler): Promise<string[]> {
  const { command, unread } = parse(text)
  const output = await handler(command)
  const unknown = unread()
  assert(unknown.length === 0, `"${text}": no command reads --${unknown.join(' --')}`)
  if (output === '') return []
  const lines = output.split('\n')
  assert(!lines.includes(''), `"${text}" prints an empty line, which would end its output`)
  return lines
}

function parse(text: string): { command: ScriptCommand; unread: () => string[] } {
  const parts = (text.match(/(?:[^\s"]|"[^"]*")+/g) ?? []).map((part) => part.replaceAll('"', ''))
  const words: string[] = []
  const flags = new Map<string, string | undefined>()
  for (let at = 0; at < parts.length; at++) {
    const part = parts[at]!
    if (!part.startsWith('--')) {
      words.push(part)
      continue
    }
    const next = parts[at + 1]
    const value = next === undefined || next.startsWith('--') ? undefined : parts[++at]
    flags.set(part.slice(2), value)
  }
  const read = new Set<string>()
  const command: ScriptCommand = {
    text,
    words,
    flag(name) {
      read.add(name)
      assert(
        !flags.has(name) || flags.get(name) !== undefined,
        `"${text}": --${name} needs a value`,
      )
      return flags.get(name)
    },
    has(name) {
      read.add(name)
      return flags.has(name)
    },
  }
  return { command, unread: () => [...flags.keys()].filter((name) => !read.has(name)) }
}
