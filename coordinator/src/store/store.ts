/**
 * The seam between the coordinator and whatever keeps its state: `memory` for tests and the
 * simulation, `lmdb` for one coordinator, etcd for several. It promises what all of them can keep
 * and no more, so everything above it is the same code in every mode (ADR 0001).
 *
 * A store is an ordered map from key to text with one revision counter. A transaction that changes
 * anything raises the revision; each record remembers the revision that last wrote it, and a guard
 * on that number is the only concurrency control there is. Revisions rise in the order of the
 * commits, but their distance means nothing: transactions committed together may share one.
 */
import { KeelsonError } from '@keelson/shared/errors'

/** Most guards and operations of one transaction together; etcd's own limit. */
export const MAX_TRANSACTION_ITEMS = 128
/**
 * Largest transaction: keys and values in UTF-8 plus `ITEM_OVERHEAD_BYTES` for each item. Etcd
 * takes 1.5 MiB; the rest is room for the framing and for the guard that fences the leader.
 */
export const MAX_TRANSACTION_BYTES = 1_500_000
/** What one guard or operation costs beside its key and value when it is sent or stored. */
export const ITEM_OVERHEAD_BYTES = 32
/** Longest key. */
export const MAX_KEY_BYTES = 512

/** One record as it stands in the store. */
export interface KeyValue {
  readonly key: string
  /** Any well-formed text; the coordinator keeps JSON of a versioned record here. */
  readonly value: string
  /** Revision of the transaction that last wrote this record; 1 or more. */
  readonly modRevision: number
}

/** What a transaction demands of a record before it is applied. */
export interface Guard {
  readonly key: string
  /** The record's `modRevision`; 0 demands that there is no such record. */
  readonly modRevision: number
}

/** One write. Deleting a key that does not exist is allowed and changes nothing. */
export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'delete'; readonly key: string }

/** Operations that happen together or not at all. No key may be written twice. */
export interface Transaction {
  readonly guards: readonly Guard[]
  readonly operations: readonly Operation[]
}

/** One effect of a committed transaction. */
export interface Change {
  readonly revision: number
  readonly key: string
  /** The new value; `undefined` says the record was deleted. */
  readonly value: string | undefined
}

/** A part of a snapshot. */
export interface Page {
  /** Revision the whole snapshot shows; the same on every page of one `range`. */
  readonly revision: number
  /** In the order of their keys, and after those of the page before. */
  readonly records: readonly KeyValue[]
}

/** Facts about a store for `keelson cluster status`. */
export interface StoreStatus {
  readonly engine: 'memory' | 'lmdb' | 'etcd'
  /** Where the data is: a directory or endpoints; for a person. */
  readonly location: string
  /** Newest durable revision. */
  readonly revision: number
  /** Changes up to this revision can no longer be watched. */
  readonly compactedRevision: number
  readonly keys: number
  /** Space the data takes, with what the engine keeps for reuse. */
  readonly sizeBytes: number
  /** Space left where the data is, if the engine can know. */
  readonly freeBytes?: number
  /** Why the store acknowledges nothing any more, if it had to stop, with its causes. */
  readonly failure?: string
}

/**
 * An open store. Every method but `close` raises UNAVAILABLE once it is closed.
 *
 * A store has one owner. The `memory` and `lmdb` engines rely on it (whoever opens an `lmdb`
 * directory must hold that directory's lock); with etcd every transaction carries the leader's
 * election key as one more guard.
 */
export interface Store {
  /** Newest durable revision this side knows; 0 or more in an empty store. */
  readonly revision: number

  /**
   * Commits atomically and resolves with the transaction's revision once it is durable on stable
   * storage. Transactions take effect in the order of the calls; calls under way together share
   * one flush. A transaction that changes nothing resolves with a revision it saw.
   *
   * Raises INVALID_ARGUMENT past the limits above and ABORTED if a guard does not hold; nothing is
   * applied then and the store goes on. Raises RESOURCE_EXHAUSTED if there is no space (nothing is
   * applied), DATA_LOSS if the data is damaged, and UNAVAILABLE for every other failure, after
   * which the transaction may or may not have been applied. After one of these three every
   * transaction behind it is refused too and the store acknowledges nothing until it is closed
   * and reopened: what the owner holds in memory may be ahead of what is stored.
   */
  commit(transaction: Transaction): Promise<number>

  /** The record as of the newest durable revision. Raises DATA_LOSS if it is damaged. */
  get(key: string): Promise<KeyValue | undefined>

  /**
   * A consistent snapshot, at the newest durable revision, of all records whose key starts with
   * `prefix`. Yields at least one page, so an empty range still tells its revision. A caller that
   * stops early must leave the loop (`break`) or call `return`, for the snapshot holds space.
   * Raises DATA_LOSS if a record is damaged, and OUT_OF_RANGE (reason `compacted`) if an engine
   * could not keep the snapshot until its end.
   */
  range(prefix: string): AsyncIterable<Page>

  /**
   * All changes under `prefix` from `fromRevision` on, in order, without gaps or repeats; waits for
   * more until `signal` aborts, then ends. A batch never divides a revision. To follow a
   * snapshot, watch from its revision + 1.
   *
   * Raises OUT_OF_RANGE (reason `compacted`) as soon as a change it would have to show is no longer
   * kept, at the start or because the caller reads too slowly: read a snapshot and begin anew.
   * Raises the store's failure or UNAVAILABLE when the store stops.
   */
  watch(prefix: string, fromRevision: number, signal: AbortSignal): AsyncIterable<readonly Change[]>

  /**
   * Lets go of the history up to `revision`; records are not touched. Going back is not an error
   * and does nothing. Raises OUT_OF_RANGE past the newest revision. Engines with a history in
   * memory drop old changes by themselves and begin with none when they are opened.
   */
  compact(revision: number): Promise<void>

  status(): Promise<StoreStatus>

  /** Finishes what was committed before, then lets go of everything. Closing again is allowed. */
  close(): Promise<void>
}

// Printable ASCII without the space: byte order, code unit order and length in bytes agree, in
// every engine and on the wire.
const KEY = /^[!-~]+$/
const PREFIX = /^[!-~]*$/

/** Refuses a key no engine could keep: INVALID_ARGUMENT. */
export function checkKey(key: string): void {
  if (key.length > MAX_KEY_BYTES) invalid(`key has ${key.length} bytes, at most ${MAX_KEY_BYTES}`)
  if (!KEY.test(key)) invalid(`key ${JSON.stringify(key)} is not printable ASCII without spaces`)
}

/** Refuses a prefix that no key could have: INVALID_ARGUMENT. */
export function checkPrefix(prefix: string): void {
  if (!PREFIX.test(prefix)) invalid(`prefix ${JSON.stringify(prefix)} is not printable ASCII`)
}

/** The transaction's size as the limit counts it. Raises INVALID_ARGUMENT past any limit. */
export function checkTransaction(transaction: Transaction): number {
  const { guards, operations } = transaction
  const items = guards.length + operations.length
  if (items > MAX_TRANSACTION_ITEMS)
    invalid(`transaction has ${items} guards and operations, at most ${MAX_TRANSACTION_ITEMS}`)
  let sizeBytes = items * ITEM_OVERHEAD_BYTES
  for (const guard of guards) {
    checkKey(guard.key)
    if (!Number.isSafeInteger(guard.modRevision) || guard.modRevision < 0)
      invalid(`guard of ${guard.key} demands revision ${guard.modRevision}`)
    sizeBytes += guard.key.length
  }
  const written = new Set<string>()
  for (const operation of operations) {
    checkKey(operation.key)
    if (written.has(operation.key)) invalid(`transaction writes ${operation.key} twice`)
    written.add(operation.key)
    sizeBytes += operation.key.length
    if (operation.type === 'delete') continue
    if (!operation.value.isWellFormed()) invalid(`value of ${operation.key} is not Unicode text`)
    sizeBytes += Buffer.byteLength(operation.value)
  }
  if (sizeBytes > MAX_TRANSACTION_BYTES)
    invalid(`transaction has ${sizeBytes} bytes, at most ${MAX_TRANSACTION_BYTES}`)
  return sizeBytes
}

/** A whole snapshot in memory: for loading the state, for tests. See `Store.range`. */
export async function readAll(store: Store, prefix: string): Promise<Page> {
  const records: KeyValue[] = []
  let revision = 0
  for await (const page of store.range(prefix)) {
    revision = page.revision
    for (const record of page.records) records.push(record)
  }
  return { revision, records }
}

function invalid(message: string): never {
  throw new KeelsonError('INVALID_ARGUMENT', message)
}
