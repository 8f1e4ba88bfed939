/** Puts nouns, parser, session and errors together. */
import { KeelsonError } from '@keelson/shared/errors'
import type { Client } from '../client/index.ts'
import { nouns } from '../commands/index.ts'
import { programVersion } from '../commands/version/index.ts'
import { resolveTarget } from '../context/index.ts'
import {
  EXIT_CODES,
  type ExitCode,
  exitCodeOf,
  renderErrorJson,
  renderErrorText,
} from '../errors/index.ts'
import { createProgress, paintFor, renderView } from '../output/index.ts'
import { type Globals, runProgram, wantsJson } from '../program/index.ts'
import type { Terminal } from '../terminal/index.ts'
import type { Session } from '../verb/index.ts'

/**
 * Runs one command line (without the program's own name) and returns the exit code. Never raises
 * an operating error: it has been written to stderr.
 */
export async function runCli(words: readonly string[], terminal: Terminal): Promise<ExitCode> {
  if (words[0] === '__complete') {
    const { completeCommandLine } = await import('../completion/index.ts')
    terminal.stdout.write(await completeCommandLine(words.slice(1), nouns, terminal))
    return EXIT_CODES.ok
  }
  const clients: Client[] = []
  try {
    await runProgram(words, {
      nouns,
      version: programVersion(),
      stdout: terminal.stdout,
      openSession: (globals) => createSession(globals, terminal, clients),
    })
    return EXIT_CODES.ok
  } catch (error) {
    if (terminal.signal.aborted) return EXIT_CODES.interrupted
    if (!(error instanceof KeelsonError)) throw error
    const paint = paintFor(terminal.stderr, terminal.env)
    terminal.stderr.write(wantsJson(words) ? renderErrorJson(error) : renderErrorText(error, paint))
    return exitCodeOf(error)
  } finally {
    for (const client of clients) client.close()
  }
}

function createSession(globals: Globals, terminal: Terminal, opened: Client[]): Session {
  const { stdout, stderr, env, clock } = terminal
  const paint = paintFor(stdout, env)
  const quiet = globals.format === 'json' && stderr.isTTY !== true
  const progress = createProgress(stderr, paintFor(stderr, env), quiet)
  let connecting: Promise<Client> | undefined
  async function connect(): Promise<Client> {
    const target = await resolveTarget(globals.context, terminal)
    for (const warning of target.warnings) progress.warn(warning)
    const { createClient } = await import('../client/index.ts')
    const client = createClient(target, { timeoutMs: globals.timeoutMs, signal: terminal.signal })
    opened.push(client)
    return client
  }
  return {
    terminal,
    format: globals.format,
    headers: globals.headers,
    timeoutMs: globals.timeoutMs,
    givenTimeoutMs: globals.givenTimeoutMs,
    paint,
    progress,
    client() {
      connecting ??= connect()
      return connecting
    },
    async print(view) {
      const { format, headers } = globals
      const style = { format, headers, paint, nowMs: clock.now() }
      stdout.write(await renderView(view, style))
    },
  }
}
