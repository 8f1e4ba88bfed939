/**
 * The disk of a simulated host as a file, so that the volumes of a simulation are there again when
 * it is started again. A call of the driver is answered only when its effect is in the file.
 */
import { readFile } from 'node:fs/promises'
import { KeelsonError } from '@keelson/shared/errors'
import { writeFileDurably } from '@keelson/shared/exec'
import { createFakeDisk, type FakeCall, type FakeDisk, type FakePool } from '../storage/index.ts'

const VERSION = 1

/** A disk and how to keep it. */
export interface KeptDisk {
  readonly disk: FakeDisk
  /** Resolves when everything up to now is in the file. */
  save(): Promise<void>
}

/**
 * The disk kept at `path`; an empty one of `totalBytes` if there is none. Raises DATA_LOSS for a
 * file that cannot be read.
 */
export async function openKeptDisk(path: string, totalBytes: number): Promise<KeptDisk> {
  const disk = (await load(path)) ?? createFakeDisk({ totalBytes })
  let writing: Promise<void> | undefined
  let next: Promise<void> | undefined

  /** One write at a time; whoever comes while one is under way shares the next. */
  function save(): Promise<void> {
    if (next !== undefined) return next
    const mine = (writing ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        next = undefined
        writing = writeFileDurably(path, JSON.stringify(toJson(disk)))
        return writing
      })
    next = mine
    return mine
  }
  return { disk, save }
}

/** Whether a call can have changed the disk. */
export function changesDisk({ method }: FakeCall): boolean {
  return method !== 'listPool'
}

async function load(path: string): Promise<FakeDisk | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new KeelsonError('UNAVAILABLE', `cannot read ${path}`, { cause: error })
  })
  if (text === undefined) return undefined
  try {
    return fromJson(JSON.parse(text))
  } catch (cause) {
    throw new KeelsonError('DATA_LOSS', `the simulated disk ${path} is damaged`, { cause })
  }
}

function toJson(disk: FakeDisk) {
  return {
    version: VERSION,
    totalBytes: disk.totalBytes,
    supportsReflink: disk.supportsReflink,
    prepared: [...disk.prepared],
    pools: [...disk.pools].map(([path, pool]) => ({
      path,
      config: pool.config,
      volumes: [...pool.volumes.values()].map((volume) => ({
        ...volume,
        content: [...volume.content],
      })),
      snapshots: [...pool.snapshots.values()].map(({ state, content }) => ({
        state,
        content: [...content],
      })),
      records: [...pool.records],
      trash: pool.trash,
      foreign: pool.foreign,
    })),
  }
}

function fromJson(json: ReturnType<typeof toJson>): FakeDisk {
  if (json.version !== VERSION) throw new Error(`version ${json.version}, not ${VERSION}`)
  const { totalBytes, supportsReflink } = json
  const disk = createFakeDisk({ totalBytes, supportsReflink })
  for (const uid of json.prepared) disk.prepared.add(uid)
  for (const { path, config, volumes, snapshots, records, trash, foreign } of json.pools) {
    const pool: FakePool = {
      config,
      volumes: new Map(
        volumes.map((volume) => [volume.uid, { ...volume, content: new Map(volume.content) }]),
      ),
      snapshots: new Map(
        snapshots.map(({ state, content }) => [state.uid, { state, content: new Map(content) }]),
      ),
      records: new Set(records),
      trash,
      foreign,
    }
    disk.pools.set(path, pool)
  }
  return disk
}
