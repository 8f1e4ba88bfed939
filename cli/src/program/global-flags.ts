/** Flags that stand anywhere on the command line. */
import type { ContextFlags } from '../context/index.ts'
import { FORMATS, type Format } from '../output/index.ts'
import {
  choice,
  DEFAULT_TIMEOUT_MS,
  durationMs,
  type Flag,
  negatable,
  text,
} from '../verb/index.ts'

/** The flags, by camelCase name. */
export const GLOBAL_FLAGS = {
  server: text('host:port', 'coordinators to try, joined by commas (KEELSON_SERVER)'),
  token: text('token', 'who the user is (KEELSON_TOKEN); others see it in the process list'),
  tokenFile: text('file', 'file that holds the token', { complete: 'file' }),
  ca: text('file', "PEM file of the cluster's authority (KEELSON_CA)", { complete: 'file' }),
  context: text('name', 'context of the context file'),
  output: choice(FORMATS, 'format of the result', { short: 'o' }),
  headers: negatable('leave out the titles above tables'),
  timeout: durationMs('patience for an answer or for waiting (30s)'),
} as const

/** What they say. */
export interface Globals {
  readonly context: ContextFlags
  readonly format: Format
  readonly headers: boolean
  readonly timeoutMs: number
  readonly givenTimeoutMs: number | undefined
}

type Values = {
  readonly [K in keyof typeof GLOBAL_FLAGS]?: (typeof GLOBAL_FLAGS)[K] extends Flag<infer T>
    ? T
    : never
}

/** The parser's values with the defaults filled in. */
export function globalsOf(values: Values): Globals {
  const { context, server, token, tokenFile, ca, timeout } = values
  return {
    context: { context, server, token, tokenFile, ca },
    format: values.output ?? 'table',
    headers: values.headers ?? true,
    timeoutMs: timeout ?? DEFAULT_TIMEOUT_MS,
    givenTimeoutMs: timeout,
  }
}

/** The format somebody asks for in a command line that may be wrong otherwise. */
export function wantsJson(words: readonly string[]): boolean {
  const text = words.join('\0')
  return /(^|\0)(-o\0?|--output[=\0])json(\0|$)/.test(text)
}
