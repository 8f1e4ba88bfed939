/** Whole pools: making one usable, listing it, taking it away. */
import { readdir } from 'node:fs/promises'
import { relative } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import { checkPoolEmpty } from '../checks.ts'
import type {
  CallOptions,
  PoolConfig,
  PoolInventory,
  PoolState,
  RemovePoolOptions,
} from '../driver.ts'
import type { FileContext } from './context.ts'
import { attempt, ifExists } from './errno.ts'
import { findLoops, type LoopDevice } from './loop.ts'
import { parseSnapshotFileName, parseTrashFileName, parseVolumeFileName } from './names.ts'
import {
  listPart,
  MARKER_NAME,
  openPoolDirectory,
  type PoolDirectory,
  preparePoolDirectory,
  removePoolDirectory,
  SUBDIRECTORIES,
} from './pool-directory.ts'
import { readPoolState } from './pool-state.ts'
import { readRoom } from './room.ts'
import { listSnapshots } from './snapshot-store.ts'
import { EVER, emptyTrash, isIncoming, readTrashBytes } from './trash.ts'
import { describeVolume, listRecords, listVolumes, volumeOfFile } from './volume-store.ts'

/** See StorageDriver.preparePool. */
export async function preparePool(
  context: FileContext,
  pool: PoolConfig,
  options: CallOptions,
): Promise<PoolState> {
  options.signal?.throwIfAborted()
  const directory = await preparePoolDirectory(context, pool)
  // The path may lead to another file system than when a call last looked.
  context.capabilities.delete(directory.root)
  return readRoom(context, pool, directory)
}

/** See StorageDriver.removePool. */
export async function removePool(
  context: FileContext,
  pool: PoolConfig,
  options: RemovePoolOptions,
): Promise<void> {
  options.signal?.throwIfAborted()
  await removePoolDirectory(
    context,
    pool,
    async (directory) => {
      await checkNothingLeft(pool, directory)
      await emptyTrash(context, pool, directory, EVER, options.signal)
      context.capabilities.delete(directory.root)
    },
    options.lost ?? false,
  )
}

async function checkNothingLeft(pool: PoolConfig, directory: PoolDirectory): Promise<void> {
  const existing = async (part: (typeof SUBDIRECTORIES)[number]) =>
    (await ifExists(readdir(directory[part]))) ?? []
  const volumes = (await existing('volumes')).map((name) => parseVolumeFileName(name)?.uid)
  const snapshots = (await existing('snapshots')).filter(parseSnapshotFileName)
  const uids = new Set([...volumes, ...(await existing('records'))].filter((uid) => uid))
  checkPoolEmpty(pool, uids.size, snapshots.length)
  const loops = findLoops((file) => file.startsWith(`${directory.root}/`))
  if (loops.length === 0) return
  throw new KeelsonError('FAILED_PRECONDITION', `files of pool ${pool.name} are attached`, {
    reason: 'in-use',
    details: loops.map((loop) => `${loop.path} over ${loop.backingFile}`),
  })
}

/** See StorageDriver.listPool. */
export async function listPool(
  context: FileContext,
  pool: PoolConfig,
  options: CallOptions,
): Promise<PoolInventory> {
  options.signal?.throwIfAborted()
  const directory = await openPoolDirectory(pool)
  const loops = findLoops((file) => file.startsWith(`${directory.root}/`))
  const images = await listVolumes(pool, directory)
  const volumes = await Promise.all(
    images.map((image) =>
      describeVolume(context, pool, image, loopsOf(directory, loops, image.uid)),
    ),
  )
  const snapshots = (await listSnapshots(pool, directory)).map((snapshot) => snapshot.state)
  const trashBytes = await readTrashBytes(pool, directory)
  const present = new Set(images.map((image) => image.uid))
  return {
    state: await readPoolState(context, pool, directory, {
      volumes: images,
      snapshots,
      trashBytes,
    }),
    volumes,
    snapshots,
    missingVolumes: (await listRecords(pool, directory)).filter((uid) => !present.has(uid)),
    orphans: [
      ...(await findForeignFiles(pool, directory)),
      ...loops.filter((loop) => isStray(directory, loop)).map(describeStray),
    ],
  }
}

function loopsOf(
  directory: PoolDirectory,
  loops: readonly LoopDevice[],
  uid: string,
): LoopDevice[] {
  return loops.filter((loop) => volumeOfFile(directory, loop.backingFile)?.uid === uid)
}

/** A device over something of the pool that is not a volume (any more). */
function isStray(directory: PoolDirectory, loop: LoopDevice): boolean {
  return loop.backingDeleted || volumeOfFile(directory, loop.backingFile) === undefined
}

function describeStray(loop: LoopDevice): string {
  return `${loop.path} over ${loop.backingFile}${loop.backingDeleted ? ' (deleted)' : ''}`
}

const IS_OURS: Readonly<Record<(typeof SUBDIRECTORIES)[number], (name: string) => boolean>> = {
  volumes: (name) => parseVolumeFileName(name) !== undefined,
  snapshots: (name) => parseSnapshotFileName(name) !== undefined,
  records: () => true,
  incoming: isIncoming,
  trash: (name) => parseTrashFileName(name) !== undefined,
}

async function findForeignFiles(pool: PoolConfig, directory: PoolDirectory): Promise<string[]> {
  // Every ext file system has a lost+found in its root.
  const own = new Set<string>([MARKER_NAME, `.${MARKER_NAME}.tmp`, 'lost+found', ...SUBDIRECTORIES])
  const top = await attempt(`list ${directory.root}`, () => readdir(directory.root))
  const foreign = top.filter((name) => !own.has(name))
  for (const part of SUBDIRECTORIES) {
    const prefix = relative(directory.root, directory[part])
    const names = await listPart(pool, directory, part)
    foreign.push(...names.filter((name) => !IS_OURS[part](name)).map((name) => `${prefix}/${name}`))
  }
  return foreign.sort()
}
