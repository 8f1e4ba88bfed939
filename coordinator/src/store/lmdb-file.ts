/**
 * The store's directory on disk: made once and as a whole, checked before every opening.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import { type Database, open, type RootDatabaseOptionsWithPath } from 'lmdb'
import {
  countRecord,
  type Digest,
  decodeRecord,
  EMPTY_DIGEST,
  encodeRecord,
  storedChecksum,
  storedRevision,
} from './checksum.ts'
import { inspectLmdbFile, MAX_DAMAGES } from './lmdb-inspect.ts'

/** Where and how a store is opened. */
export interface LmdbFileOptions {
  /** The store's directory; nothing else may be kept in it. */
  readonly directory: string
  /** Whether a store that is not there is made. */
  readonly create: boolean
  /** Address space reserved at first; it grows by itself. */
  readonly mapSizeBytes: number
}

/** What the file says about all its records; kept under a key no record can have. */
export interface Header extends Digest {
  /** Version of the store's own format. */
  readonly version: number
  /** Newest revision. */
  readonly revision: number
}

/** An open file. */
export type LmdbDatabase = Database<Buffer, Buffer>

/** Newest version of the store's own format. */
export const STORE_VERSION = 1
/** What to do about damage. */
export const RESTORE_HINT =
  'restore the newest backup into an empty directory: keelson cluster restore'

const LOCK_FILE = 'lock.mdb'
const LOCK_FILE_BYTES = 8272
// Sorts before every key, because keys begin at "!".
const HEADER_KEY = ' header'
const HEADER_KEY_BYTES = Buffer.from(HEADER_KEY)

/** The data file in a store's directory. */
export function dataFile(directory: string): string {
  return join(directory, 'data.mdb')
}

/**
 * Checks every page and record, then opens the file. Raises DATA_LOSS if anything is damaged or
 * the file has vanished, NOT_FOUND if there is no store and none is to be made,
 * FAILED_PRECONDITION if a newer version wrote it, RESOURCE_EXHAUSTED if there is no space.
 */
export async function openLmdbFile(
  options: LmdbFileOptions,
): Promise<{ database: LmdbDatabase; header: Header }> {
  const { directory, mapSizeBytes } = options
  try {
    if (!existsSync(dataFile(directory))) await createStore(options)
    const header = inspectStore(dataFile(directory))
    reserveLockFile(directory)
    return { database: openDatabase(directory, mapSizeBytes), header }
  } catch (error) {
    throw lmdbError(error, 'cannot open the store', directory)
  }
}

/** Writes the header; part of every transaction that changes a record. */
export function putHeader(database: LmdbDatabase, header: Header): void {
  const bytes = encodeRecord(HEADER_KEY, header.revision, JSON.stringify(header))
  database.putSync(HEADER_KEY_BYTES, bytes)
}

/** The newest revision as the file has it now. */
export function readRevision(database: LmdbDatabase): number {
  const bytes = database.getBinaryFast(HEADER_KEY_BYTES)
  return bytes ? storedRevision(bytes) : -1
}

/** Bytes the data file takes. */
export function sizeBytesOf(directory: string): number {
  return statSync(dataFile(directory)).size
}

/** Bytes the file system still has for it, also for a directory that is not made yet. */
export function freeBytesOf(directory: string): number {
  let existing = directory
  while (!existsSync(existing)) existing = dirname(existing)
  const space = statfsSync(existing)
  return space.bavail * space.bsize
}

function openDatabase(directory: string, mapSizeBytes: number): LmdbDatabase {
  const options: RootDatabaseOptionsWithPath & { permissionsMode: number } = {
    path: directory,
    // Without this a directory whose name has a dot is taken for a file.
    noSubdir: false,
    encoding: 'binary',
    keyEncoding: 'binary',
    overlappingSync: false,
    mapSize: mapSizeBytes,
    permissionsMode: 0o600,
  }
  return open<Buffer, Buffer>(options)
}

/** Makes the file aside and moves it into place, so that a file in place is always complete. */
async function createStore({ directory, create, mapSizeBytes }: LmdbFileOptions): Promise<void> {
  if (existsSync(join(directory, LOCK_FILE)))
    throw new KeelsonError('DATA_LOSS', `${dataFile(directory)} has vanished`, {
      details: [RESTORE_HINT],
    })
  if (!create) throw new KeelsonError('NOT_FOUND', `there is no store in ${directory}`)
  const aside = join(directory, 'new')
  rmSync(aside, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  mkdirSync(aside, { mode: 0o700 })
  try {
    reserveLockFile(aside)
    const database = openDatabase(aside, mapSizeBytes)
    const header = { version: STORE_VERSION, revision: 0, ...EMPTY_DIGEST }
    database.transactionSync(() => putHeader(database, header))
    await database.close()
    renameSync(dataFile(aside), dataFile(directory))
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
  for (const at of [directory, dirname(directory)]) syncDirectory(at)
}

function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r')
  fsyncSync(handle)
  closeSync(handle)
}

/**
 * LMDB makes its lock file without blocks and then writes it through a map, which ends the process
 * with SIGBUS if the disk is full; writing it here first turns that into an error.
 */
function reserveLockFile(directory: string): void {
  const path = join(directory, LOCK_FILE)
  const file = existsSync(path) ? statSync(path) : undefined
  if (file && file.size >= LOCK_FILE_BYTES && file.blocks * 512 >= file.size) return
  writeFileSync(path, Buffer.alloc(LOCK_FILE_BYTES), { mode: 0o600, flush: true })
}

function inspectStore(path: string): Header {
  const found: { header?: Header; digest: Digest } = { digest: EMPTY_DIGEST }
  const inspection = inspectLmdbFile(path, (keyBytes, bytes) => {
    const key = keyBytes.toString('latin1')
    const record = decodeRecord(key, bytes)
    if (!record) return `record ${JSON.stringify(key)} fails its checksum`
    if (key === HEADER_KEY) found.header = JSON.parse(record.value)
    else found.digest = countRecord(found.digest, storedChecksum(bytes), 1)
    return undefined
  })
  const { header, digest } = found
  if (header && header.version > STORE_VERSION)
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `${path} has store version ${header.version}, this program knows up to ${STORE_VERSION}`,
    )
  const damages = [...inspection.damages]
  if (damages.length === 0) {
    if (!header) damages.push('the store header is missing')
    else if (digest.count !== header.count)
      damages.push(`${digest.count} records were found, ${header.count} were written`)
    else if (digest.sum !== header.sum)
      damages.push(
        `the checksum of all ${digest.count} records together is wrong: some are older versions`,
      )
  }
  if (header && damages.length === 0) return header
  const more = damages.length === MAX_DAMAGES ? ' or more' : ''
  throw new KeelsonError('DATA_LOSS', `${path} is damaged in ${damages.length}${more} places`, {
    details: [...damages, RESTORE_HINT],
  })
}

// Codes of errno and of LMDB that say there is no room: ENOSPC, EDQUOT, EFBIG, MDB_MAP_FULL.
const FULL = new Set<unknown>([28, 122, 27, -30792, 'ENOSPC', 'EDQUOT', 'EFBIG'])
// MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_INVALID.
const DAMAGED = new Set<unknown>([-30797, -30796, -30793])
const EIO = 5
// A write cut short by a full disk is reported as EIO; this little space gives it away.
const ALMOST_FULL_BYTES = 1024 * 1024

/** What LMDB or the file system raised, as one of the errors of `Store.commit`. */
export function lmdbError(error: unknown, problem: string, directory: string): KeelsonError {
  if (error instanceof KeelsonError) return error
  const message = `${problem} in ${directory}`
  const code = (error as { code?: unknown }).code
  if (FULL.has(code) || (code === EIO && freeBytesOf(directory) < ALMOST_FULL_BYTES))
    return new KeelsonError(
      'RESOURCE_EXHAUSTED',
      `${message}: the disk is full, ${freeBytesOf(directory)} bytes are free`,
      { cause: error },
    )
  if (DAMAGED.has(code))
    return new KeelsonError('DATA_LOSS', message, { cause: error, details: [RESTORE_HINT] })
  return new KeelsonError('UNAVAILABLE', message, { cause: error })
}
