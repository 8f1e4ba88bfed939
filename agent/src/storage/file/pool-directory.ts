/**
 * The directory of a pool, and how it is known to be ours.
 *
 * The marker in the directory says whose it is; the record in the agent's own state says that the
 * pool was prepared here. A record without a marker means that the pool's file system is not
 * mounted or was lost: then nothing may be created in its place, because an empty directory would
 * pass for a pool whose volumes are all gone. The marker is written last and removed last, so it
 * vouches for everything else.
 */
import { mkdir, readdir, readFile, realpath, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { assert, KeelsonError } from '@keelson/shared/errors'
import { syncDirectory, writeFileDurably } from '@keelson/shared/exec'
import { isFile } from '@keelson/shared/model'
import { checkUid, vanishedPool } from '../checks.ts'
import type { PoolConfig } from '../driver.ts'
import type { FileContext } from './context.ts'
import { attempt, errnoOf, ifExists } from './errno.ts'

/** Name of the marker file. */
export const MARKER_NAME = 'keelson-pool.json'
const VERSION = 1

/** Subdirectories of a pool; `records` holds an empty file per volume that was created. */
export const SUBDIRECTORIES = ['volumes', 'snapshots', 'records', 'incoming', 'trash'] as const

/** Real paths of a pool's parts. */
export type PoolDirectory = Readonly<Record<'root' | (typeof SUBDIRECTORIES)[number], string>>

interface Marker {
  readonly version: number
  readonly uid: string
  readonly name: string
  readonly kind: string
  readonly clusterId: string
}

interface PoolRecord {
  readonly version: number
  readonly path: string
  readonly phase: 'prepared' | 'removing'
}

/** Opens a prepared pool; raises FAILED_PRECONDITION when it is not there, or not this pool. */
export async function openPoolDirectory(pool: PoolConfig): Promise<PoolDirectory> {
  const marker = await readMarker(pool)
  if (marker === undefined) throw vanishedPool(pool)
  checkMarker(pool, marker)
  return partsOf(await realpath(pool.path))
}

/** Creates what is missing of a pool that is new or ours, and leaves everything else. */
export async function preparePoolDirectory(
  context: FileContext,
  pool: PoolConfig,
): Promise<PoolDirectory> {
  checkPool(pool)
  await checkIsDirectory(pool)
  const record = await readRecord(context, pool)
  const marker = await readMarker(pool)
  if (marker !== undefined) checkMarker(pool, marker)
  if (record !== undefined && record.path !== pool.path) {
    const problem = `pool ${pool.name} was prepared at ${record.path}, not at ${pool.path}`
    throw new KeelsonError('FAILED_PRECONDITION', problem)
  }
  if (marker === undefined && record !== undefined) throw vanishedPool(pool)
  if (marker === undefined) await createPoolDirectory(context, pool)
  const directory = partsOf(await realpath(pool.path))
  if (record?.phase === 'removing') await createParts(directory)
  else for (const part of SUBDIRECTORIES) await listPart(pool, directory, part)
  if (record?.phase !== 'prepared') await writeRecord(context, pool, 'prepared')
  context.step('pool recorded')
  return directory
}

async function createPoolDirectory(context: FileContext, pool: PoolConfig): Promise<void> {
  await checkNotInsidePool(pool)
  await attempt(`create pool directory ${pool.path}`, () =>
    mkdir(pool.path, { recursive: true, mode: 0o700 }),
  )
  const directory = partsOf(await realpath(pool.path))
  await createParts(directory)
  await syncDirectory(dirname(directory.root))
  context.step('pool created')
  const { uid, name, kind, clusterId } = pool
  const marker: Marker = { version: VERSION, uid, name, kind, clusterId }
  await attempt(`mark pool directory ${pool.path}`, () =>
    writeFileDurably(join(directory.root, MARKER_NAME), `${JSON.stringify(marker)}\n`),
  )
  context.step('pool marked')
}

/**
 * Takes our parts out of the directory once the caller made sure that they hold nothing, and
 * forgets the pool. Returns without a trace when there is nothing of ours.
 */
export async function removePoolDirectory(
  context: FileContext,
  pool: PoolConfig,
  emptyOut: (directory: PoolDirectory) => Promise<void>,
  lost: boolean,
): Promise<void> {
  const record = await readRecord(context, pool)
  const marker = await readMarker(pool)
  if (marker === undefined) {
    if (record !== undefined && record.phase !== 'removing' && !lost) throw vanishedPool(pool)
    return forgetPool(context, pool)
  }
  checkMarker(pool, marker)
  const directory = partsOf(await realpath(pool.path))
  // Once removal has begun nothing is left to look at; what is not empty is not removed anyway.
  if (record?.phase !== 'removing') await emptyOut(directory)
  await writeRecord(context, pool, 'removing')
  context.step('pool removal recorded')
  for (const part of SUBDIRECTORIES) await removeEmpty(directory[part])
  context.step('pool emptied')
  await attempt(`unmark pool directory ${pool.path}`, () =>
    unlink(join(directory.root, MARKER_NAME)),
  )
  await syncDirectory(directory.root)
  context.step('pool unmarked')
  await forgetPool(context, pool)
}

/** Lists a subdirectory; a missing one means that somebody removed it by hand. */
export async function listPart(
  pool: PoolConfig,
  directory: PoolDirectory,
  part: (typeof SUBDIRECTORIES)[number],
): Promise<string[]> {
  const names = await attempt(`list ${directory[part]}`, () => ifExists(readdir(directory[part])))
  if (names !== undefined) return names.sort()
  throw new KeelsonError('DATA_LOSS', `pool ${pool.name} has lost its directory ${directory[part]}`)
}

function checkPool(pool: PoolConfig): void {
  assert(isFile(pool.kind), `the file driver keeps no ${pool.kind} pools`)
  checkUid('pool', pool.uid)
  if (pool.path !== '/' && resolve(pool.path) === pool.path) return
  const path = JSON.stringify(pool.path)
  const problem = `pool path ${path} is not an absolute path in its shortest form`
  throw new KeelsonError('INVALID_ARGUMENT', problem)
}

function checkMarker(pool: PoolConfig, marker: Marker): void {
  const refuse = (problem: string) => {
    throw new KeelsonError('FAILED_PRECONDITION', `pool directory ${pool.path} ${problem}`)
  }
  if (marker.version !== VERSION) refuse(`has layout version ${marker.version}, not ${VERSION}`)
  if (marker.uid !== pool.uid || marker.clusterId !== pool.clusterId)
    refuse(`belongs to pool ${marker.name} (${marker.uid}) of cluster ${marker.clusterId}`)
  if (marker.kind !== pool.kind) refuse(`is of kind ${marker.kind}, not ${pool.kind}`)
}

async function checkIsDirectory(pool: PoolConfig): Promise<void> {
  const facts = await attempt(`look at ${pool.path}`, () => ifExists(stat(pool.path)))
  if (facts === undefined || facts.isDirectory()) return
  throw new KeelsonError('FAILED_PRECONDITION', `pool path ${pool.path} is not a directory`)
}

/** A pool inside another would have its files swept up as the other's orphans. */
async function checkNotInsidePool(pool: PoolConfig): Promise<void> {
  for (let at = dirname(pool.path); ; at = dirname(at)) {
    if (await ifExists(stat(join(at, MARKER_NAME)))) {
      const problem = `pool directory ${pool.path} lies inside the pool at ${at}`
      throw new KeelsonError('FAILED_PRECONDITION', problem)
    }
    if (at === dirname(at)) return
  }
}

async function createParts(directory: PoolDirectory): Promise<void> {
  for (const part of SUBDIRECTORIES)
    await attempt(`create ${directory[part]}`, () =>
      mkdir(directory[part], { recursive: true, mode: 0o700 }),
    )
  await syncDirectory(directory.root)
}

function partsOf(root: string): PoolDirectory {
  return {
    root,
    volumes: join(root, 'volumes'),
    snapshots: join(root, 'snapshots'),
    records: join(root, 'records'),
    incoming: join(root, 'incoming'),
    trash: join(root, 'trash'),
  }
}

async function readMarker(pool: PoolConfig): Promise<Marker | undefined> {
  return readJson<Marker>(join(pool.path, MARKER_NAME))
}

async function readRecord(context: FileContext, pool: PoolConfig): Promise<PoolRecord | undefined> {
  return readJson<PoolRecord>(recordPath(context, pool))
}

async function writeRecord(
  context: FileContext,
  pool: PoolConfig,
  phase: PoolRecord['phase'],
): Promise<void> {
  await attempt(`create ${context.stateDirectory}`, () =>
    mkdir(context.stateDirectory, { recursive: true, mode: 0o700 }),
  )
  const record: PoolRecord = { version: VERSION, path: pool.path, phase }
  await attempt(`record pool ${pool.name}`, () =>
    writeFileDurably(recordPath(context, pool), `${JSON.stringify(record)}\n`),
  )
}

async function forgetPool(context: FileContext, pool: PoolConfig): Promise<void> {
  const gone = await ifExists(unlink(recordPath(context, pool)).then(() => true))
  if (gone) await syncDirectory(context.stateDirectory)
}

function recordPath(context: FileContext, pool: PoolConfig): string {
  return join(context.stateDirectory, `pool-${pool.uid}.json`)
}

async function readJson<T extends object>(path: string): Promise<T | undefined> {
  const text = await attempt(`read ${path}`, () => ifExists(readFile(path, 'utf8')))
  if (text === undefined) return undefined
  let cause: unknown
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as T
  } catch (error) {
    cause = error
  }
  throw new KeelsonError('DATA_LOSS', `${path} is damaged`, { cause })
}

/** Removes a directory that holds nothing; one with foreign files stays. */
async function removeEmpty(path: string): Promise<void> {
  try {
    await rmdir(path)
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) throw error
  }
}
