import { mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireFileLock } from './file-lock.ts'
import { createLocalRunner } from './local.ts'

/** Resolves once some process sleeps in the kernel for the lock on `path`. */
async function waitForWaiter(path: string): Promise<void> {
  const { ino } = await stat(path)
  const waiting = new RegExp(`-> FLOCK .*:${ino} `)
  while (!waiting.test(await readFile('/proc/locks', 'utf8'))) await delay(10)
}

const room = new URL('./index.ts', import.meta.url).pathname

describe('acquireFileLock', () => {
  let directory: string
  let path: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keelson-lock-'))
    path = join(directory, 'lock')
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))

  it('refuses a second holder and names the first', async () => {
    const lock = await acquireFileLock(path)
    await expect(acquireFileLock(path)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'in-use',
      message: `${path} is locked by process ${process.pid}`,
    })
    await lock.release()
    await lock.release()
    const next = await acquireFileLock(path)
    expect(await readFile(path, 'utf8')).toBe(`${process.pid}\n`)
    await next.release()
  })
  it('waits for the holder to let go', async () => {
    const first = await acquireFileLock(path)
    const second = acquireFileLock(path, { waitMs: 20_000 })
    await waitForWaiter(path)
    await first.release()
    await (await second).release()
  })
  it('stops waiting when aborted', async () => {
    const lock = await acquireFileLock(path)
    const abort = new AbortController()
    const waiting = acquireFileLock(path, { waitMs: 20_000, signal: abort.signal })
    await waitForWaiter(path)
    abort.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await lock.release()
  })
  it('does not count a lock on a file that was replaced meanwhile', async () => {
    const first = await acquireFileLock(path)
    const waiting = acquireFileLock(path, { waitMs: 20_000 })
    await waitForWaiter(path)
    await rename(path, `${path}.moved`)
    await first.release()
    const second = await waiting
    await expect(acquireFileLock(path)).rejects.toMatchObject({ reason: 'in-use' })
    await second.release()
  })
  it('says which file it cannot open', async () => {
    const missing = join(directory, 'no', 'lock')
    await expect(acquireFileLock(missing)).rejects.toThrow(`cannot open lock file ${missing}`)
  })
  it('is free as soon as its holder is killed', async () => {
    const program = `
      import { acquireFileLock } from '${room}'
      await acquireFileLock(process.argv[1])
      process.kill(process.pid, 'SIGKILL')
    `
    const killed = createLocalRunner().run({
      file: process.execPath,
      args: ['--input-type=module-typescript', '-e', program, path],
      timeoutMs: 20_000,
    })
    await expect(killed).rejects.toThrow('was killed by SIGKILL')
    expect(await readFile(path, 'utf8')).toMatch(/^\d+\n$/)
    await (await acquireFileLock(path)).release()
  })
})
