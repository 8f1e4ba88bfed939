/**
 * The part of the `lmdb` engine that touches the file. Everything here is synchronous and runs on
 * one thread of its own (`lmdb-thread.ts`), so a slow disk never stops the coordinator's event
 * loop, guards are judged inside the very write transaction they protect, and a failed commit
 * comes back as an error code.
 *
 * Durability: `overlappingSync` is off, so a commit is LMDB's classic one (write the new pages,
 * fdatasync, write the meta page through O_DSYNC) and has reached the disk when it returns. With it
 * on, a commit is visible before it is flushed, a failed flush is only printed, and the measured
 * gain is within noise, because one flush is shared by the group either way.
 */
import { assert, KeelsonError } from '@keelson/shared/errors'
import {
  countRecord,
  decodeRecord,
  encodeRecord,
  storedChecksum,
  storedRevision,
} from './checksum.ts'
import type { Outcome } from './group-commit.ts'
import {
  dataFile,
  freeBytesOf,
  type Header,
  type LmdbDatabase,
  type LmdbFileOptions,
  lmdbError,
  openLmdbFile,
  putHeader,
  RESTORE_HINT,
  readRevision,
  STORE_VERSION,
  sizeBytesOf,
} from './lmdb-file.ts'
import type { KeyValue, Page, Transaction } from './store.ts'

// The first of all possible keys.
const FIRST_KEY = Buffer.from('!')

/** How an engine is opened. */
export interface LmdbEngineOptions extends LmdbFileOptions {
  /** A page of a range ends at this many records or characters of values. */
  readonly pageRecords: number
  readonly pageCharacters: number
}

/** A page of a range; `cursor` asks for the next one and is absent on the last. */
export interface LmdbPage extends Page {
  readonly cursor?: number
}

/** The file's own account of itself. */
export interface LmdbFacts {
  readonly revision: number
  readonly keys: number
  readonly sizeBytes: number
  readonly freeBytes: number
}

/** An open file. Raises KeelsonError only. */
export interface LmdbEngine {
  /** All of the group durable together, or none of it. See `GroupCommitOptions.write`. */
  commit(group: readonly Transaction[]): readonly Outcome[]
  get(key: string): KeyValue | undefined
  firstPage(prefix: string): LmdbPage
  nextPage(cursor: number): LmdbPage
  /** Lets go of a snapshot before its last page. */
  closeCursor(cursor: number): void
  facts(): LmdbFacts
  close(): Promise<void>
}

/** Opens the file; see `openLmdbFile` for what it raises. */
export async function openLmdbEngine(options: LmdbEngineOptions): Promise<LmdbEngine> {
  const { directory } = options
  const { database, header: initial } = await openLmdbFile(options)
  const path = dataFile(directory)
  const cursors = createCursors(database, options)
  let header = initial
  return {
    commit(group) {
      const { outcomes, next } = commitGroup(database, header, group, directory)
      header = next
      return outcomes
    },
    get(key) {
      try {
        const bytes = database.getBinary(Buffer.from(key))
        return bytes && readRecord(path, key, bytes)
      } catch (error) {
        throw lmdbError(error, 'cannot read the store', directory)
      }
    },
    firstPage: (prefix) => cursors.open(prefix, header.revision),
    nextPage: cursors.next,
    closeCursor: cursors.close,
    facts: () => ({
      revision: header.revision,
      keys: header.count,
      sizeBytes: sizeBytesOf(directory),
      freeBytes: freeBytesOf(directory),
    }),
    async close() {
      cursors.closeAll()
      await database.close()
    },
  }
}

// --- committing

function commitGroup(
  database: LmdbDatabase,
  header: Header,
  group: readonly Transaction[],
  directory: string,
): { outcomes: readonly Outcome[]; next: Header } {
  let next = header
  const outcomes: Outcome[] = []
  try {
    database.transactionSync(() => {
      checkUnchanged(database, header, directory)
      for (const transaction of group) {
        const conflict = findConflict(database, transaction)
        if (conflict) {
          outcomes.push(conflict)
          continue
        }
        const { header: after, idle } = applyTransaction(database, next, transaction)
        next = after
        outcomes.push({ type: 'committed', revision: after.revision, idle })
      }
      if (next !== header) putHeader(database, next)
    })
  } catch (error) {
    throw lmdbError(error, 'cannot commit to the store', directory)
  }
  return { outcomes, next }
}

/** The last line of defence against a second writer, should the directory's lock have failed. */
function checkUnchanged(database: LmdbDatabase, header: Header, directory: string): void {
  const revision = readRevision(database)
  if (revision === header.revision) return
  throw new KeelsonError(
    'UNAVAILABLE',
    `somebody else writes to the store in ${directory}: it is at revision ${revision}, ` +
      `this side left it at ${header.revision}`,
  )
}

function findConflict(database: LmdbDatabase, { guards }: Transaction): Outcome | undefined {
  for (const [guard, { key, modRevision: wanted }] of guards.entries()) {
    const bytes = database.getBinaryFast(Buffer.from(key))
    const modRevision = bytes ? storedRevision(bytes) : 0
    if (modRevision !== wanted) return { type: 'conflict', guard, modRevision }
  }
  return undefined
}

function applyTransaction(
  database: LmdbDatabase,
  header: Header,
  { operations }: Transaction,
): { header: Header; idle: number[] } {
  const revision = header.revision + 1
  const idle: number[] = []
  let digest = { count: header.count, sum: header.sum }
  for (const [index, operation] of operations.entries()) {
    const key = Buffer.from(operation.key)
    const before = database.getBinaryFast(key)
    if (before) digest = countRecord(digest, storedChecksum(before), -1)
    if (operation.type === 'put') {
      const bytes = encodeRecord(operation.key, revision, operation.value)
      digest = countRecord(digest, storedChecksum(bytes), 1)
      database.putSync(key, bytes)
    } else if (before) database.removeSync(key)
    else idle.push(index)
  }
  if (idle.length === operations.length) return { header, idle }
  return { header: { version: STORE_VERSION, revision, ...digest }, idle }
}

// --- reading

function readRecord(path: string, key: string, bytes: Buffer): KeyValue {
  const record = decodeRecord(key, bytes)
  if (record) return { key, ...record }
  throw new KeelsonError('DATA_LOSS', `record ${key} in ${path} fails its checksum`, {
    details: [RESTORE_HINT],
  })
}

interface Cursor {
  readonly revision: number
  readonly transaction: ReturnType<LmdbDatabase['useReadTransaction']>
  readonly end: Buffer | undefined
  /** Key to go on from. */
  start: Buffer
}

function createCursors(
  database: LmdbDatabase,
  { directory, pageRecords, pageCharacters }: LmdbEngineOptions,
) {
  const path = dataFile(directory)
  const cursors = new Map<number, Cursor>()
  let nextCursor = 1

  function read(id: number): LmdbPage {
    const cursor = cursors.get(id)
    assert(cursor, 'the cursor is open')
    const { start, end, transaction, revision } = cursor
    const records: KeyValue[] = []
    let characters = 0
    try {
      const range = { start, transaction, ...(end && { end }) }
      for (const { key: keyBytes, value } of database.getRange(range)) {
        if (records.length === pageRecords || characters >= pageCharacters) {
          cursor.start = Buffer.from(keyBytes)
          return { revision, records, cursor: id }
        }
        const record = readRecord(path, keyBytes.toString('latin1'), value)
        records.push(record)
        characters += record.value.length
      }
    } catch (error) {
      close(id)
      throw lmdbError(error, 'cannot read the store', directory)
    }
    close(id)
    return { revision, records }
  }

  function close(id: number): void {
    cursors.get(id)?.transaction.done()
    cursors.delete(id)
  }

  return {
    open(prefix: string, revision: number): LmdbPage {
      const id = nextCursor++
      cursors.set(id, {
        revision,
        transaction: database.useReadTransaction(),
        start: prefix === '' ? FIRST_KEY : Buffer.from(prefix),
        end: prefix === '' ? undefined : after(prefix),
      })
      return read(id)
    },
    next: read,
    close,
    closeAll() {
      for (const id of [...cursors.keys()]) close(id)
    },
  }
}

/** The first possible key after all that start with `prefix`; ASCII leaves room for one more. */
function after(prefix: string): Buffer {
  const bytes = Buffer.from(prefix)
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) + 1
  return bytes
}
