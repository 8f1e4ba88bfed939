/** How much room a pool has and what its file system can do. */
import { constants, copyFile, open, statfs, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { PoolConfig, PoolState, SnapshotState } from '../driver.ts'
import type { FileContext, PoolCapabilities } from './context.ts'
import { attempt, errnoOf, ifExists } from './errno.ts'
import type { ImageFacts } from './image.ts'
import type { PoolDirectory } from './pool-directory.ts'

/** Prefix of short-lived files in `incoming`. */
export const PROBE_PREFIX = '.probe-'

/** Numbers of linux/magic.h. */
const FILESYSTEMS: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
  [0x794c7630, 'overlayfs'],
  [0x2fc12fc1, 'zfs'],
  [0xf2f52010, 'f2fs'],
  [0x6969, 'nfs'],
])

/** What is in a pool, as far as its room depends on it. */
export interface PoolContents {
  readonly volumes: readonly ImageFacts[]
  readonly snapshots: readonly SnapshotState[]
  readonly trashBytes: number
}

/** Reads the pool's room, given what the caller found in it. */
export async function readPoolState(
  context: FileContext,
  pool: PoolConfig,
  directory: PoolDirectory,
  contents: PoolContents,
): Promise<PoolState> {
  const room = await attempt(`read the free space of ${directory.root}`, () =>
    statfs(directory.root),
  )
  const capabilities = await readCapabilities(context, directory)
  const filesystem = FILESYSTEMS.get(room.type >>> 0) ?? `0x${(room.type >>> 0).toString(16)}`
  return {
    totalBytes: room.blocks * room.bsize,
    freeBytes: Math.max(0, room.bavail * room.bsize - reservedBytes(pool, contents)),
    trashBytes: contents.trashBytes,
    filesystem,
    supportsReflink: capabilities.supportsReflink,
    warnings: warningsFor(pool, filesystem, capabilities),
  }
}

/**
 * A FILE volume promises that no write fails for lack of space, so what it may come to take is not
 * free: space that discards (mkfs sends one first of all) have given back until `ensureVolume`
 * takes it again, and a new block for each one shared with a snapshot, should it be rewritten.
 */
function reservedBytes(pool: PoolConfig, contents: PoolContents): number {
  if (pool.kind !== 'FILE') return 0
  let total = 0
  for (const volume of contents.volumes)
    total += Math.max(0, volume.sizeBytes - volume.allocatedBytes)
  for (const snapshot of contents.snapshots)
    if (snapshot.method === 'Reflink') total += snapshot.allocatedBytes
  return total
}

function warningsFor(
  pool: PoolConfig,
  filesystem: string,
  capabilities: PoolCapabilities,
): string[] {
  const warnings: string[] = []
  if (filesystem === 'tmpfs' || filesystem === 'ramfs')
    warnings.push(`${pool.path} is on ${filesystem}: a reboot destroys every volume`)
  if (filesystem === 'btrfs' && pool.kind === 'FILE')
    warnings.push('btrfs rewrites blocks elsewhere: a write can fail for lack of space')
  if (!capabilities.supportsDirectIo)
    warnings.push(`${filesystem} has no direct I/O: data is cached twice`)
  return warnings
}

/** What the file system can do; tried once per pool, because a mount does not change its nature. */
export async function readCapabilities(
  context: FileContext,
  directory: PoolDirectory,
): Promise<PoolCapabilities> {
  const known = context.capabilities.get(directory.root)
  const found = known ?? probe(directory.incoming)
  context.capabilities.set(directory.root, found)
  try {
    return await found
  } catch (error) {
    context.capabilities.delete(directory.root)
    // A full or read-only pool must still be listed; its nature is found out when it is better.
    if (UNWRITABLE.includes(errnoOf(error) ?? ''))
      return { supportsReflink: false, supportsDirectIo: true }
    throw error
  }
}

const UNWRITABLE = ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']

async function probe(directory: string): Promise<PoolCapabilities> {
  const source = join(directory, `${PROBE_PREFIX}source`)
  const clone = join(directory, `${PROBE_PREFIX}clone`)
  try {
    await (await open(source, 'w', 0o600)).close()
    return {
      supportsReflink: await succeeds(copyFile(source, clone, constants.COPYFILE_FICLONE_FORCE)),
      supportsDirectIo: await succeeds(
        open(source, constants.O_RDWR | constants.O_DIRECT).then((direct) => direct.close()),
      ),
    }
  } finally {
    await ifExists(unlink(source))
    await ifExists(unlink(clone))
  }
}

const UNSUPPORTED = ['ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'ENOSYS', 'EXDEV', 'ENOTTY']

async function succeeds(trial: Promise<unknown>): Promise<boolean> {
  try {
    await trial
    return true
  } catch (error) {
    if (UNSUPPORTED.includes(errnoOf(error) ?? '')) return false
    throw error
  }
}
