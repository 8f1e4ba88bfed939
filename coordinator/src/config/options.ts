/** Flags of keelson-coordinator, read in one place. Secrets come from files, never from here. */
import { parseArgs } from 'node:util'
import { KeelsonError } from '@keelson/shared/errors'
import type { LogLevel } from '@keelson/shared/logging'

/** What the process was asked to do. */
export type Invocation =
  | { readonly command: 'run'; readonly options: RunOptions }
  | { readonly command: 'restore'; readonly dataDirectory: string; readonly file: string }
  | { readonly command: 'help' | 'version' }

/** How a coordinator runs. */
export interface RunOptions {
  /** Everything the coordinator keeps; 0700. */
  readonly dataDirectory: string
  /** host:port of the one TLS port. */
  readonly listen: string
  /** Names and addresses clients call it by, besides loopback and the host's own name. */
  readonly advertise: readonly string[]
  /** Where to write a CLI context with an admin token, if there is none yet; empty for nowhere. */
  readonly cliContext: string
  readonly logLevel: LogLevel
  readonly logPretty: boolean
  /** Check every invariant after every transaction. */
  readonly checked: boolean
}

/** What `--help` prints. */
export const HELP = `keelson-coordinator places volumes and tells agents what to do

Usage:
  keelson-coordinator run --data DIR [--listen HOST:PORT] [flags]
  keelson-coordinator restore --data DIR FILE

Flags of run:
  --data DIR          where it keeps its state (mode 0700)
  --listen HOST:PORT  the one TLS port, for users and agents (default 127.0.0.1:7443)
  --advertise NAME    a further name or address clients call it by; may be repeated
  --cli-context FILE  write a CLI context with an admin token there, unless it has a valid one
  --log-level LEVEL   trace, debug, info, warn, error (default info)
  --log-pretty        readable lines instead of JSON
  --check             check every invariant after every transaction (slow)

restore puts a backup made by "keelson cluster backup" in place of the store. The coordinator must
be stopped; the store it replaces is kept beside it.

Examples:
  keelson-coordinator run --data /var/lib/keelson --listen 0.0.0.0:7443 --advertise 10.0.0.1
  keelson-coordinator restore --data /var/lib/keelson backup.keelson
`

/** Reads the command line; raises INVALID_ARGUMENT. */
export function parseInvocation(args: readonly string[]): Invocation {
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(args)
  } catch (cause) {
    throw new KeelsonError('INVALID_ARGUMENT', (cause as Error).message)
  }
  const { values, positionals } = parsed
  if (values.help) return { command: 'help' }
  if (values.version) return { command: 'version' }
  const [command = 'run', file, ...rest] = positionals
  if (command !== 'run' && command !== 'restore')
    throw new KeelsonError('INVALID_ARGUMENT', `unknown command "${command}"`)
  if (values.data === undefined) throw new KeelsonError('INVALID_ARGUMENT', '--data is missing')
  if (command === 'restore') {
    if (file === undefined || rest.length > 0)
      throw new KeelsonError('INVALID_ARGUMENT', 'restore takes one backup file')
    return { command, dataDirectory: values.data, file }
  }
  if (file !== undefined) throw new KeelsonError('INVALID_ARGUMENT', `unexpected "${file}"`)
  return {
    command,
    options: {
      dataDirectory: values.data,
      listen: checkListen(values.listen),
      advertise: values.advertise,
      cliContext: values['cli-context'],
      logLevel: checkLevel(values['log-level']),
      logPretty: values['log-pretty'],
      checked: values.check,
    },
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      data: { type: 'string' },
      listen: { type: 'string', default: '127.0.0.1:7443' },
      advertise: { type: 'string', multiple: true, default: [] },
      'cli-context': { type: 'string', default: '' },
      'log-level': { type: 'string', default: 'info' },
      'log-pretty': { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      version: { type: 'boolean', default: false },
    },
  })
}

function checkListen(listen: string): string {
  const port = Number(/:(\d+)$/.exec(listen)?.[1])
  if (Number.isInteger(port) && port <= 65_535) return listen
  throw new KeelsonError('INVALID_ARGUMENT', `--listen "${listen}" is not HOST:PORT`)
}

const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error']

function checkLevel(level: string): LogLevel {
  const known = LEVELS.find((candidate) => candidate === level)
  if (known) return known
  throw new KeelsonError(
    'INVALID_ARGUMENT',
    `--log-level "${level}" is none of ${LEVELS.join(', ')}`,
  )
}
