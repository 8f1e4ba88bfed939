/**
 * Removed files wait in the trash before they are destroyed, so that a removal in error can be
 * undone by hand for a moment: move the file back under the name it had. Space that is needed is
 * taken from the trash at once.
 */
import { rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import { syncDirectory } from '@keelson/shared/exec'
import { checkSpace } from '../checks.ts'
import type { PoolConfig, PoolState, ReclaimResult } from '../driver.ts'
import type { FileContext } from './context.ts'
import { attempt, ifExists } from './errno.ts'
import { readImage } from './image.ts'
import { findLoops } from './loop.ts'
import {
  parseSnapshotFileName,
  parseTrashFileName,
  parseVolumeFileName,
  type TrashName,
  trashFileName,
} from './names.ts'
import { listPart, type PoolDirectory } from './pool-directory.ts'
import { PROBE_PREFIX } from './pool-state.ts'

/** Moves a file of the pool into its trash; one that is gone already stays gone. */
export async function moveToTrash(
  context: FileContext,
  directory: PoolDirectory,
  kind: TrashName['kind'],
  fileName: string,
): Promise<void> {
  const part = kind === 'volume' ? directory.volumes : directory.snapshots
  const target = join(directory.trash, trashFileName(kind, fileName, context.clock.now()))
  await attempt(`move ${fileName} to the trash`, () =>
    ifExists(rename(join(part, fileName), target)),
  )
  await syncDirectory(directory.trash)
  await syncDirectory(part)
  context.step(`${kind} in trash`)
}

/** Space the trash holds. */
export async function readTrashBytes(pool: PoolConfig, directory: PoolDirectory): Promise<number> {
  let totalBytes = 0
  for (const name of await listPart(pool, directory, 'trash')) {
    if (parseTrashFileName(name) === undefined) continue
    totalBytes += (await readImage(join(directory.trash, name)))?.allocatedBytes ?? 0
  }
  return totalBytes
}

/** For `emptyTrash`: everything, even what a clock that was set back says is of the future. */
export const EVER = Number.POSITIVE_INFINITY

/**
 * Destroys what was removed until a moment, and unfinished files no call is working on. A file that
 * is attached as a device is left, whatever its name says.
 */
export async function emptyTrash(
  context: FileContext,
  pool: PoolConfig,
  directory: PoolDirectory,
  removedUntil: number,
  signal?: AbortSignal,
): Promise<ReclaimResult> {
  const due = [
    ...(await dueTrash(pool, directory, removedUntil)),
    ...(await unfinished(context, pool, directory)),
  ]
  if (due.length === 0) return { removedCount: 0, freedBytes: 0 }
  const loops = findLoops((file) => due.includes(file))
  const attached = new Set(loops.map((loop) => loop.backingFile))
  let removedCount = 0
  let freedBytes = 0
  for (const path of due) {
    signal?.throwIfAborted()
    const image = await readImage(path)
    if (image === undefined || attached.has(path) || context.busy.has(path)) continue
    await attempt(`remove ${path}`, () => ifExists(unlink(path)))
    removedCount++
    freedBytes += image.allocatedBytes
  }
  return { removedCount, freedBytes }
}

async function dueTrash(
  pool: PoolConfig,
  directory: PoolDirectory,
  removedUntil: number,
): Promise<string[]> {
  const names = await listPart(pool, directory, 'trash')
  const due = names.filter((name) => {
    const trashed = parseTrashFileName(name)
    return trashed !== undefined && trashed.removedAt <= removedUntil
  })
  return due.map((name) => join(directory.trash, name))
}

/** Files of ours in `incoming` that a crash left; a call under way is not disturbed. */
async function unfinished(
  context: FileContext,
  pool: PoolConfig,
  directory: PoolDirectory,
): Promise<string[]> {
  const names = await listPart(pool, directory, 'incoming')
  return names
    .filter((name) => isIncoming(name) && !name.startsWith(PROBE_PREFIX))
    .map((name) => join(directory.incoming, name))
    .filter((path) => !context.busy.has(path))
}

/** Whether a name in `incoming` is one of ours. */
export function isIncoming(name: string): boolean {
  if (name.startsWith(PROBE_PREFIX)) return true
  return (parseVolumeFileName(name) ?? parseSnapshotFileName(name)) !== undefined
}

/** Space that something needs, and how much there was when it began. */
export interface SpaceRequest {
  /** Who needs it, as the subject of a refusal. */
  readonly what: string
  readonly neededBytes: number
  readonly state: PoolState
}

/** Refuses with numbers what cannot be had, and empties the trash for what can only be had so. */
export async function makeRoom(
  context: FileContext,
  pool: PoolConfig,
  directory: PoolDirectory,
  { what, neededBytes, state }: SpaceRequest,
): Promise<void> {
  checkSpace(pool, what, neededBytes, state)
  if (neededBytes > state.freeBytes) await emptyTrash(context, pool, directory, EVER)
}

/** Makes room, acts, and once more with the trash emptied if the disk turned out to be full. */
export async function withSpace(
  context: FileContext,
  pool: PoolConfig,
  directory: PoolDirectory,
  request: SpaceRequest,
  action: () => Promise<void>,
): Promise<void> {
  await makeRoom(context, pool, directory, request)
  try {
    await action()
  } catch (error) {
    if (!(error instanceof KeelsonError) || error.code !== 'RESOURCE_EXHAUSTED') throw error
    const { removedCount } = await emptyTrash(context, pool, directory, EVER)
    if (removedCount === 0) throw error
    await action()
  }
}
