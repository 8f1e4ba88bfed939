/**
 * The last door before a value leaves the process in a log line. Two rules, because one is not
 * enough: fields are cut by name at any depth, and texts are cut by form, for the day somebody puts
 * a token into a message.
 */
import { CODES, errorChain, KeelsonError } from '../errors/index.ts'

const CENSORED = '[redacted]'
const SECRET_NAME = /(token|secret|password|authorization|key|privateKeyPem)$/i
/** A token of ours, or a private key in PEM and what follows it, whole or cut short. */
const SECRET_TEXT =
  /\bk[ju]t\.[0-9a-f]+\.[0-9a-f.]+|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END|$)/g
/** Deeper values are cut off; nothing worth a log line is deeper. */
const DEPTH_LIMIT = 8
const ITEMS_LIMIT = 100

/** A value as it may be logged: secrets censored, errors as data, depth and length bounded. */
export function loggable(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.replace(SECRET_TEXT, CENSORED)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Error) return loggable(asData(value), depth)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (depth >= DEPTH_LIMIT) return '[deeper]'
  if (value instanceof Map || value instanceof Set) return loggable([...value], depth)
  if (Array.isArray(value))
    return value.slice(0, ITEMS_LIMIT).map((item) => loggable(item, depth + 1))
  const result: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(value))
    result[name] = SECRET_NAME.test(name) ? CENSORED : loggable(field, depth + 1)
  return result
}

/** An error as one object: its code, and its whole chain of causes in one message. */
function asData(error: Error): Record<string, unknown> {
  const { name, code } = error as { name: string; code?: unknown }
  const details = error instanceof KeelsonError ? error.details : []
  const stack = unexpectedStack(error)
  return {
    type: name,
    ...(code === undefined ? {} : { code }),
    message: errorChain(error),
    ...(details.length > 0 ? { details } : {}),
    ...(stack === undefined ? {} : { stack }),
  }
}

/**
 * Where an error nobody foresaw came from: the stack of the innermost error. An operating error
 * needs none; its chain says what happened, and a stack would only hide it.
 */
function unexpectedStack(error: Error): string | undefined {
  if (error instanceof KeelsonError && CODES[error.code] !== CODES.INTERNAL) return undefined
  let innermost = error
  for (let depth = 0; innermost.cause instanceof Error && depth < 16; depth++)
    innermost = innermost.cause
  return innermost.stack
}
