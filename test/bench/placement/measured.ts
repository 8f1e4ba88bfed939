/** Runs a program and says what it cost: time of the clock, time of the processor, memory. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import { createLocalRunner, findTool } from '@keelson/shared/exec'
import { temporaryDirectory } from '../../programs/index.ts'

/** What something cost. */
export interface Cost {
  readonly wallSeconds: number
  /** User and system; undefined where nothing could measure it. */
  readonly cpuSeconds: number | undefined
  readonly peakMib: number | undefined
}

/** Output of a program with its cost. */
export interface Measured {
  /** What it wrote to stdout, or to stderr when that was all. */
  readonly stdout: string
  readonly stderr: string
  readonly cost: Cost
}

const runner = createLocalRunner()
const GNU_TIME = '/usr/bin/time'
/** Prints the same, in the words of bash, but knows no memory. */
const BASH_TIME = 'TIMEFORMAT="cost %U %S"; time "$@"'

/**
 * Runs it to its end. Raises DEADLINE_EXCEEDED after the time, FAILED_PRECONDITION when it is not
 * installed, UNKNOWN when it ends with a code that is no answer.
 */
export async function runMeasured(
  file: string,
  args: readonly string[],
  timeoutMs: number,
  acceptExitCodes: readonly number[] = [0],
): Promise<Measured> {
  await using temporary = await temporaryDirectory()
  const costFile = join(temporary.path, 'cost')
  const gnu = (await findTool(GNU_TIME)) !== undefined
  const [wrapper, ...before] = gnu
    ? [GNU_TIME, '--quiet', '-f', 'cost %U %S %M', '-o', costFile]
    : ['bash', '-c', BASH_TIME, 'bash']
  const began = performance.now()
  const { stdout, stderr } = await runner.run({
    file: wrapper!,
    args: [...before, file, ...args],
    timeoutMs,
    maxOutputBytes: 256 * 2 ** 20,
    acceptExitCodes,
  })
  const wallSeconds = (performance.now() - began) / 1000
  const report = gnu ? await readFile(costFile, 'utf8') : stderr
  return {
    stdout: stdout === '' ? stderr : stdout,
    stderr,
    cost: { wallSeconds, ...costOf(report) },
  }
}

/** Reads "cost USER SYSTEM [KIB]". */
function costOf(report: string): Pick<Cost, 'cpuSeconds' | 'peakMib'> {
  const [, user, system, kib] = /cost ([\d.]+) ([\d.]+)(?: (\d+))?/.exec(report) ?? []
  return {
    cpuSeconds: user === undefined ? undefined : Number(user) + Number(system),
    peakMib: kib === undefined ? undefined : Number(kib) / 1024,
  }
}

/** Runs a function of this process and says what it cost; its memory cannot be told apart. */
export function measure<Result>(work: () => Result): { result: Result; cost: Cost } {
  const [began, before] = [performance.now(), process.cpuUsage()]
  const result = work()
  const { user, system } = process.cpuUsage(before)
  const wallSeconds = (performance.now() - began) / 1000
  return { result, cost: { wallSeconds, cpuSeconds: (user + system) / 1e6, peakMib: undefined } }
}

/** Installs a Debian package when this process may; else raises FAILED_PRECONDITION. */
export async function requirePackage(tool: string, debianPackage: string): Promise<void> {
  if ((await findTool(tool)) !== undefined) return
  const command = `apt-get install ${debianPackage}`
  if (process.getuid?.() !== 0)
    throw new KeelsonError('FAILED_PRECONDITION', `${tool} is missing: ${command}`)
  const apt = ['DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq']
  for (const rest of [['update'], ['install', '-y', debianPackage]])
    await runner.run({ file: 'env', args: [...apt, ...rest], timeoutMs: 300_000 })
}
