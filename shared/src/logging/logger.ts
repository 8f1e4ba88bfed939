/**
 * The only file that knows the logging library. A process makes one logger in its main file and
 * hands it down; nothing here is global. Lines are written synchronously: the last line before a
 * crash is the one that matters.
 */
import { createRequire } from 'node:module'
import { isatty } from 'node:tty'
import { destination, type Logger as PinoLogger, pino } from 'pino'
import type { prettyFactory } from 'pino-pretty'
import { loggable } from './redact.ts'

/** Processes of the project that log. */
export type ProcessName = 'coordinator' | 'agent' | 'sim-agent' | 'cli'

/** From the least important to the most; `silent` writes nothing. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** Fields of an entry, or an error, which becomes the field `err`. */
export type LogFields = Readonly<Record<string, unknown>> | Error

/** Writes one entry. Fields first, as what varies; the message stays the same from call to call. */
export interface LogMethod {
  (fields: LogFields, message?: string): void
  (message: string): void
}

/** Where a process says what it does. */
export interface Logger {
  readonly trace: LogMethod
  readonly debug: LogMethod
  readonly info: LogMethod
  readonly warn: LogMethod
  readonly error: LogMethod
  readonly fatal: LogMethod
  /** A logger whose every entry carries `fields` too. */
  child(fields: Readonly<Record<string, unknown>>): Logger
}

/** How a process logs. */
export interface CreateLoggerOptions {
  readonly process: ProcessName
  /** Least important level that is written; `info` unless told. */
  readonly level?: LogLevel
  /** Readable lines instead of JSON; unless told, when stderr is a terminal. */
  readonly pretty?: boolean
  /** Where finished lines go; standard error unless told. */
  readonly write?: (line: string) => void
}

/**
 * A logger that writes one line per entry: `level`, `time`, `process`, the fields given and `msg`.
 * An `Error` under any name becomes its code and its whole chain of causes. Fields whose name ends
 * in token, secret, key, password or authorization are censored wherever they are, and so is
 * anything in a text that has the form of a token or a private key.
 */
export function createLogger(options: CreateLoggerOptions): Logger {
  const pretty = options.pretty ?? (options.write === undefined && isatty(2))
  const write = options.write ?? standardError()
  const format = pretty ? readable(isatty(2)) : (line: string) => line
  return wrap(
    pino(
      {
        level: options.level ?? 'info',
        base: { process: options.process },
        timestamp: () => `,"time":"${new Date().toISOString()}"`,
        formatters: { level: (label) => ({ level: label }) },
        // `loggable` has made data of errors already.
        serializers: { err: (value) => value },
      },
      { write: (line: string) => write(format(line)) },
    ),
  )
}

/** Puts `loggable` between callers and the library, which would write what it is given. */
function wrap(log: PinoLogger): Logger {
  const method =
    (level: Exclude<LogLevel, 'silent'>): LogMethod =>
    (fields: LogFields | string, message?: string) => {
      if (!log.isLevelEnabled(level)) return
      const entry = typeof fields === 'string' ? {} : fields
      const text = typeof fields === 'string' ? fields : message
      log[level](
        loggable(entry instanceof Error ? { err: entry } : entry),
        loggable(text) as string | undefined,
      )
    }
  return {
    trace: method('trace'),
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    fatal: method('fatal'),
    child: (fields) => wrap(log.child(loggable(fields) as Record<string, unknown>)),
  }
}

function standardError(): (line: string) => void {
  const stream = destination({ dest: 2, sync: true })
  return (line) => {
    stream.write(line)
  }
}

/** Entries as lines for a person; loaded only when wanted, and run in this thread. */
function readable(colorize: boolean): (line: string) => string {
  const pretty = createRequire(import.meta.url)('pino-pretty') as {
    prettyFactory: typeof prettyFactory
  }
  const format = pretty.prettyFactory({
    colorize,
    ignore: 'process',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    // Several processes of the project often share one terminal.
    messageFormat: (entry, messageKey) => `${entry.process}: ${entry[messageKey] ?? 'error'}`,
  })
  return (line) => format(line) ?? line
}
