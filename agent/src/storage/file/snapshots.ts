/**
 * Snapshots. A reflink is a point in time because the kernel holds the file's lock over it. A copy
 * takes a while; it is a point in time only if nobody wrote meanwhile, which the write counters of
 * the loop device prove, because every write to the volume goes through that device.
 */
import { chmod } from 'node:fs/promises'
import { KeelsonError } from '@keelson/shared/errors'
import { checkSnapshot, checkUid } from '../checks.ts'
import type { CallOptions, PoolConfig, SnapshotConfig, SnapshotState } from '../driver.ts'
import type { FileContext } from './context.ts'
import { copySparsely, makeImage, readImage, reflink } from './image.ts'
import {
  countWrites,
  describeWrites,
  flushDevice,
  type LoopDevice,
  readWriteCounters,
} from './loop.ts'
import { snapshotFileName } from './names.ts'
import { openPoolDirectory, type PoolDirectory } from './pool-directory.ts'
import { readCapabilities } from './pool-state.ts'
import { readRoom } from './room.ts'
import { findSnapshot } from './snapshot-store.ts'
import { makeRoom, moveToTrash, withSpace } from './trash.ts'
import { findVolume, findVolumeLoops, type VolumeImage } from './volume-store.ts'

const COPY_TRIES = 3

/** See StorageDriver.createSnapshot. */
export async function createSnapshot(
  context: FileContext,
  pool: PoolConfig,
  snapshot: SnapshotConfig,
  options: CallOptions,
): Promise<SnapshotState> {
  options.signal?.throwIfAborted()
  checkSnapshot(snapshot)
  const directory = await openPoolDirectory(pool)
  const existing = await findSnapshot(pool, directory, snapshot.uid)
  if (existing !== undefined) return sameSnapshot(existing.state, snapshot)
  const volume = await findVolume(pool, directory, snapshot.volumeUid)
  if (volume === undefined) {
    const problem = `volume ${snapshot.volumeUid} is not in pool ${pool.name}`
    throw new KeelsonError('NOT_FOUND', problem)
  }
  await makeSnapshot(context, pool, directory, snapshot, volume, options)
  const made = await findSnapshot(pool, directory, snapshot.uid)
  if (made !== undefined) return made.state
  throw new KeelsonError('DATA_LOSS', `snapshot ${snapshot.name} was removed by somebody else`)
}

function sameSnapshot(state: SnapshotState, wanted: SnapshotConfig): SnapshotState {
  if (state.volumeUid === wanted.volumeUid && state.name === wanted.name) return state
  const problem = `snapshot ${wanted.uid} is ${state.name} of volume ${state.volumeUid}`
  throw new KeelsonError('ALREADY_EXISTS', problem)
}

async function makeSnapshot(
  context: FileContext,
  pool: PoolConfig,
  directory: PoolDirectory,
  snapshot: SnapshotConfig,
  volume: VolumeImage,
  options: CallOptions,
): Promise<void> {
  const { supportsReflink } = await readCapabilities(context, directory)
  const method = supportsReflink ? 'Reflink' : 'Copy'
  const { uid, name, volumeUid } = snapshot
  const fileName = snapshotFileName({ uid, name, volumeUid, method })
  const loops = findVolumeLoops(directory, volumeUid)
  const state = await readRoom(context, pool, directory)
  const what = `snapshot ${name}`
  const make = (fill: (path: string) => Promise<void>) =>
    makeImage(context, directory, 'snapshots', fileName, async (path) => {
      await fill(path)
      await chmod(path, 0o400)
      context.step('snapshot filled')
    })
  if (method === 'Reflink')
    return make(async (path) => {
      for (const loop of loops) await flushDevice(loop)
      await reflink(volume.path, path)
      // What is shared takes no space until it is rewritten, which a FILE pool must have room for.
      const shared = pool.kind === 'FILE' ? ((await readImage(path))?.allocatedBytes ?? 0) : 0
      await makeRoom(context, pool, directory, { what, neededBytes: shared, state })
    })
  // How much of a preallocated file was ever written shows only while it is copied.
  const neededBytes = pool.kind === 'FILE' ? 0 : volume.allocatedBytes
  await withSpace(context, pool, directory, { what, neededBytes, state }, () =>
    make((path) => copyUnwritten(context, volume, loops, path, options)),
  )
}

/** Copies a volume at a moment when nobody writes it, or says that there was no such moment. */
async function copyUnwritten(
  context: FileContext,
  volume: VolumeImage,
  loops: readonly LoopDevice[],
  path: string,
  options: CallOptions,
): Promise<void> {
  const seen: string[] = []
  for (const loop of loops) await countWrites(loop)
  for (let tries = 1; tries <= COPY_TRIES; tries++) {
    for (const loop of loops) await flushDevice(loop)
    const before = loops.map(readWriteCounters)
    await copySparsely(context, volume.path, path, options)
    context.step('snapshot copied')
    const after = loops.map(readWriteCounters)
    const written = loops.flatMap((loop, i) => describeWrites(loop, before[i], after[i]))
    if (written.length === 0) return
    seen.push(...written.map((text) => `try ${tries}: ${text}`))
  }
  throw new KeelsonError(
    'FAILED_PRECONDITION',
    `volume ${volume.name} was written during each of ${COPY_TRIES} tries to copy it`,
    {
      reason: 'in-use',
      details: [
        ...seen,
        'unmount it or stop its writers, or keep the pool on xfs or btrfs, which need no copy',
      ],
    },
  )
}

/** See StorageDriver.removeSnapshot. */
export async function removeSnapshot(
  context: FileContext,
  pool: PoolConfig,
  uid: string,
  options: CallOptions,
): Promise<void> {
  options.signal?.throwIfAborted()
  checkUid('snapshot', uid)
  const directory = await openPoolDirectory(pool)
  const snapshot = await findSnapshot(pool, directory, uid)
  if (snapshot !== undefined) await moveToTrash(context, directory, 'snapshot', snapshot.fileName)
}
