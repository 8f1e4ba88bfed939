/**
 * The file that names clusters and the user's tokens for them, as `make run` writes it:
 *
 *     currentContext: default
 *     contexts:
 *       - name: default
 *         servers: [127.0.0.1:7443]
 *         authority: |
 *           -----BEGIN CERTIFICATE-----
 *           …
 *         token: kut.…
 */
import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { errorChain, KeelsonError } from '@keelson/shared/errors'
import type { Terminal } from '../terminal/index.ts'

/** One cluster as a file describes it. */
export interface Context {
  readonly name: string
  /** "host:port", in the order to try them. */
  readonly servers: readonly string[]
  /** PEM of the cluster's own authority; empty if the file does not have it. */
  readonly authorityPem: string
  /** Bearer token of the user; empty if the file does not have it. */
  readonly token: string
}

/** A file's contexts. */
export interface ContextFile {
  readonly path: string
  readonly currentContext: string
  readonly contexts: readonly Context[]
  /** Whether others than its owner may read it. */
  readonly exposed: boolean
}

/**
 * Where contexts are looked for, the first that exists counts: KEELSON_CONFIG alone if it is set,
 * else `.keelson/config.yaml` here, else `keelson/config.yaml` in the user's configuration.
 */
export function contextPaths({ env, directory, homeDirectory }: Terminal): readonly string[] {
  if (env.KEELSON_CONFIG) return [resolve(directory, env.KEELSON_CONFIG)]
  const own = env.XDG_CONFIG_HOME || join(homeDirectory, '.config')
  return [join(directory, '.keelson', 'config.yaml'), join(own, 'keelson', 'config.yaml')]
}

/**
 * Reads the first file there is; undefined if there is none. Raises INVALID_ARGUMENT when
 * KEELSON_CONFIG names a file that is not there, and for one that cannot be read or understood.
 */
export async function readContextFile(terminal: Terminal): Promise<ContextFile | undefined> {
  for (const path of contextPaths(terminal)) {
    const text = await readIfThere(path)
    if (text === undefined) continue
    const { mode } = await stat(path)
    return { path, exposed: (mode & 0o077) !== 0, ...(await parseContexts(text, path)) }
  }
  if (terminal.env.KEELSON_CONFIG)
    throw new KeelsonError('INVALID_ARGUMENT', `there is no ${terminal.env.KEELSON_CONFIG}`, {
      details: ['KEELSON_CONFIG names it'],
    })
  return undefined
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new KeelsonError('INVALID_ARGUMENT', `cannot read ${path} (${code})`)
  }
}

async function parseContexts(
  text: string,
  path: string,
): Promise<Pick<ContextFile, 'currentContext' | 'contexts'>> {
  const { parse } = await import('yaml')
  const refuse = (problem: string): never => {
    throw new KeelsonError('INVALID_ARGUMENT', `${path} is not a context file`, {
      details: [problem],
    })
  }
  let content: unknown
  try {
    content = parse(text)
  } catch (error) {
    // The message may quote the file, and with it the token; its first line names the place.
    refuse((errorChain(error).split('\n')[0] ?? '').replace(/:$/, ''))
  }
  if (!isRecord(content)) return refuse('it has no "contexts"')
  if (!Array.isArray(content.contexts)) return refuse('"contexts" is not a list')
  const contexts = content.contexts.map((entry: unknown, index): Context => {
    const at = `contexts[${index}]`
    if (!isRecord(entry)) return refuse(`${at} has no fields`)
    const text = (key: string) => {
      const value = entry[key] ?? ''
      return typeof value === 'string' ? value : refuse(`${at}.${key} is not a text`)
    }
    const { servers } = entry
    if (!Array.isArray(servers) || !servers.every((server) => typeof server === 'string'))
      return refuse(`${at}.servers is not a list of "host:port"`)
    return { name: text('name'), servers, authorityPem: text('authority'), token: text('token') }
  })
  const current = content.currentContext ?? contexts[0]?.name ?? ''
  if (typeof current !== 'string') return refuse('"currentContext" is not a text')
  return { currentContext: current, contexts }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
