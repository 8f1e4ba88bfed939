/** What every driver refuses in the same words. Pure. */
import { KeelsonError } from '@keelson/shared/errors'
import { checkName, formatSize } from '@keelson/shared/model'
import {
  type PoolConfig,
  roundVolumeSize,
  type SnapshotConfig,
  type VolumeConfig,
} from './driver.ts'

/** Raises INVALID_ARGUMENT unless a uid is a DNS label; uids become file names. */
export function checkUid(kind: string, uid: string): void {
  checkName(`${kind} uid`, uid)
}

/** The volume with its size rounded up; raises INVALID_ARGUMENT. */
export function checkVolume(volume: VolumeConfig): VolumeConfig {
  checkUid('volume', volume.uid)
  checkName('volume', volume.name)
  const { sizeBytes } = volume
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0) {
    const problem = `volume ${volume.name} cannot have ${sizeBytes} bytes`
    throw new KeelsonError('INVALID_ARGUMENT', problem)
  }
  return { ...volume, sizeBytes: roundVolumeSize(sizeBytes) }
}

/** Raises INVALID_ARGUMENT for names that cannot be file names. */
export function checkSnapshot(snapshot: SnapshotConfig): void {
  checkUid('snapshot', snapshot.uid)
  checkName('snapshot', snapshot.name)
  checkUid('volume', snapshot.volumeUid)
}

/** Raises INVALID_ARGUMENT when a snapshot does not fit into the volume it shall become. */
export function checkSource(
  volume: VolumeConfig,
  source: { readonly name: string; readonly sizeBytes: number },
): void {
  if (source.sizeBytes <= volume.sizeBytes) return
  throw new KeelsonError(
    'INVALID_ARGUMENT',
    `volume ${volume.name} of ${formatSize(volume.sizeBytes)} is smaller than its source, ` +
      `snapshot ${source.name} of ${formatSize(source.sizeBytes)}`,
  )
}

/** Raises FAILED_PRECONDITION, reason `in-use`, for a pool that still holds something. */
export function checkPoolEmpty(pool: PoolConfig, volumeCount: number, snapshotCount: number): void {
  if (volumeCount === 0 && snapshotCount === 0) return
  throw new KeelsonError(
    'FAILED_PRECONDITION',
    `pool ${pool.name} still holds ${volumeCount} volume(s) and ${snapshotCount} snapshot(s)`,
    { reason: 'in-use' },
  )
}

/** Raises RESOURCE_EXHAUSTED when `neededBytes` cannot be had even with the trash emptied. */
export function checkSpace(
  pool: PoolConfig,
  what: string,
  neededBytes: number,
  space: { readonly freeBytes: number; readonly trashBytes: number },
): void {
  if (neededBytes <= space.freeBytes + space.trashBytes) return
  const trash = space.trashBytes > 0 ? ` and ${formatSize(space.trashBytes)} in its trash` : ''
  throw new KeelsonError(
    'RESOURCE_EXHAUSTED',
    `${what} needs ${formatSize(neededBytes)}, ` +
      `pool ${pool.name} has ${formatSize(space.freeBytes)} free${trash}`,
  )
}

/** The error of a volume whose data disappeared although nobody removed it. */
export function lostVolume(
  pool: PoolConfig,
  uid: string,
  details: readonly string[],
): KeelsonError {
  return new KeelsonError(
    'DATA_LOSS',
    `the data of volume ${uid} is gone from pool ${pool.name}; it is not created anew`,
    { details },
  )
}

/** The error of a pool that was prepared once and is not in its place any more. */
export function vanishedPool(pool: PoolConfig): KeelsonError {
  return new KeelsonError('FAILED_PRECONDITION', `pool directory ${pool.path} has vanished`, {
    details: [
      `pool ${pool.name} was prepared there, and its marker is gone`,
      'mount or move it back; nothing is created in its place',
    ],
  })
}
