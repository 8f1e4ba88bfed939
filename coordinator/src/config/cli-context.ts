/** The CLI context a coordinator writes for its first user. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { writeFileDurably } from '@keelson/shared/exec'
import { parse, stringify } from 'yaml'

/** Where and as whom the command line calls. */
export interface CliContext {
  readonly servers: readonly string[]
  readonly authority: string
  readonly token: string
}

/** Token of the context in a file that exists; undefined if there is none. */
export async function readContextToken(path: string): Promise<string | undefined> {
  if (!existsSync(path)) return undefined
  const file: unknown = parse(await readFile(path, 'utf8'))
  const contexts = (file as { contexts?: { name?: string; token?: string }[] } | null)?.contexts
  return contexts?.find((context) => context.name === 'default')?.token
}

/** Writes a file (0600) with one context, named "default". */
export async function writeContext(path: string, context: CliContext): Promise<void> {
  const file = { currentContext: 'default', contexts: [{ name: 'default', ...context }] }
  await writeFileDurably(path, stringify(file), { mode: 0o600 })
}
