/** Starts the project's programs in a directory of their own, looks at them, and stops them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

process.setMaxListeners(0)

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** How to reach a coordinator. */
export interface Access {
  readonly server: string
  readonly authority: string
  readonly token: string
}

/** A running program. */
export interface Program {
  readonly pid: number
  /** User and system time so far, in seconds. */
  cpuSeconds(): Promise<number>
  /** Resident memory in bytes. */
  residentBytes(): Promise<number>
  readonly running: boolean
  /** Sends the signal (SIGTERM unless told) and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** A directory that goes when its scope ends. */
export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string
}

/** Makes a directory for one test or measurement. */
export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'keelson-test-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Starts a program of the repository's root, or a TypeScript file. */
export function start(command: string, args: readonly string[]): Program {
  const script = command.endsWith('.ts')
  const child = spawn(
    script ? process.execPath : join(ROOT, command),
    script ? [join(ROOT, command), ...args] : [...args],
    { stdio: ['ignore', 'ignore', process.env.TEST_LOG ? 'inherit' : 'ignore'] },
  )
  return program(child)
}

function program(child: ChildProcess): Program {
  const pid = child.pid ?? 0
  // Whatever ends this process early, what it started does not live on.
  process.once('exit', () => child.kill('SIGKILL'))
  return {
    pid,
    get running() {
      return child.exitCode === null && child.signalCode === null
    },
    async cpuSeconds() {
      const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
      return (Number(fields[11]) + Number(fields[12])) / 100
    },
    async residentBytes() {
      const status = await readFile(`/proc/${pid}/status`, 'utf8')
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024
    },
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill(signal)
      await ended
    },
  }
}

/** Reads the context a coordinator wrote; waits until it is there. */
export async function access(contextFile: string): Promise<Access> {
  const text = await until(`${contextFile} to appear`, () =>
    readFile(contextFile, 'utf8').catch(() => undefined),
  )
  const [context] = parse(text).contexts
  return { server: context.servers[0], authority: context.authority, token: context.token }
}

/** Asks again and again until there is an answer; fails after a minute. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await delay(20)
  }
}
