/**
 * What a coordinator keeps on disk:
 *
 *   lock        held while a coordinator runs here
 *   cluster-id  which cluster lives here, so that a store that vanished is not taken for a new one
 *   store/      the embedded store; also holds the certificate authority
 */
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, rename } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import { acquireFileLock, type FileLock, writeFileDurably } from '@keelson/shared/exec'

/** An opened data directory; nobody else has it. */
export interface DataDirectory {
  readonly path: string
  readonly storePath: string
  /** The cluster that lives here; undefined before the first start. */
  readonly clusterId: string | undefined
  remember(clusterId: string): Promise<void>
  /** Moves the store aside (never deletes it) and returns where to; undefined if there is none. */
  setStoreAside(now: number): Promise<string | undefined>
  close(): Promise<void>
}

/** A killed coordinator's lock needs a moment to go. */
const LOCK_WAIT_MS = 3_000

/** Opens and locks a data directory; FAILED_PRECONDITION if another process has it. */
export async function openDataDirectory(directory: string): Promise<DataDirectory> {
  const path = resolve(directory)
  await mkdir(path, { recursive: true, mode: 0o700 })
  await chmod(path, 0o700)
  const lock: FileLock = await acquireFileLock(join(path, 'lock'), { waitMs: LOCK_WAIT_MS })
  const storePath = join(path, 'store')
  const idPath = join(path, 'cluster-id')
  return {
    path,
    storePath,
    clusterId: existsSync(idPath) ? (await readFile(idPath, 'utf8')).trim() : undefined,
    remember: (clusterId) => writeFileDurably(idPath, `${clusterId}\n`),
    async setStoreAside(now) {
      if (!existsSync(storePath)) return undefined
      const aside = `${storePath}.before-restore-${new Date(now).toISOString().replace(/[:.]/g, '')}`
      if (existsSync(aside)) throw new KeelsonError('ALREADY_EXISTS', `${aside} exists already`)
      await rename(storePath, aside)
      return aside
    },
    close: () => lock.release(),
  }
}
