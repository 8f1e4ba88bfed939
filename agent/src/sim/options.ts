/** Flags of keelson-sim-agent. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { KeelsonError } from '@keelson/shared/errors'
import type { LogLevel } from '@keelson/shared/logging'
import { checkName, parseSize } from '@keelson/shared/model'
import { checkLevel, checkServers, type Environment } from '../config/index.ts'

/** What the process was asked to do. */
export type SimInvocation =
  | { readonly command: 'run'; readonly options: SimOptions }
  | { readonly command: 'list'; readonly dataDirectory: string }
  | { readonly command: 'stop' | 'start'; readonly dataDirectory: string; readonly host: string }
  | { readonly command: 'help' | 'version' }

/** How hosts are simulated. */
export interface SimOptions {
  readonly dataDirectory: string
  readonly servers: readonly string[]
  readonly joinTokenFile: string | undefined
  readonly joinToken: string | undefined
  /** Hosts in all. */
  readonly count: number
  readonly racks: number
  readonly namePrefix: string
  /** Size of each host's disk. */
  readonly poolBytes: number
  /** Keep disks and ledgers in memory only. */
  readonly ephemeral: boolean
  readonly logLevel: LogLevel
  readonly logPretty: boolean
}

/** What `--help` prints. */
export const SIM_HELP = `keelson-sim-agent simulates hosts: the real agent, over invented hardware and disks

Usage:
  keelson-sim-agent run --data DIR [flags]         run the hosts
  keelson-sim-agent stop HOST --data DIR           cut the power of a host
  keelson-sim-agent start HOST --data DIR          switch it on again
  keelson-sim-agent list --data DIR                show the hosts

Flags of run:
  --server HOST:PORT[,…]  the coordinators (env KEELSON_SERVER; default 127.0.0.1:7443)
  --join-token-file FILE  join token for all the hosts, or env KEELSON_JOIN_TOKEN
  --count N               hosts (default 24)
  --racks N               racks the hosts are spread over, at most 26 (default 3)
  --name-prefix NAME      hosts are called NAME-a-01, NAME-b-01, … (default sim)
  --pool-size SIZE        size of each host's disk (default 1TiB)
  --ephemeral             keep disks and ledgers in memory: gone with the process, and quicker
  --log-level LEVEL       trace, debug, info, warn, error (default info)
  --log-pretty            readable lines instead of JSON

A simulated host accepts FILE and FILE_THIN pools under any path; what is in them exists in the
simulation only. Everything is kept in DIR (unless ephemeral), so the hosts are the same after a
restart.
`

/** Reads the command line; raises INVALID_ARGUMENT. */
export function parseSimInvocation(args: readonly string[], env: Environment = {}): SimInvocation {
  const { values, positionals } = parse(args)
  if (values.help) return { command: 'help' }
  if (values.version) return { command: 'version' }
  const [command, host, ...rest] = positionals
  if (command === undefined) return { command: 'help' }
  if (rest.length > 0) throw usage(`unexpected "${rest[0]}"`)
  if (values.data === undefined) throw usage('--data is missing')
  const dataDirectory = resolve(values.data)
  if (command === 'stop' || command === 'start') {
    if (host === undefined) throw usage(`${command} takes the name of a host`)
    return { command, dataDirectory, host }
  }
  if (host !== undefined) throw usage(`unexpected "${host}"`)
  if (command === 'list') return { command, dataDirectory }
  if (command !== 'run') throw usage(`unknown command "${command}"`)
  const tokenFile = values['join-token-file']
  return {
    command,
    options: {
      dataDirectory,
      servers: checkServers(values.server ?? env.KEELSON_SERVER ?? '127.0.0.1:7443'),
      joinTokenFile: tokenFile === undefined ? undefined : resolve(tokenFile),
      joinToken: env.KEELSON_JOIN_TOKEN || undefined,
      count: count('--count', values.count, 10_000),
      racks: count('--racks', values.racks, 26),
      namePrefix: checkName('host', values['name-prefix'], 50),
      poolBytes: parseSize(values['pool-size']),
      ephemeral: values.ephemeral,
      logLevel: checkLevel(values['log-level']),
      logPretty: values['log-pretty'],
    },
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        data: { type: 'string' },
        server: { type: 'string' },
        'join-token-file': { type: 'string' },
        count: { type: 'string', default: '24' },
        racks: { type: 'string', default: '3' },
        'name-prefix': { type: 'string', default: 'sim' },
        'pool-size': { type: 'string', default: '1TiB' },
        ephemeral: { type: 'boolean', default: false },
        'log-level': { type: 'string', default: 'info' },
        'log-pretty': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        version: { type: 'boolean', default: false },
      },
    })
  } catch (cause) {
    throw usage((cause as Error).message)
  }
}

function count(flag: string, text: string, maximum: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= maximum) return value
  throw usage(`${flag} "${text}" is not a whole number from 1 to ${maximum}`)
}

/** A host to simulate. */
export interface HostName {
  readonly name: string
  readonly rack: string
}

/** Names of the hosts, rack by rack in turn: sim-a-01, sim-b-01, sim-c-01, sim-a-02, … */
export function hostNames({ count, racks, namePrefix }: SimOptions): HostName[] {
  return Array.from({ length: count }, (_, index) => {
    const letter = String.fromCharCode('a'.charCodeAt(0) + (index % racks))
    const number = String(Math.floor(index / racks) + 1).padStart(2, '0')
    return { name: `${namePrefix}-${letter}-${number}`, rack: `rack-${letter}` }
  })
}

function usage(message: string): KeelsonError {
  return new KeelsonError('INVALID_ARGUMENT', message)
}
