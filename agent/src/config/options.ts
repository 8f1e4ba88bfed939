/**
 * Flags and environment of keelson-agent, read in one place. Secrets come from files or from the
 * environment, never from the command line, which every user of the host can read.
 */
import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { KeelsonError } from '@keelson/shared/errors'
import type { LogLevel } from '@keelson/shared/logging'
import { checkLabels, checkName } from '@keelson/shared/model'

/** What the process was asked to do. */
export type Invocation =
  | { readonly command: 'run'; readonly options: RunOptions }
  | { readonly command: 'plan'; readonly options: PlanOptions }
  | { readonly command: 'inventory'; readonly args: readonly string[] }
  | { readonly command: 'help' | 'version' }

/** What `plan` works with. */
export interface PlanOptions {
  /** Everything the agent keeps. */
  readonly dataDirectory: string
  /** Where the volumes' stable device paths are. */
  readonly deviceDirectory: string
}

/** How an agent runs. */
export interface RunOptions extends PlanOptions {
  /** "host:port" of the coordinators, in the order to try them. */
  readonly servers: readonly string[]
  /** Name of the host; undefined takes the one it has, or its host name. */
  readonly node: string | undefined
  /** File with the join token; undefined for none. */
  readonly joinTokenFile: string | undefined
  /** Join token from the environment; undefined for none. */
  readonly joinToken: string | undefined
  /** Labels of the node, if it is new to the cluster. */
  readonly labels: Readonly<Record<string, string>>
  /** Root of what the host is read from; "/" but for tests. */
  readonly sysroot: string
  readonly logLevel: LogLevel
  readonly logPretty: boolean
}

/** The part of the environment that is read. */
export type Environment = Readonly<Record<string, string | undefined>>

const DEFAULT_DATA = '/var/lib/keelson-agent'
const DEFAULT_SERVER = '127.0.0.1:7443'

/** What `--help` prints. */
export const HELP = `keelson-agent makes this host what the coordinator wants it to be

Usage:
  keelson-agent run [flags]         serve this host
  keelson-agent plan [flags]        print what would be done now, and why; do nothing
  keelson-agent inventory [flags]   print what this host is made of (see inventory --help)

Flags of run and plan:
  --data DIR              where it keeps its state, mode 0700 (default ${DEFAULT_DATA})
  --device-dir DIR        where volumes get their stable device paths
                          (default /run/keelson/volumes, with a suffix for another --data)

Flags of run:
  --server HOST:PORT[,…]  the coordinators (env KEELSON_SERVER; default ${DEFAULT_SERVER})
  --node NAME             name of this host, a DNS label (default: its host name)
  --join-token-file FILE  join token for the first start, or env KEELSON_JOIN_TOKEN
  --label KEY=VALUE       label of the node if it is new; may be repeated
  --sysroot DIR           read the hardware below DIR (default /)
  --log-level LEVEL       trace, debug, info, warn, error (env KEELSON_LOG_LEVEL; default info)
  --log-pretty            readable lines instead of JSON

Volumes stay attached when the agent stops, and are brought back after a reboot without a
coordinator. SIGUSR2 makes a running agent log what it is doing.

Example:
  keelson-agent run --server 10.0.0.1:7443 --join-token-file /root/join-token \\
    --label topology.kubernetes.io/rack=rack-a
`

/** Reads the command line; raises INVALID_ARGUMENT. */
export function parseInvocation(args: readonly string[], env: Environment = {}): Invocation {
  if (args[0] === 'inventory') return { command: 'inventory', args: args.slice(1) }
  const { values, positionals } = parse(args)
  if (values.help) return { command: 'help' }
  if (values.version) return { command: 'version' }
  const [command, unexpected] = positionals
  if (command === undefined) return { command: 'help' }
  if (command !== 'run' && command !== 'plan') throw usage(`unknown command "${command}"`)
  if (unexpected !== undefined) throw usage(`unexpected "${unexpected}"`)
  const dataDirectory = resolve(values.data)
  const deviceDirectory = resolve(values['device-dir'] ?? defaultDeviceDirectory(dataDirectory))
  if (command === 'plan') return { command, options: { dataDirectory, deviceDirectory } }
  const tokenFile = values['join-token-file']
  return {
    command,
    options: {
      dataDirectory,
      deviceDirectory,
      servers: checkServers(values.server ?? env.KEELSON_SERVER ?? DEFAULT_SERVER),
      node: values.node === undefined ? undefined : checkName('node', values.node),
      joinTokenFile: tokenFile === undefined ? undefined : resolve(tokenFile),
      joinToken: env.KEELSON_JOIN_TOKEN || undefined,
      labels: parseLabels(values.label),
      sysroot: resolve(values.sysroot),
      logLevel: checkLevel(values['log-level'] ?? env.KEELSON_LOG_LEVEL ?? 'info'),
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
        data: { type: 'string', default: DEFAULT_DATA },
        'device-dir': { type: 'string' },
        server: { type: 'string' },
        node: { type: 'string' },
        'join-token-file': { type: 'string' },
        label: { type: 'string', multiple: true, default: [] },
        sysroot: { type: 'string', default: '/' },
        'log-level': { type: 'string' },
        'log-pretty': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        version: { type: 'boolean', default: false },
      },
    })
  } catch (cause) {
    throw usage((cause as Error).message)
  }
}

/** Two agents on one host must not share device paths, which carry only the volumes' names. */
function defaultDeviceDirectory(dataDirectory: string): string {
  if (dataDirectory === DEFAULT_DATA) return '/run/keelson/volumes'
  const suffix = createHash('sha256').update(dataDirectory).digest('hex').slice(0, 8)
  return `/run/keelson/volumes-${suffix}`
}

/** Reads a list of "host:port"; raises INVALID_ARGUMENT. */
export function checkServers(text: string): readonly string[] {
  const servers = text.split(',').map((server) => server.trim())
  for (const server of servers) {
    const [, host = '', port] = /^(\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(server) ?? []
    if (host === '' || Number(port) < 1 || Number(port) > 65_535)
      throw usage(`--server "${server}" is not HOST:PORT`)
  }
  return servers
}

/** Reads "key=value" texts; raises INVALID_ARGUMENT. */
export function parseLabels(texts: readonly string[]): Readonly<Record<string, string>> {
  const pairs = texts.map((text): [string, string] => {
    const at = text.indexOf('=')
    if (at < 1) throw usage(`--label "${text}" is not KEY=VALUE`)
    return [text.slice(0, at), text.slice(at + 1)]
  })
  return checkLabels(Object.fromEntries(pairs))
}

const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error']

/** Reads a log level; raises INVALID_ARGUMENT. */
export function checkLevel(text: string): LogLevel {
  const level = LEVELS.find((candidate) => candidate === text)
  if (level) return level
  throw usage(`--log-level "${text}" is none of ${LEVELS.join(', ')}`)
}

/** The host's name as a DNS label: "Rack1_N2.example" is "rack1-n2-example". */
export function defaultNodeName(name: string = hostname()): string {
  const label = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .slice(0, 63)
  const trimmed = label.replaceAll(/^-+|-+$/g, '')
  if (trimmed === '') throw usage(`host name "${name}" makes no node name; give one with --node`)
  return trimmed
}

function usage(message: string): KeelsonError {
  return new KeelsonError('INVALID_ARGUMENT', message)
}
