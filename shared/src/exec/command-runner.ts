/**
 * The one way to run a tool. There is no shell, so no quoting can go wrong; stdin is closed, so a
 * tool that wants to ask a question fails instead of waiting for ever; output is bounded, so a
 * tool gone mad cannot take the agent's memory; and a tool that does nothing is told from one that
 * is slow, because the first must be stopped soon and the second must be left to finish.
 */
import type { Code } from '../errors/index.ts'

/** One run of one tool. Arguments are visible to every user of the host: never put secrets here. */
export interface Command {
  /** Name of the tool, looked up on PATH and the sbin directories, or an absolute path. */
  readonly file: string
  readonly args: readonly string[]
  /** Longest run, whatever the tool does meanwhile. */
  readonly timeoutMs: number
  /**
   * Longest time without any sign of life: no output, no CPU time, no I/O of the tool's own
   * process. Absent: only `timeoutMs` counts.
   */
  readonly stallMs?: number
  /** Limit of stdout; more is an error, because cut output parses wrongly. Default 4 MiB. */
  readonly maxOutputBytes?: number
  /** Stops the tool; the run rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Exit codes that are an answer rather than a failure. Default: only 0. */
  readonly acceptExitCodes?: readonly number[]
  /** Code of the error that any other exit raises. Default UNKNOWN. */
  readonly failureCode?: Code
}

/** What a tool that ended with an accepted exit code left behind. */
export interface CommandResult {
  readonly stdout: string
  /** The last 16 KiB of it. */
  readonly stderr: string
  readonly exitCode: number
  readonly durationMs: number
}

/** Runs tools. */
export interface CommandRunner {
  /**
   * Raises FAILED_PRECONDITION when the tool is not installed, DEADLINE_EXCEEDED when it stalled or
   * took too long, RESOURCE_EXHAUSTED when it printed too much, `failureCode` when it exited with
   * another code or by a signal, and the reason of `signal` when that was aborted. Details hold the
   * command line and the end of the tool's stderr.
   */
  run(command: Command): Promise<CommandResult>
}
