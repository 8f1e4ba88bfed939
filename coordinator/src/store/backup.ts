/**
 * Backups: one snapshot of a store as a text file, the same for every engine, so that it also moves
 * a cluster from one engine to another.
 *
 * A file is lines of JSON: a header, one line for each record with a CRC-32 of its own, and a
 * trailer with the number of records and a SHA-256 of everything before it. The checksums tell
 * damage from truncation and name the line; plain text can be looked into with any tool.
 */
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { KeelsonError } from '@keelson/shared/errors'
import type { Clock } from '@keelson/shared/runtime'
import {
  ITEM_OVERHEAD_BYTES,
  type KeyValue,
  MAX_TRANSACTION_BYTES,
  MAX_TRANSACTION_ITEMS,
  type Operation,
  type Store,
} from './store.ts'

/** Facts about a backup file. */
export interface BackupInfo {
  readonly path: string
  /** Revision of the store the backup shows. */
  readonly clusterRevision: number
  /** When it was made, in milliseconds since the Unix epoch. */
  readonly createdAt: number
  readonly records: number
  readonly sizeBytes: number
}

interface Header {
  readonly format: typeof FORMAT
  readonly version: number
  readonly clusterRevision: number
  readonly createdAt: number
}

const FORMAT = 'keelson-backup'
const VERSION = 1
// Present from the first to the last transaction of a restore.
const RESTORE_KEY = 'restore/incomplete'

/**
 * Writes a snapshot of `store` to a new file at `path` (mode 0600, for it holds secrets) while the
 * store goes on. The file appears when it is complete and durable. Raises ALREADY_EXISTS if there
 * is a file, RESOURCE_EXHAUSTED or UNAVAILABLE if it cannot be written, and what `range` raises.
 */
export async function writeBackup(store: Store, path: string, clock: Clock): Promise<BackupInfo> {
  if (existsSync(path)) throw new KeelsonError('ALREADY_EXISTS', `${path} exists already`)
  const partial = `${path}.partial`
  try {
    const file = await open(partial, 'w', 0o600)
    try {
      const info = await writeLines(store, file, clock)
      await file.sync()
      await rename(partial, path)
      await syncDirectory(dirname(path))
      return { path, ...info }
    } finally {
      await file.close()
    }
  } catch (error) {
    await rm(partial, { force: true })
    const code = (error as { code?: unknown }).code === 'ENOSPC' ? 'RESOURCE_EXHAUSTED' : undefined
    throw KeelsonError.from(error, code ?? 'UNAVAILABLE', `cannot write the backup ${path}`)
  }
}

async function writeLines(
  store: Store,
  file: FileHandle,
  clock: Clock,
): Promise<Omit<BackupInfo, 'path'>> {
  const hash = createHash('sha256')
  const createdAt = clock.now()
  let clusterRevision: number | undefined
  let records = 0
  let sizeBytes = 0
  const write = async (lines: readonly object[]) => {
    const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    hash.update(bytes)
    sizeBytes += bytes.length
    await file.appendFile(bytes)
  }
  for await (const page of store.range('')) {
    if (clusterRevision === undefined) {
      clusterRevision = page.revision
      const header: Header = { format: FORMAT, version: VERSION, clusterRevision, createdAt }
      await write([header])
    }
    await write(page.records.map((record) => ({ ...record, crc32: checksum(record) })))
    records += page.records.length
  }
  await write([{ records, sha256: hash.copy().digest('hex') }])
  return { clusterRevision: clusterRevision ?? 0, createdAt, records, sizeBytes }
}

/**
 * Reads a whole backup and checks it. Raises NOT_FOUND, FAILED_PRECONDITION if a newer program
 * wrote it, and DATA_LOSS naming the line if it is damaged or cut short.
 */
export async function verifyBackup(path: string): Promise<BackupInfo> {
  let info: BackupInfo | undefined
  for await (const item of readBackup(path)) if ('path' in item) info = item
  // The reader raises before it ends without a trailer.
  return info as BackupInfo
}

/**
 * Puts a backup's records into an empty store, after reading the whole file once to check it.
 * Revisions are the store's own and begin anew. A store in which this was interrupted refuses to
 * open. Raises what `verifyBackup` and `commit` raise, and FAILED_PRECONDITION if the store is not
 * empty.
 */
export async function restoreBackup(path: string, store: Store): Promise<BackupInfo> {
  const info = await verifyBackup(path)
  for await (const page of store.range(''))
    if (page.records.length > 0)
      throw new KeelsonError('FAILED_PRECONDITION', 'the store to restore into is not empty')
  const marker: Operation = { type: 'put', key: RESTORE_KEY, value: JSON.stringify(path) }
  await store.commit({ guards: [{ key: RESTORE_KEY, modRevision: 0 }], operations: [marker] })
  let operations: Operation[] = []
  let sizeBytes = 0
  for await (const item of readBackup(path)) {
    if ('path' in item) break
    const itemBytes = item.key.length + Buffer.byteLength(item.value) + ITEM_OVERHEAD_BYTES
    if (
      operations.length === MAX_TRANSACTION_ITEMS ||
      sizeBytes + itemBytes > MAX_TRANSACTION_BYTES
    ) {
      await store.commit({ guards: [], operations })
      operations = []
      sizeBytes = 0
    }
    operations.push({ type: 'put', key: item.key, value: item.value })
    sizeBytes += itemBytes
  }
  await store.commit({ guards: [], operations })
  await store.commit({ guards: [], operations: [{ type: 'delete', key: RESTORE_KEY }] })
  return info
}

/** Raises FAILED_PRECONDITION if a restore into this store was interrupted. */
export async function checkRestored(store: Store): Promise<void> {
  const marker = await store.get(RESTORE_KEY)
  if (!marker) return
  throw new KeelsonError(
    'FAILED_PRECONDITION',
    `the restore of ${marker.value} was interrupted: empty the store and restore again`,
  )
}

// --- reading

/** The records in their order, then the facts; everything yielded has been checked. */
async function* readBackup(path: string): AsyncGenerator<KeyValue | BackupInfo> {
  if (!existsSync(path)) throw new KeelsonError('NOT_FOUND', `there is no backup ${path}`)
  const hash = createHash('sha256')
  let header: Header | undefined
  let trailer: { records: number; sha256: string } | undefined
  let records = 0
  let sizeBytes = 0
  let line = 0
  for await (const bytes of linesOf(path)) {
    line++
    sizeBytes += bytes.length
    const value = parseLine(bytes)
    if (trailer) throw damagedLine(path, line, 'comes after the end')
    if (!header) header = checkHeader(path, value)
    else if (isTrailer(value)) trailer = value
    else if (isRecord(value)) {
      records++
      yield { key: value.key, value: value.value, modRevision: value.modRevision }
    } else throw damagedLine(path, line, 'fails its checksum')
    if (!trailer) hash.update(bytes)
  }
  if (!header || !trailer) throw damagedLine(path, line + 1, 'is missing: the file is cut short')
  if (trailer.records !== records)
    throw damagedLine(path, line, `tells of ${trailer.records} records, there are ${records}`)
  if (trailer.sha256 !== hash.digest('hex'))
    throw damagedLine(path, line, 'has a checksum that the lines before it do not give')
  const { clusterRevision, createdAt } = header
  yield { path, clusterRevision, createdAt, records, sizeBytes }
}

/** Lines with their line feeds. The text's own separators (such as U+2028) do not end a line. */
async function* linesOf(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer[] = []
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      rest.push(chunk.subarray(start, end + 1))
      yield Buffer.concat(rest)
      rest = []
      start = end + 1
    }
    rest.push(chunk.subarray(start))
  }
  const last = Buffer.concat(rest)
  if (last.length > 0) yield last
}

function parseLine(bytes: Buffer): unknown {
  if (bytes.at(-1) !== 10) return undefined
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
}

function checkHeader(path: string, value: unknown): Header {
  const header = value as Partial<Header> | undefined
  if (header?.format !== FORMAT || typeof header.version !== 'number')
    throw damagedLine(path, 1, 'is not the beginning of a Keelson backup')
  if (header.version > VERSION)
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `${path} has backup version ${header.version}, this program knows up to ${VERSION}`,
    )
  return header as Header
}

function isTrailer(value: unknown): value is { records: number; sha256: string } {
  return typeof (value as { sha256?: unknown } | undefined)?.sha256 === 'string'
}

function isRecord(value: unknown): value is KeyValue {
  const record = value as (KeyValue & { crc32: unknown }) | undefined
  return typeof record?.key === 'string' && record.crc32 === checksum(record)
}

function checksum({ key, value, modRevision }: KeyValue): string {
  return crc32(JSON.stringify([key, value, modRevision]))
    .toString(16)
    .padStart(8, '0')
}

function damagedLine(path: string, line: number, problem: string): KeelsonError {
  return new KeelsonError('DATA_LOSS', `${path} is damaged: line ${line} ${problem}`)
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
