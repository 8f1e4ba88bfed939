/** What volumes a pool has, and what is to be seen of each without changing anything. */

import { open, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { syncDirectory } from '@keelson/shared/exec'
import { formatSize } from '@keelson/shared/model'
import type { PoolConfig, VolumeState } from '../driver.ts'
import type { FileContext } from './context.ts'
import { devicePathOf, readDeviceLink } from './device-link.ts'
import { attempt, ifExists } from './errno.ts'
import { type ImageFacts, readImage } from './image.ts'
import { findLoops, type LoopDevice } from './loop.ts'
import { parseVolumeFileName, type VolumeName, volumeFileName } from './names.ts'
import { listPart, type PoolDirectory } from './pool-directory.ts'

/** A volume's file. */
export interface VolumeImage extends VolumeName, ImageFacts {
  readonly path: string
}

/** The files of all volumes, by file name. */
export async function listVolumes(
  pool: PoolConfig,
  directory: PoolDirectory,
): Promise<VolumeImage[]> {
  const fileNames = await listPart(pool, directory, 'volumes')
  const names = fileNames.map(parseVolumeFileName).filter((name) => name !== undefined)
  const images = await Promise.all(names.map((name) => readVolumeImage(directory, name)))
  return images.filter((image) => image !== undefined)
}

/** The file of a volume, or undefined. */
export async function findVolume(
  pool: PoolConfig,
  directory: PoolDirectory,
  uid: string,
): Promise<VolumeImage | undefined> {
  for (const fileName of await listPart(pool, directory, 'volumes')) {
    const name = parseVolumeFileName(fileName)
    if (name?.uid === uid) return readVolumeImage(directory, name)
  }
  return undefined
}

/** Reads the file of a volume whose name is known. */
export async function readVolumeImage(
  directory: PoolDirectory,
  name: VolumeName,
): Promise<VolumeImage | undefined> {
  const path = join(directory.volumes, volumeFileName(name))
  const facts = await readImage(path)
  return facts && { ...name, ...facts, path }
}

/** Loop devices over a volume's file, also after somebody removed the file under them. */
export function findVolumeLoops(directory: PoolDirectory, uid: string): LoopDevice[] {
  return findLoops((file) => volumeOfFile(directory, file)?.uid === uid)
}

/** The volume whose data is at a path, by name only. */
export function volumeOfFile(directory: PoolDirectory, file: string): VolumeName | undefined {
  return dirname(file) === directory.volumes ? parseVolumeFileName(basename(file)) : undefined
}

/** Whether a device gives the whole volume, as ours do. */
export function canServe(loop: LoopDevice): boolean {
  return loop.regular && !loop.backingDeleted
}

/** What is to be seen of a volume, given all devices over its file. */
export async function describeVolume(
  context: FileContext,
  pool: PoolConfig,
  image: VolumeImage,
  loops: readonly LoopDevice[],
): Promise<VolumeState> {
  const devicePath = devicePathOf(context.deviceDirectory, image.name)
  const target = await readDeviceLink(devicePath)
  const linked = loops.find((loop) => loop.path === target && canServe(loop))
  const loop = linked ?? loops.find(canServe)
  const warnings: string[] = []
  for (const other of loops.filter((other) => other !== loop))
    warnings.push(`${other.path} is attached to the same file: writing through both corrupts it`)
  if (loop?.directIo === false) warnings.push('attached without direct I/O: data is cached twice')
  return {
    uid: image.uid,
    name: image.name,
    sizeBytes: image.sizeBytes,
    allocatedBytes: image.allocatedBytes,
    devicePath,
    kernelDevice: loop?.path,
    ready: linked?.sizeBytes === image.sizeBytes,
    ...(lacksSpace(pool, image) && { repair: describeLack(image) }),
    warnings,
  }
}

function describeLack(image: ImageFacts): string {
  const lackBytes = image.sizeBytes - image.allocatedBytes
  return `${formatSize(lackBytes)} of its space were given back by discards`
}

/** Whether a preallocated file has holes, as zeroing through the device can punch. */
export function lacksSpace(pool: PoolConfig, image: ImageFacts): boolean {
  return pool.kind === 'FILE' && image.allocatedBytes < image.sizeBytes
}

/**
 * Uids of the volumes that were created and not removed. A record without a file is data loss that
 * would otherwise look like a volume still to be created.
 */
export async function listRecords(pool: PoolConfig, directory: PoolDirectory): Promise<string[]> {
  return listPart(pool, directory, 'records')
}

/** Records that a volume exists; idempotent. */
export async function recordVolume(directory: PoolDirectory, uid: string): Promise<void> {
  const path = join(directory.records, uid)
  const isNew = await attempt(`record volume ${uid}`, async () => {
    if (await readImage(path)) return false
    await (await open(path, 'a', 0o600)).close()
    return true
  })
  if (isNew) await syncDirectory(directory.records)
}

/** Forgets a volume that was removed; idempotent. */
export async function forgetVolume(directory: PoolDirectory, uid: string): Promise<void> {
  await attempt(`forget volume ${uid}`, () => ifExists(unlink(join(directory.records, uid))))
  await syncDirectory(directory.records)
}
