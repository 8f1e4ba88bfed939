/**
 * One process per data directory, enforced by the kernel. Node has no flock(2), but a lock belongs
 * to the open file, not to the process that asked for it: util-linux `flock` is given our open file
 * as its descriptor 3, takes the lock and exits, and the lock stays with us. No helper process
 * lives on, and the kernel drops the lock with our last descriptor, also after `kill -9`.
 */
import { spawn } from 'node:child_process'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { KeelsonError } from '../errors/index.ts'
import { requireTool } from './tools.ts'

/** A lock that is held. */
export interface FileLock {
  readonly path: string
  /** Gives the lock up; idempotent. The file stays, because removing it would race with others. */
  release(): Promise<void>
}

/**
 * Takes the exclusive lock on `path`, which is created if missing (mode 0600) and then holds this
 * process's id. Waits up to `waitMs` (default 0) for another holder. Raises FAILED_PRECONDITION,
 * reason `in-use`, naming the path and the holder's process id, or the reason of `signal`.
 */
export async function acquireFileLock(
  path: string,
  options: { readonly waitMs?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<FileLock> {
  const tool = await requireTool('flock')
  const deadline = Date.now() + (options.waitMs ?? 0)
  for (;;) {
    options.signal?.throwIfAborted()
    const handle = await openLockFile(path)
    try {
      const waitMs = Math.max(0, deadline - Date.now())
      if (!(await flock(tool, handle, waitMs, options.signal))) throw await heldError(path, handle)
      if (await isStillAt(path, handle)) return await claimed(path, handle)
    } catch (error) {
      await handle.close()
      throw error
    }
    // Somebody replaced the file while we waited: the lock is on a file nobody else will look at.
    await handle.close()
  }
}

async function openLockFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'a+', 0o600)
  } catch (cause) {
    throw new KeelsonError('FAILED_PRECONDITION', `cannot open lock file ${path}`, { cause })
  }
}

/** True when the lock on the handle's open file was obtained within `waitMs`. */
function flock(
  tool: string,
  handle: FileHandle,
  waitMs: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const args = ['--exclusive', '--wait', String(waitMs / 1_000), '3']
    const stdio = ['ignore', 'ignore', 'ignore', handle.fd] as const
    const child = spawn(tool, args, { stdio: [...stdio] })
    const onAbort = () => child.kill('SIGKILL')
    signal?.addEventListener('abort', onAbort, { once: true })
    child.once('error', reject)
    child.once('close', (exitCode) => {
      signal?.removeEventListener('abort', onAbort)
      if (signal?.aborted) reject(signal.reason)
      else if (exitCode === 0 || exitCode === 1) resolve(exitCode === 0)
      else reject(new KeelsonError('INTERNAL', `flock exited with ${exitCode}`))
    })
  })
}

async function isStillAt(path: string, handle: FileHandle): Promise<boolean> {
  const [held, named] = await Promise.all([handle.stat(), stat(path).catch(() => undefined)])
  return named !== undefined && named.ino === held.ino && named.dev === held.dev
}

async function claimed(path: string, handle: FileHandle): Promise<FileLock> {
  await handle.truncate(0)
  await handle.writeFile(`${process.pid}\n`)
  let released: Promise<void> | undefined
  return {
    path,
    release() {
      released ??= handle.truncate(0).finally(() => handle.close())
      return released
    },
  }
}

/** The id in the file is a help for the operator, never trusted: the kernel's answer decides. */
async function heldError(path: string, handle: FileHandle): Promise<KeelsonError> {
  const content = Buffer.alloc(32)
  const { bytesRead } = await handle.read(content, 0, content.length, 0)
  const pid = /^\d+/.exec(content.toString('utf8', 0, bytesRead))?.[0]
  const holder = pid === undefined ? 'another process' : `process ${pid}`
  return new KeelsonError('FAILED_PRECONDITION', `${path} is locked by ${holder}`, {
    reason: 'in-use',
  })
}
