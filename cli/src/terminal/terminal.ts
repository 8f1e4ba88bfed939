/**
 * The process as the commands see it. Everything that differs between a person's terminal, a pipe
 * and a test comes in here, so that no other file of the command line touches `process`.
 */
import { homedir } from 'node:os'
import { type Clock, systemClock } from '@keelson/shared/runtime'

/** A stream that text is written to. */
export interface TextStream {
  write(text: string): unknown
  /** Whether a person looks at it. */
  readonly isTTY?: boolean
  /** Width in characters, where a person looks at it. */
  readonly columns?: number
}

/** Surroundings of one invocation. */
export interface Terminal {
  /** Results. */
  readonly stdout: TextStream
  /** Errors, notes and progress. */
  readonly stderr: TextStream
  readonly env: Readonly<Record<string, string | undefined>>
  /** Directory that relative paths start from. */
  readonly directory: string
  /** The user's own directory. */
  readonly homeDirectory: string
  readonly clock: Clock
  /** Aborts when the user wants to stop (Ctrl-C). */
  readonly signal: AbortSignal
}

/** The process's own terminal. */
export function processTerminal(signal: AbortSignal): Terminal {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    directory: process.cwd(),
    homeDirectory: homedir(),
    clock: systemClock,
    signal,
  }
}
