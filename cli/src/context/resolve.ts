/** Flags before environment before file: what a call needs to know of its cluster. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import type { Terminal } from '../terminal/index.ts'
import { type Context, type ContextFile, readContextFile } from './context-file.ts'

/** What the user said on the command line; absent keys were not given. */
export interface ContextFlags {
  /** Name of the context to take from the file. */
  readonly context?: string | undefined
  /** "host:port[,host:port]". */
  readonly server?: string | undefined
  readonly token?: string | undefined
  /** File with the token. */
  readonly tokenFile?: string | undefined
  /** File with the PEM of the authority. */
  readonly ca?: string | undefined
}

/** Whom to call and as whom. */
export interface Target {
  /** At least one. */
  readonly servers: readonly string[]
  readonly authorityPem: string
  /** Absent: the caller is nobody. */
  readonly token?: string
  /** What the user should know before the call. */
  readonly warnings: readonly string[]
}

/**
 * Puts flags, KEELSON_SERVER, KEELSON_TOKEN, KEELSON_CA and the context file together. The file is
 * not read when nothing of it is needed. Raises INVALID_ARGUMENT when there is no server or no
 * authority, or when a file that is named cannot be read.
 */
export async function resolveTarget(flags: ContextFlags, terminal: Terminal): Promise<Target> {
  const { env } = terminal
  const server = flags.server ?? env.KEELSON_SERVER
  const caPath = flags.ca ?? env.KEELSON_CA
  const given = flags.tokenFile
    ? (await readNamed(flags.tokenFile, terminal)).trim()
    : (flags.token ?? env.KEELSON_TOKEN)
  const complete = server && caPath && given && flags.context === undefined
  const file = complete ? undefined : await readContextFile(terminal)
  const context = file && chosen(file, flags.context)
  if (flags.context !== undefined && context === undefined)
    throw new KeelsonError('INVALID_ARGUMENT', 'there is no context file to take --context from')
  const servers = server ? server.split(',').map((each) => each.trim()) : (context?.servers ?? [])
  if (servers.length === 0)
    throw new KeelsonError('INVALID_ARGUMENT', 'no server to talk to', { details: NO_SERVER })
  const authorityPem = caPath ? await readNamed(caPath, terminal) : context?.authorityPem
  if (!authorityPem)
    throw new KeelsonError('INVALID_ARGUMENT', `no authority to trust ${servers[0]} by`, {
      details: ['give the PEM file of the cluster with --ca or KEELSON_CA'],
    })
  const token = given || context?.token
  const leaks = file?.exposed && !given && token !== ''
  return {
    servers,
    authorityPem,
    ...(token ? { token } : {}),
    warnings: leaks
      ? [`${file.path} holds a token and others can read it; run: chmod 600 ${file.path}`]
      : [],
  }
}

const NO_SERVER = [
  '`make run` starts one and writes .keelson/config.yaml here',
  'elsewhere: set KEELSON_CONFIG, or give --server, --ca and --token',
]

function chosen(file: ContextFile, wanted: string | undefined): Context {
  const name = wanted ?? file.currentContext
  const context = file.contexts.find((each) => each.name === name)
  if (context) return context
  const known = file.contexts.map((each) => each.name).join(', ')
  throw new KeelsonError('INVALID_ARGUMENT', `${file.path} has no context "${name}"`, {
    details: [known ? `it has: ${known}` : 'it has none'],
  })
}

async function readNamed(path: string, { directory }: Terminal): Promise<string> {
  try {
    return await readFile(resolve(directory, path), 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw new KeelsonError('INVALID_ARGUMENT', `cannot read ${path} (${code})`)
  }
}
