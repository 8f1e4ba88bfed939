/**
 * Image files: the bytes behind a volume or a snapshot. A new one grows up in `incoming` under its
 * final name and is renamed into place when it is complete and on the disk, so whatever is seen in
 * `volumes` and `snapshots` is whole.
 */
import { chmod, constants, copyFile, open, rename, stat, truncate, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import { syncDirectory } from '@keelson/shared/exec'
import type { CallOptions, PoolConfig } from '../driver.ts'
import type { FileContext } from './context.ts'
import { attempt, ifExists } from './errno.ts'
import type { PoolDirectory } from './pool-directory.ts'

const DAY_MS = 86_400_000

/** Size and space of a file. */
export interface ImageFacts {
  readonly sizeBytes: number
  readonly allocatedBytes: number
  readonly modifiedAt: number
}

/** Reads a file's facts; undefined when it does not exist. */
export async function readImage(path: string): Promise<ImageFacts | undefined> {
  const facts = await attempt(`read ${path}`, () => ifExists(stat(path)))
  if (facts === undefined) return undefined
  const modifiedAt = Math.round(facts.mtimeMs)
  return { sizeBytes: facts.size, allocatedBytes: facts.blocks * 512, modifiedAt }
}

/**
 * Makes an image `sizeBytes` large and, in a FILE pool, takes all its space; the added part reads
 * as zeros. Space comes first and the size last, so a crash or a full disk leaves the old size.
 */
export async function growImage(
  context: FileContext,
  pool: PoolConfig,
  path: string,
  sizeBytes: number,
  options: CallOptions,
): Promise<void> {
  if (pool.kind === 'FILE') await allocate(context, path, sizeBytes, options)
  options.signal?.throwIfAborted()
  await attempt(`grow ${path} to ${sizeBytes} bytes`, () => truncate(path, sizeBytes))
  await syncFile(path)
}

async function allocate(
  context: FileContext,
  path: string,
  sizeBytes: number,
  options: CallOptions,
): Promise<void> {
  try {
    await context.runner.run({
      file: 'fallocate',
      args: ['--keep-size', '--length', String(sizeBytes), '--', path],
      timeoutMs: DAY_MS,
      stallMs: 120_000,
      failureCode: 'FAILED_PRECONDITION',
      signal: options.signal,
    })
  } catch (error) {
    // What was taken beyond the end of the file goes back.
    await giveBackSurplus(path)
    throw explainAllocation(error, path)
  }
}

async function giveBackSurplus(path: string): Promise<void> {
  try {
    await truncate(path, (await stat(path)).size)
  } catch {
    // The failure that brought us here tells more.
  }
}

function explainAllocation(error: unknown, path: string): unknown {
  const text = error instanceof KeelsonError ? error.details.join('\n') : ''
  if (text.includes('No space left') || text.includes('quota exceeded'))
    return new KeelsonError('RESOURCE_EXHAUSTED', `no space for ${path}`, { cause: error })
  if (text.includes('not supported')) {
    const problem = `the file system of ${path} cannot preallocate; use a FILE_THIN pool`
    return new KeelsonError('FAILED_PRECONDITION', problem, { cause: error })
  }
  return error
}

/** An empty private file in place of whatever was unfinished there. */
export async function createEmpty(path: string): Promise<void> {
  await attempt(`create ${path}`, async () => {
    await ifExists(unlink(path))
    await (await open(path, 'wx', 0o600)).close()
  })
}

/** A file that shares its blocks with `source`, as it is at one moment: the kernel locks it. */
export async function reflink(source: string, path: string): Promise<void> {
  await attempt(`reflink ${source} to ${path}`, async () => {
    await ifExists(unlink(path))
    await copyFile(source, path, constants.COPYFILE_FICLONE_FORCE)
    // A clone has its source's mode, and a snapshot's says read-only.
    await chmod(path, 0o600)
  })
}

/** A file of its own with the data of `source`; runs of zeros take no space. */
export async function copySparsely(
  context: FileContext,
  source: string,
  path: string,
  options: CallOptions,
): Promise<void> {
  await createEmpty(path)
  const total = await readImage(source)
  const stopReporting = reportProgress(context, path, total?.allocatedBytes ?? 0, options)
  try {
    await context.runner.run({
      file: 'cp',
      args: ['--sparse=always', '--reflink=never', '--', source, path],
      timeoutMs: 7 * DAY_MS,
      stallMs: 120_000,
      failureCode: 'INTERNAL',
      signal: options.signal,
    })
  } catch (error) {
    throw explainAllocation(error, path)
  } finally {
    stopReporting()
  }
}

function reportProgress(
  context: FileContext,
  path: string,
  totalBytes: number,
  options: CallOptions,
): () => void {
  const { onProgress } = options
  if (onProgress === undefined) return () => undefined
  let stopped = false
  const report = async () => {
    // Progress is a courtesy: what is wrong with the file shows in the copy itself.
    const image = await readImage(path).catch(() => undefined)
    if (stopped) return
    onProgress({ copiedBytes: Math.min(image?.allocatedBytes ?? 0, totalBytes), totalBytes })
    timer = context.clock.after(1_000, () => void report())
  }
  let timer = context.clock.after(0, () => void report())
  return () => {
    stopped = true
    timer.cancel()
  }
}

/** Path of a file while it is being made. */
export function incomingPath(directory: PoolDirectory, fileName: string): string {
  return join(directory.incoming, fileName)
}

/**
 * Lets `make` build the file in `incoming` and moves it into `part`. While it works, `reclaim`
 * leaves the unfinished file alone.
 */
export async function makeImage(
  context: FileContext,
  directory: PoolDirectory,
  part: 'volumes' | 'snapshots',
  fileName: string,
  make: (path: string) => Promise<void>,
): Promise<void> {
  const path = incomingPath(directory, fileName)
  context.busy.add(path)
  try {
    await make(path)
    await syncFile(path)
    context.step('image complete')
    await attempt(`move ${path} to ${part}`, () => rename(path, join(directory[part], fileName)))
    await syncDirectory(directory[part])
    await syncDirectory(directory.incoming)
    context.step('image in place')
  } catch (error) {
    await unlink(path).catch(() => undefined)
    throw error
  } finally {
    context.busy.delete(path)
  }
}

async function syncFile(path: string): Promise<void> {
  await attempt(`write ${path} to the disk`, async () => {
    await using file = await open(path, 'r')
    await file.sync()
  })
}
