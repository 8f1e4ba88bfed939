/** Bringing a volume about, and taking it away. Each step is repeatable from where a crash left. */
import { unlink } from 'node:fs/promises'
import { KeelsonError } from '@keelson/shared/errors'
import { formatSize } from '@keelson/shared/model'
import { checkSource, checkUid, checkVolume, lostVolume } from '../checks.ts'
import type { CallOptions, PoolConfig, VolumeConfig, VolumeState } from '../driver.ts'
import type { FileContext } from './context.ts'
import {
  checkDeviceLink,
  devicePathOf,
  ensureDeviceLink,
  readDeviceLink,
  removeDeviceLink,
} from './device-link.ts'
import { ifExists } from './errno.ts'
import { describeHolders } from './holders.ts'
import { copySparsely, createEmpty, growImage, incomingPath, makeImage, reflink } from './image.ts'
import {
  attachLoop,
  claimDevice,
  detachLoop,
  growLoop,
  type LoopDevice,
  readLoopAt,
} from './loop.ts'
import { volumeFileName } from './names.ts'
import { openPoolDirectory, type PoolDirectory } from './pool-directory.ts'
import { readCapabilities } from './pool-state.ts'
import { readRoom } from './room.ts'
import { findSnapshot } from './snapshot-store.ts'
import { moveToTrash, withSpace } from './trash.ts'
import {
  canServe,
  describeVolume,
  findVolume,
  findVolumeLoops,
  forgetVolume,
  lacksSpace,
  listRecords,
  readVolumeImage,
  recordVolume,
  type VolumeImage,
  volumeOfFile,
} from './volume-store.ts'

/** See StorageDriver.ensureVolume. */
export async function ensureVolume(
  context: FileContext,
  pool: PoolConfig,
  volume: VolumeConfig,
  options: CallOptions,
): Promise<VolumeState> {
  options.signal?.throwIfAborted()
  const wanted = checkVolume(volume)
  const directory = await openPoolDirectory(pool)
  await checkDeviceLink(context.deviceDirectory, wanted)
  let image = await findVolume(pool, directory, wanted.uid)
  if (image === undefined) image = await createVolume(context, pool, directory, wanted, options)
  else if (image.name !== wanted.name)
    throw new KeelsonError('ALREADY_EXISTS', `volume ${wanted.uid} is called ${image.name}`)
  else if (image.sizeBytes < wanted.sizeBytes || lacksSpace(pool, image))
    image = await growVolume(context, pool, directory, image, wanted.sizeBytes, options)
  await recordVolume(directory, wanted.uid)
  context.step('volume recorded')
  const loop = await attachVolume(context, directory, image, options)
  await ensureDeviceLink(context.deviceDirectory, image, loop.path)
  context.step('volume linked')
  return describeVolume(context, pool, image, [loop])
}

async function createVolume(
  context: FileContext,
  pool: PoolConfig,
  directory: PoolDirectory,
  volume: VolumeConfig,
  options: CallOptions,
): Promise<VolumeImage> {
  if (volume.provisioned || (await listRecords(pool, directory)).includes(volume.uid))
    throw lostVolume(pool, volume.uid, rescueHints(directory, volume.uid))
  const source = await findSource(pool, directory, volume)
  const { supportsReflink } = await readCapabilities(context, directory)
  // A preallocated volume owns every block, so it never shares those of its source.
  const shares = supportsReflink && pool.kind === 'FILE_THIN'
  const copiedBytes = shares ? 0 : (source?.allocatedBytes ?? 0)
  const request = {
    what: `volume ${volume.name}`,
    neededBytes: pool.kind === 'FILE' ? volume.sizeBytes : copiedBytes,
    state: await readRoom(context, pool, directory),
  }
  await withSpace(context, pool, directory, request, () =>
    makeImage(context, directory, 'volumes', volumeFileName(volume), async (path) => {
      if (source === undefined) await createEmpty(path)
      else if (shares) await reflink(source.path, path)
      else await copySparsely(context, source.path, path, options)
      context.step('volume filled')
      await growImage(context, pool, path, volume.sizeBytes, options)
    }),
  )
  return imageInPlace(directory, volume)
}

async function findSource(pool: PoolConfig, directory: PoolDirectory, volume: VolumeConfig) {
  const uid = volume.sourceSnapshotUid
  if (uid === undefined) return undefined
  const source = await findSnapshot(pool, directory, uid)
  if (source === undefined) {
    const problem = `volume ${volume.name} starts from snapshot ${uid}, which is not in pool ${pool.name}`
    throw new KeelsonError('NOT_FOUND', problem)
  }
  checkSource(volume, source.state)
  return { path: source.path, allocatedBytes: source.state.allocatedBytes }
}

/** A removed file lives as long as a device is attached to it: the operator can still save it. */
function rescueHints(directory: PoolDirectory, uid: string): string[] {
  const loops = findVolumeLoops(directory, uid)
  return loops.map((loop) => `${loop.path} still has the data: copy it before anything detaches it`)
}

async function growVolume(
  context: FileContext,
  pool: PoolConfig,
  directory: PoolDirectory,
  image: VolumeImage,
  wantedBytes: number,
  options: CallOptions,
): Promise<VolumeImage> {
  const sizeBytes = Math.max(image.sizeBytes, wantedBytes)
  const request = {
    what: `growing volume ${image.name} to ${formatSize(sizeBytes)}`,
    // What the volume lacks of its present size is reserved for it already.
    neededBytes: pool.kind === 'FILE' ? sizeBytes - image.sizeBytes : 0,
    state: await readRoom(context, pool, directory),
  }
  await withSpace(context, pool, directory, request, () =>
    growImage(context, pool, image.path, sizeBytes, options),
  )
  context.step('volume grown')
  return imageInPlace(directory, image)
}

async function imageInPlace(
  directory: PoolDirectory,
  volume: { readonly name: string; readonly uid: string },
): Promise<VolumeImage> {
  const image = await readVolumeImage(directory, { name: volume.name, uid: volume.uid })
  if (image !== undefined) return image
  throw new KeelsonError('DATA_LOSS', `volume ${volume.name} was removed by somebody else`)
}

async function attachVolume(
  context: FileContext,
  directory: PoolDirectory,
  image: VolumeImage,
  options: CallOptions,
): Promise<LoopDevice> {
  let loop = await findServingLoop(context, directory, image)
  if (loop === undefined) {
    loop = await attachLoop(context.runner, image.path, options.signal)
    context.step('volume attached')
  }
  if (loop.sizeBytes !== image.sizeBytes) {
    loop = await growLoop(context.runner, loop, options.signal)
    context.step('device grown')
  }
  return loop
}

/** Follows the volume's link, which is right nearly always; else looks through all devices. */
async function findServingLoop(
  context: FileContext,
  directory: PoolDirectory,
  image: VolumeImage,
): Promise<LoopDevice | undefined> {
  const target = await readDeviceLink(devicePathOf(context.deviceDirectory, image.name))
  const linked = target === undefined ? undefined : readLoopAt(target)
  if (linked && linked.backingFile === image.path && canServe(linked)) return linked
  return findVolumeLoops(directory, image.uid).find(canServe)
}

/** See StorageDriver.removeVolume. */
export async function removeVolume(
  context: FileContext,
  pool: PoolConfig,
  uid: string,
  options: CallOptions,
): Promise<void> {
  options.signal?.throwIfAborted()
  checkUid('volume', uid)
  const directory = await openPoolDirectory(pool)
  const image = await findVolume(pool, directory, uid)
  for (const loop of findVolumeLoops(directory, uid))
    await detachVolume(context, directory, loop, options)
  if (image !== undefined) {
    await removeDeviceLink(context.deviceDirectory, image)
    context.step('volume unlinked')
    const fileName = volumeFileName(image)
    await ifExists(unlink(incomingPath(directory, fileName)))
    await moveToTrash(context, directory, 'volume', fileName)
  }
  await forgetVolume(directory, uid)
  context.step('volume forgotten')
}

/** Detaches one device of a volume, or explains who needs it. */
async function detachVolume(
  context: FileContext,
  directory: PoolDirectory,
  loop: LoopDevice,
  options: CallOptions,
): Promise<void> {
  const volume = volumeOfFile(directory, loop.backingFile)
  const inUse = async () =>
    new KeelsonError('FAILED_PRECONDITION', `volume ${volume?.name} is in use`, {
      reason: 'in-use',
      details: await describeHolders(loop.path),
    })
  const claim = await claimDevice(loop)
  if (claim === 'gone') return
  if (claim === 'in-use') throw await inUse()
  // No new user comes by the stable path once the device is about to go.
  if (volume !== undefined) await removeDeviceLink(context.deviceDirectory, volume)
  context.step('device claimed')
  if (!(await detachLoop(context.runner, context.clock, loop, claim, options.signal)))
    throw await inUse()
  context.step('device detached')
}
