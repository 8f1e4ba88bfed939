/** What snapshots a pool has. */
import { join } from 'node:path'
import type { PoolConfig, SnapshotState } from '../driver.ts'
import { readImage } from './image.ts'
import { parseSnapshotFileName, type SnapshotName, snapshotFileName } from './names.ts'
import { listPart, type PoolDirectory } from './pool-directory.ts'

/** A snapshot and its file. */
export interface StoredSnapshot {
  readonly path: string
  readonly fileName: string
  readonly state: SnapshotState
}

/** Every snapshot of a pool, by file name. */
export async function listSnapshots(
  pool: PoolConfig,
  directory: PoolDirectory,
): Promise<StoredSnapshot[]> {
  const fileNames = await listPart(pool, directory, 'snapshots')
  const names = fileNames.map(parseSnapshotFileName).filter((name) => name !== undefined)
  const found = await Promise.all(names.map((name) => readSnapshot(directory, name)))
  return found.filter((snapshot) => snapshot !== undefined)
}

/** One snapshot, or undefined. */
export async function findSnapshot(
  pool: PoolConfig,
  directory: PoolDirectory,
  uid: string,
): Promise<StoredSnapshot | undefined> {
  const fileNames = await listPart(pool, directory, 'snapshots')
  const name = fileNames.map(parseSnapshotFileName).find((name) => name?.uid === uid)
  return name && readSnapshot(directory, name)
}

/** Nobody writes a snapshot's file once it is made, so its modification time is its birth. */
async function readSnapshot(
  directory: PoolDirectory,
  name: SnapshotName,
): Promise<StoredSnapshot | undefined> {
  const fileName = snapshotFileName(name)
  const path = join(directory.snapshots, fileName)
  const facts = await readImage(path)
  if (facts === undefined) return undefined
  const { sizeBytes, allocatedBytes, modifiedAt } = facts
  return {
    path,
    fileName,
    state: { ...name, sizeBytes, allocatedBytes, createdAt: modifiedAt },
  }
}
