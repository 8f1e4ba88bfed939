/**
 * The stable path of a volume: a symlink with the volume's name to whatever loop device has it at
 * the moment. The directory belongs on a tmpfs such as /run, so that no link outlives the boot its
 * loop device belongs to.
 */
import { mkdir, readlink, rename, symlink, unlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import { errnoOf, ifExists } from './errno.ts'
import { readLoopAt } from './loop.ts'
import { parseVolumeFileName, type VolumeName } from './names.ts'

/** Path of a volume's link. */
export function devicePathOf(deviceDirectory: string, name: string): string {
  return join(deviceDirectory, name)
}

/** What the link leads to, or undefined when there is none. */
export async function readDeviceLink(path: string): Promise<string | undefined> {
  try {
    return await readlink(path)
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'ENOENT') return undefined
    if (errno !== 'EINVAL') throw error
    throw new KeelsonError('FAILED_PRECONDITION', `${path} is in the way: it is not a symlink`)
  }
}

/**
 * Makes sure that the volume may have its path, and returns what is there. Raises ALREADY_EXISTS
 * for the link of another living volume, FAILED_PRECONDITION for anything that is not a link.
 */
export async function checkDeviceLink(
  deviceDirectory: string,
  volume: VolumeName,
): Promise<string | undefined> {
  const path = devicePathOf(deviceDirectory, volume.name)
  const target = await readDeviceLink(path)
  const owner = await ownerOf(target, volume.name)
  if (owner === undefined || owner === volume.uid) return target
  throw new KeelsonError('ALREADY_EXISTS', `${path} belongs to volume ${owner}`)
}

/** Points the volume's link at `kernelDevice`. */
export async function ensureDeviceLink(
  deviceDirectory: string,
  volume: VolumeName,
  kernelDevice: string,
): Promise<void> {
  const target = await checkDeviceLink(deviceDirectory, volume)
  if (target === kernelDevice) return
  await mkdir(deviceDirectory, { recursive: true, mode: 0o755 })
  const temporary = join(deviceDirectory, `.${volume.name}.tmp`)
  await ifExists(unlink(temporary))
  await symlink(kernelDevice, temporary)
  await rename(temporary, devicePathOf(deviceDirectory, volume.name))
}

/** Removes the volume's link, unless another living volume has the name. */
export async function removeDeviceLink(deviceDirectory: string, volume: VolumeName): Promise<void> {
  const path = devicePathOf(deviceDirectory, volume.name)
  const target = await readDeviceLink(path)
  if (target === undefined) return
  const owner = await ownerOf(target, volume.name)
  if (owner === undefined || owner === volume.uid) await ifExists(unlink(path))
}

/** Uid of the volume called `name` that is attached at a link's target, if one is. */
async function ownerOf(target: string | undefined, name: string): Promise<string | undefined> {
  const loop = target === undefined ? undefined : readLoopAt(target)
  const volume = loop && parseVolumeFileName(basename(loop.backingFile))
  return volume?.name === name ? volume.uid : undefined
}
