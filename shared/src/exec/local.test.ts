import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { KeelsonError } from '../errors/index.ts'
import { createLocalRunner } from './local.ts'

const runner = createLocalRunner()
const shell = (script: string) => ({ file: 'sh', args: ['-c', script], timeoutMs: 10_000 })
const rejection = async (promise: Promise<unknown>): Promise<KeelsonError> => {
  const error = await promise.then(
    () => new Error('resolved'),
    (reason) => reason,
  )
  expect(error).toBeInstanceOf(KeelsonError)
  return error
}
/** True until the process is gone or only waits for its parent to notice. */
const isAlive = async (pid: number): Promise<boolean> => {
  const { stdout } = await runner.run(shell(`grep -s ^State: /proc/${pid}/status || true`))
  return stdout !== '' && !/State:\s+[ZX]/.test(stdout)
}
const waitUntilDead = async (pid: number): Promise<void> => {
  while (await isAlive(pid)) await delay(20)
}

describe('a run', () => {
  it('returns both outputs and the exit code', async () => {
    const result = await runner.run(shell('echo out; echo err >&2'))
    expect(result).toMatchObject({ stdout: 'out\n', stderr: 'err\n', exitCode: 0 })
  })
  it('passes arguments untouched by any shell', async () => {
    const { stdout } = await runner.run({
      file: 'printf',
      args: ['%s|', '$(id)', 'a b', '*', '"'],
      timeoutMs: 10_000,
    })
    expect(stdout).toBe('$(id)|a b|*|"|')
  })
  it('gives the tool an empty stdin, the C locale and nothing of our environment', async () => {
    process.env.KEELSON_TEST_SECRET = 'hush'
    const { stdout } = await runner.run(shell('wc -c; env'))
    delete process.env.KEELSON_TEST_SECRET
    expect(stdout).toMatch(/^0\n/)
    expect(stdout).toContain('LC_ALL=C\n')
    expect(stdout).not.toContain('hush')
  })
  it('takes other exit codes as answers when told so', async () => {
    const command = { ...shell('exit 3'), acceptExitCodes: [0, 3] }
    expect((await runner.run(command)).exitCode).toBe(3)
  })
})

describe('a failing run', () => {
  it('raises the code of the caller with the end of stderr', async () => {
    const script = 'for i in $(seq 100); do echo line $i >&2; done; exit 5'
    const command = { ...shell(script), failureCode: 'NOT_FOUND' as const }
    const error = await rejection(runner.run(command))
    expect(error).toMatchObject({ code: 'NOT_FOUND', message: 'sh exited with 5' })
    expect(error.details[0]).toMatch(/^command: sh -c /)
    expect(error.details.at(-1)).toBe('line 100')
    expect(error.details.length).toBeLessThan(20)
  })
  it('is UNKNOWN without one, and names a killing signal', async () => {
    const error = await rejection(runner.run(shell('kill -9 $$')))
    expect(error).toMatchObject({ code: 'UNKNOWN', message: 'sh was killed by SIGKILL' })
  })
  it.each([
    ['losetup-of-a-future', 'losetup-of-a-future is not installed'],
    ['/nonexistent/losetup', '/nonexistent/losetup is not installed'],
  ])('says that %s is missing', async (file, message) => {
    const error = await rejection(runner.run({ file, args: [], timeoutMs: 1_000 }))
    expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', message })
  })
  it('stops a tool that prints too much', async () => {
    const error = await rejection(runner.run({ ...shell('yes'), maxOutputBytes: 1_000 }))
    expect(error).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: 'sh printed more than 1000 bytes',
    })
  })
})

describe('a run that does not end', () => {
  const pids: number[] = []
  afterEach(async () => {
    for (const pid of pids.splice(0)) await waitUntilDead(pid)
  })

  it('is stalled when nothing moves, and its whole group is stopped', async () => {
    // The sleeping grandchild's id reaches us through stderr, hence through the details.
    const command = { ...shell('sleep 60 & echo $! >&2; wait'), stallMs: 400 }
    const error = await rejection(runner.run(command))
    expect(error).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: 'sh stalled: no output, CPU time or I/O for 0.4 s',
    })
    pids.push(Number(error.details.at(-1)))
    expect(pids[0]).toBeGreaterThan(1)
  })
  it('is slow when it works, and then only the overall limit counts', async () => {
    const busy = { ...shell('while :; do :; done'), stallMs: 5_000, timeoutMs: 300 }
    const error = await rejection(runner.run(busy))
    expect(error).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: 'sh was still working after 0.3 s',
    })
  })
  it('is killed when it ignores the polite signal', async () => {
    const stubborn = { ...shell('trap "" TERM; echo $$ >&2; while :; do sleep 1; done') }
    const error = await rejection(runner.run({ ...stubborn, timeoutMs: 300 }))
    expect(error.code).toBe('DEADLINE_EXCEEDED')
    pids.push(Number(error.details.at(-1)))
  })
  it('ends with the reason of the signal', async () => {
    const abort = new AbortController()
    const run = runner.run({ ...shell('sleep 60'), signal: abort.signal })
    abort.abort(new KeelsonError('CANCELLED', 'operation cancelled'))
    expect(await rejection(run)).toMatchObject({ message: 'operation cancelled' })
    const late = runner.run({ ...shell('touch /nonexistent/x'), signal: abort.signal })
    expect(await rejection(late)).toMatchObject({ message: 'operation cancelled' })
  })
  it('dies with a parent that is killed', async () => {
    const room = new URL('./index.ts', import.meta.url).pathname
    const program = `
      import { createLocalRunner } from '${room}'
      createLocalRunner().run({ file: 'sh', timeoutMs: 60_000,
        args: ['-c', 'echo $$ > "$0"; kill -9 $PPID; exec sleep 60', process.argv[1]] })
    `
    const pidFile = `/tmp/keelson-runner-${process.pid}`
    const { stdout } = await runner.run({
      file: 'sh',
      // The shell outlives the killed Node process and reads what its child had written.
      args: [
        '-c',
        '"$0" --input-type=module-typescript -e "$1" "$2" || cat "$2"; rm -f "$2"',
      ].concat([process.execPath, program, pidFile]),
      timeoutMs: 20_000,
    })
    expect(Number(stdout)).toBeGreaterThan(1)
    await waitUntilDead(Number(stdout))
    expect(existsSync(pidFile)).toBe(false)
  })
})
