/**
 * The parser. Nouns are known by name only until one of them is used; then its verbs are loaded and
 * added just before the parser gets there, so that no invocation pays for the others.
 */

import { KeelsonError } from '@keelson/shared/errors'
import { Argument, Command, CommanderError, Option } from 'commander'
import { usageError } from '../errors/index.ts'
import type { TextStream } from '../terminal/index.ts'
import {
  type Flag,
  type Flags,
  isGroup,
  type Noun,
  type Session,
  type Verb,
  type VerbGroup,
} from '../verb/index.ts'
import { GLOBAL_FLAGS, type Globals, globalsOf } from './global-flags.ts'

/** What the parser needs around it. */
export interface ProgramOptions {
  readonly nouns: readonly Noun[]
  readonly version: string
  /** For help. */
  readonly stdout: TextStream
  /** Makes the session of the verb that is about to run. */
  openSession(globals: Globals): Session
}

/**
 * Parses and runs one command line. Help and version are results, not errors. Raises what the verb
 * raises, and INVALID_ARGUMENT with a suggestion for what is not understood.
 */
export async function runProgram(words: readonly string[], options: ProgramOptions): Promise<void> {
  const program = createProgram(options)
  try {
    await program.parseAsync(rewriteHelp(words), { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0 || error.code === 'commander.help') return
    const [message = '', ...hints] = error.message.replace(/^error: /, '').split('\n')
    throw usageError(message, ...hints.map((hint) => hint.replace(/^\((.*)\)$/, '$1')))
  }
}

/** "help volume create" is "volume create --help"; the parser itself would not load the verbs. */
function rewriteHelp(words: readonly string[]): string[] {
  if (words.length === 0) return ['--help']
  return words[0] === 'help' ? [...words.slice(1), '--help'] : [...words]
}

function createProgram({ nouns, version, stdout, openSession }: ProgramOptions): Command {
  const program = new Command('keelson')
    .description('Racks of servers as one placed, replicated cloud.')
    .usage('<noun> <verb> [name] [flags]')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain a command')
    .helpCommand(false)
    .exitOverride()
    // Errors go their own way, in the user's format; only help is written here.
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stdout.write(text),
      outputError: () => undefined,
      getOutHelpWidth: () => Math.min(stdout.columns ?? 100, 120),
    })
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', '\nkeelson <noun> --help lists the verbs of a noun.')
  program.options.find(({ long }) => long === '--version')?.hideHelp()
  addFlags(program, GLOBAL_FLAGS)
  for (const noun of nouns)
    program.addCommand(child(program, noun.name, noun.summary).helpGroup(noun.heading))
  const open = () => openSession(globalsOf(program.opts()))
  program.hook('preSubcommand', async (_, command) => {
    const noun = nouns.find(({ name }) => name === command.name())
    if (noun) fill(command, await noun.load(), open)
  })
  return program
}

/** A command that inherits how errors and help are handled. */
function child(parent: Command, name: string, summary: string): Command {
  const command = new Command(name).copyInheritedSettings(parent)
  return command.helpCommand(false).summary(summary).description(summary)
}

function fill(command: Command, content: Verb | VerbGroup, open: () => Session): void {
  if (!isGroup(content)) return fillVerb(command, content, open)
  for (const each of content.verbs) {
    const below = child(command, each.name, each.summary)
    fill(below, each, open)
    command.addCommand(below)
  }
  command.addHelpText('after', '\n<verb> --help shows its flags and examples.')
  // After the verbs, which would inherit it: they show the global flags.
  command.usage('<verb> [name] [flags]').configureHelp({ showGlobalOptions: false })
}

function fillVerb(command: Command, verb: Verb, open: () => Session): void {
  if (verb.description) command.description(`${verb.summary}\n\n${verb.description}`)
  for (const [name, { summary, required, rest }] of Object.entries(verb.args ?? {})) {
    const word = rest ? `${name}...` : name
    command.addArgument(new Argument(required ? `<${word}>` : `[${word}]`, summary))
  }
  addFlags(command, verb.flags ?? {})
  const examples = verb.examples.map((example) => `  keelson ${example}`)
  command.addHelpText('after', `\nExamples:\n${examples.join('\n')}`)
  command.action(async (...values: unknown[]) => {
    const names = Object.keys(verb.args ?? {})
    const args = Object.fromEntries(names.map((name, index) => [name, values[index]]))
    const given = command.opts()
    const flags = Object.fromEntries(
      Object.entries(verb.flags ?? {}).map(([name, flag]) => [name, given[name] ?? flag.absent]),
    )
    await verb.run({ args, flags, session: open() })
  })
}

function addFlags(command: Command, flags: Flags): void {
  for (const [name, flag] of Object.entries(flags))
    for (const option of optionsOf(name, flag)) command.addOption(option)
}

/** The long name of a flag: "poolSelector" is "pool-selector". */
export function flagName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

// biome-ignore lint/suspicious/noExplicitAny: each flag has its own type.
function optionsOf(name: string, flag: Flag<any>): Option[] {
  const short = flag.short ? `-${flag.short}, ` : ''
  const long = flagName(name)
  if (flag.negatable)
    return [
      new Option(`--${long}`, flag.summary).default(flag.absent).hideHelp(),
      new Option(`--no-${long}`, flag.summary),
    ]
  if (flag.placeholder === '') return [new Option(`${short}--${long}`, flag.summary)]
  const summary = flag.required ? `${flag.summary} (required)` : flag.summary
  const option = new Option(`${short}--${long} <${flag.placeholder}>`, summary)
  option.makeOptionMandatory(flag.required)
  option.argParser((value, before) => {
    try {
      return flag.parse(value, before ?? flag.absent)
    } catch (error) {
      if (!(error instanceof KeelsonError)) throw error
      throw usageError(`--${long}: ${error.message}`, ...error.details)
    }
  })
  return [option]
}
