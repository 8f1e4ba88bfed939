/** The CommandRunner of this host. */
import { type ChildProcess, spawn } from 'node:child_process'
import { basename } from 'node:path'
import { assert, type Code, KeelsonError } from '../errors/index.ts'
import { type Clock, systemClock, type Timer } from '../runtime/index.ts'
import type { Command, CommandResult, CommandRunner } from './command-runner.ts'
import { createStallWatch, readProcessActivity } from './stall-watch.ts'
import { findTool, requireTool, toolPath } from './tools.ts'

const DEFAULT_OUTPUT_BYTES = 4 * 1024 * 1024
const LONGEST_TIMER_MS = 2 ** 31 - 1
const STDERR_TAIL_BYTES = 16 * 1024
const DETAIL_LINES = 12
/** A stopped tool has this long to tidy up, then it is killed. */
const TERM_GRACE_MS = 2_000
/** A killed tool that is still there after this is stuck in the kernel; nobody waits for it. */
const KILL_GRACE_MS = 3_000
/** Output of a tool's own leftover children is not waited for longer than this. */
const CLOSE_GRACE_MS = 1_000

/**
 * A runner that starts tools on this host, each in a process group of its own that is stopped as a
 * whole. Where setpriv is installed the kernel kills a tool whose parent died, so that a
 * `kill -9` of the agent leaves no tool behind that would work against its successor.
 */
export function createLocalRunner(options: { readonly clock?: Clock } = {}): CommandRunner {
  const clock = options.clock ?? systemClock
  let setpriv: Promise<string | undefined> | undefined
  return {
    async run(command) {
      assert(command.timeoutMs <= LONGEST_TIMER_MS, 'a timer of Node holds 24.8 days at most')
      command.signal?.throwIfAborted()
      setpriv ??= findTool('setpriv')
      const [file, wrapper] = await Promise.all([requireTool(command.file), setpriv])
      const line =
        wrapper === undefined
          ? [file, ...command.args]
          : [wrapper, '--pdeathsig', 'KILL', file, ...command.args]
      command.signal?.throwIfAborted()
      return runChild(command, line, clock)
    },
  }
}

async function runChild(
  command: Command,
  line: readonly string[],
  clock: Clock,
): Promise<CommandResult> {
  const startedAt = clock.now()
  const child = spawn(line[0] ?? '', line.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { PATH: toolPath(), LC_ALL: 'C' },
  })
  const output = collectOutput(command, child)
  const { exitCode, signalName } = await superviseChild(command, child, output, clock, startedAt)
  const result = {
    stdout: Buffer.concat(output.stdout).toString('utf8'),
    stderr: output.stderr.toString('utf8'),
    durationMs: clock.now() - startedAt,
  }
  if (exitCode !== null && (command.acceptExitCodes ?? [0]).includes(exitCode))
    return { ...result, exitCode }
  const how = exitCode === null ? `was killed by ${signalName}` : `exited with ${exitCode}`
  throw failure(command, command.failureCode ?? 'UNKNOWN', `${nameOf(command)} ${how}`, output)
}

interface Output {
  readonly stdout: Buffer[]
  stdoutBytes: number
  stderr: Buffer
  stderrBytes: number
  /** Called when stdout grows past its limit. */
  onOverflow: () => void
}

function collectOutput(command: Command, child: ChildProcess): Output {
  const limit = command.maxOutputBytes ?? DEFAULT_OUTPUT_BYTES
  const output: Output = {
    stdout: [],
    stdoutBytes: 0,
    stderr: Buffer.alloc(0),
    stderrBytes: 0,
    onOverflow: () => undefined,
  }
  child.stdout?.on('data', (chunk: Buffer) => {
    output.stdoutBytes += chunk.length
    if (output.stdoutBytes <= limit) output.stdout.push(chunk)
    else output.onOverflow()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    output.stderrBytes += chunk.length
    output.stderr = Buffer.concat([output.stderr, chunk]).subarray(-STDERR_TAIL_BYTES)
  })
  return output
}

interface Ending {
  readonly exitCode: number | null
  readonly signalName: string | null
}

/** Waits for the child's end, and brings it about when a limit is reached or the caller aborts. */
function superviseChild(
  command: Command,
  child: ChildProcess,
  output: Output,
  clock: Clock,
  startedAt: number,
): Promise<Ending> {
  const name = nameOf(command)
  return new Promise((resolve, reject) => {
    const timers: Timer[] = []
    let stopped: unknown
    const later = (delayMs: number, callback: () => void) =>
      timers.push(clock.after(delayMs, callback))
    const settle = (finish: () => void) => {
      for (const timer of timers) timer.cancel()
      command.signal?.removeEventListener('abort', onAbort)
      stopWatching()
      finish()
    }
    const stop = (reason: unknown) => {
      if (stopped !== undefined) return
      stopped = reason
      killGroup(child, 'SIGTERM')
      later(TERM_GRACE_MS, () => killGroup(child, 'SIGKILL'))
      later(TERM_GRACE_MS + KILL_GRACE_MS, () => {
        abandon(child)
        settle(() => reject(withDetail(reason, `process ${child.pid} did not end when killed`)))
      })
    }
    const fail = (code: 'DEADLINE_EXCEEDED' | 'RESOURCE_EXHAUSTED', message: string) =>
      stop(failure(command, code, `${name} ${message}`, output))
    const end = (exitCode: number | null, signalName: string | null) =>
      settle(() => (stopped === undefined ? resolve({ exitCode, signalName }) : reject(stopped)))
    const onAbort = () => stop(abortReason(command, name))

    output.onOverflow = () =>
      fail(
        'RESOURCE_EXHAUSTED',
        `printed more than ${command.maxOutputBytes ?? DEFAULT_OUTPUT_BYTES} bytes`,
      )
    const stopWatching = watchForStall(command, child, output, clock, startedAt, (stallMs) =>
      fail('DEADLINE_EXCEEDED', `stalled: no output, CPU time or I/O for ${seconds(stallMs)}`),
    )
    later(command.timeoutMs, () =>
      fail('DEADLINE_EXCEEDED', `was still working after ${seconds(command.timeoutMs)}`),
    )
    command.signal?.addEventListener('abort', onAbort, { once: true })
    child.once('error', (cause) =>
      settle(() => reject(new KeelsonError('INTERNAL', `${name} could not be started`, { cause }))),
    )
    child.once('exit', (code, signal) => later(CLOSE_GRACE_MS, () => end(code, signal)))
    child.once('close', end)
  })
}

/** Samples the child's activity until told to stop. */
function watchForStall(
  command: Command,
  child: ChildProcess,
  output: Output,
  clock: Clock,
  startedAt: number,
  onStall: (stallMs: number) => void,
): () => void {
  const { stallMs } = command
  const pid = child.pid
  if (stallMs === undefined || pid === undefined) return () => undefined
  const watch = createStallWatch(startedAt, stallMs)
  let timer: Timer | undefined
  let stopped = false
  const sample = async () => {
    const activity = await readProcessActivity(pid)
    if (stopped) return
    if (watch.observe(clock.now(), `${output.stdoutBytes} ${output.stderrBytes}\n${activity}`))
      onStall(stallMs)
    else schedule()
  }
  const schedule = () => {
    timer = clock.after(Math.min(1_000, stallMs / 4), () => void sample())
  }
  schedule()
  return () => {
    stopped = true
    timer?.cancel()
  }
}

/** Lets go of a child that even SIGKILL does not end, so that it cannot keep this process alive. */
function abandon(child: ChildProcess): void {
  child.stdout?.destroy()
  child.stderr?.destroy()
  child.unref()
}

function killGroup(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // The group ended by itself in the meantime.
  }
}

function failure(command: Command, code: Code, message: string, output: Output): KeelsonError {
  const tail = output.stderr.toString('utf8').trimEnd().split('\n').slice(-DETAIL_LINES)
  const line = `command: ${[command.file, ...command.args].join(' ')}`
  return new KeelsonError(code, message, { details: [line, ...tail.filter((text) => text !== '')] })
}

function abortReason(command: Command, name: string): KeelsonError {
  return KeelsonError.from(command.signal?.reason, 'CANCELLED', `${name} was cancelled`)
}

function withDetail(error: unknown, detail: string): unknown {
  if (!(error instanceof KeelsonError)) return error
  const details = [...error.details, detail]
  return new KeelsonError(error.code, error.message, { cause: error.cause, details })
}

function nameOf(command: Command): string {
  return basename(command.file)
}

function seconds(durationMs: number): string {
  return `${durationMs / 1_000} s`
}
