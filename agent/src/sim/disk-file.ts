/**
 * The disk of a simulated host as a file, so that the volumes of a simulation are there again when
 * it is started again. A call of the driver is answered only when its effect is in the file.
 */
import { readFile } from 'node:fs/promises'
import { deserialize, serialize } from 'node:v8'
import { KeelsonError } from '@keelson/shared/errors'
import { writeFileDurably } from '@keelson/shared/exec'
import { createFakeDisk, type FakeCall, type FakeDisk } from '../storage/index.ts'

const VERSION = 1

/** The file's content, in the encoding of structured clones: a disk is plain maps and sets. */
interface KeptState {
  readonly version: number
  readonly disk: FakeDisk
}

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
        writing = writeFileDurably(path, serialize({ version: VERSION, disk } satisfies KeptState))
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
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new KeelsonError('UNAVAILABLE', `cannot read ${path}`, { cause: error })
  })
  if (bytes === undefined) return undefined
  try {
    const kept = deserialize(bytes) as KeptState
    if (kept.version !== VERSION) throw new Error(`version ${kept.version}, not ${VERSION}`)
    return kept.disk
  } catch (cause) {
    throw new KeelsonError('DATA_LOSS', `the simulated disk ${path} is damaged`, { cause })
  }
}
