/** Pages and watches, the same for every kind. */
import { KeelsonError } from '@keelson/shared/errors'
import type { ObjectMeta } from '@keelson/shared/model'
import { parseSelector } from '@keelson/shared/model'
import type { Change, Pipeline } from '../commit/index.ts'
import { lowerBound, type ReadonlyTable, type RecordKind } from '../state/index.ts'

/** What every list request has. */
export interface ListRequest {
  readonly labelSelector: string
  readonly nameFilter: string
  readonly pageSize: number
  readonly pageToken: string
}

/** A page of records. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly nextPageToken: string
}

const DEFAULT_PAGE = 500
const LARGEST_PAGE = 1000

/**
 * The page of a table that a request asks for, in order of ids. A token is the last id of the page
 * before, so that pages neither skip nor repeat what stays while others come and go.
 */
export function pageOf<T extends { readonly meta: ObjectMeta }>(
  table: ReadonlyTable<T>,
  request: ListRequest,
  matches: (item: T) => boolean = () => true,
  order: 'ascending' | 'descending' = 'ascending',
): Page<T> {
  const limit = pageSize(request.pageSize, DEFAULT_PAGE)
  const selected = parseSelector(request.labelSelector)
  const ids = table.sortedIds()
  const step = order === 'ascending' ? 1 : -1
  const items: T[] = []
  let index = startAfter(ids, request.pageToken, order)
  for (; index >= 0 && index < ids.length && items.length < limit; index += step) {
    const item = table.get(ids[index]!)!
    if (!item.meta.name.includes(request.nameFilter)) continue
    if (selected(item.meta.labels) && matches(item)) items.push(item)
  }
  const more = index >= 0 && index < ids.length
  return { items, nextPageToken: more ? encodeToken(ids[index - step]!) : '' }
}

/** The page size asked for, within the limits. */
export function pageSize(asked: number, fallback: number): number {
  return Math.min(asked || fallback, LARGEST_PAGE)
}

function startAfter(
  ids: readonly string[],
  token: string,
  order: 'ascending' | 'descending',
): number {
  if (token === '') return order === 'ascending' ? 0 : ids.length - 1
  const last = Buffer.from(token, 'base64url').toString()
  if (encodeToken(last) !== token)
    throw new KeelsonError('INVALID_ARGUMENT', `page token "${token}" is not one of ours`)
  const at = lowerBound(ids, last)
  if (order === 'descending') return at - 1
  return ids[at] === last ? at + 1 : at
}

function encodeToken(id: string): string {
  return Buffer.from(id).toString('base64url')
}

/** One step of a watch, before it is encoded. */
export interface WatchStep<T> {
  readonly type: 'Added' | 'Modified' | 'Deleted' | 'Bookmark'
  readonly item: T | undefined
  readonly resourceVersion: number
}

/** What a watch request asks for. */
export interface WatchOptions<T> {
  readonly kind: RecordKind
  readonly table: ReadonlyTable<T>
  /** 0 lists what exists first. */
  readonly resourceVersion: number
  readonly matches: (item: T) => boolean
  readonly signal: AbortSignal
}

/** Streams records of a kind: what exists (if asked for), a bookmark, then every change. */
export async function* watch<T>(
  pipeline: Pipeline,
  options: WatchOptions<T>,
): AsyncGenerator<WatchStep<T>, void, undefined> {
  const { table, matches, signal } = options
  let from = options.resourceVersion
  if (from === 0) {
    // Listing and position are taken in one breath; then both wait until they are durable.
    const existing = table.sortedIds().map((id) => table.get(id)!)
    from = pipeline.state.revision
    await pipeline.settled()
    for (const item of existing)
      if (matches(item)) yield { type: 'Added', item, resourceVersion: from }
  } else if (from > pipeline.state.revision)
    throw new KeelsonError(
      'OUT_OF_RANGE',
      `revision ${from} is in the future, the newest is ${pipeline.state.revision}`,
    )
  yield { type: 'Bookmark', item: undefined, resourceVersion: from }
  for await (const { revision, changes } of pipeline.feed.follow(from, signal))
    for (const change of changes) {
      const step = stepOf(change, options)
      if (step) yield { ...step, resourceVersion: revision }
    }
}

/** A record that comes into or goes out of the selection is added or deleted for this watcher. */
function stepOf<T>(
  change: Change,
  { kind, matches }: WatchOptions<T>,
): Omit<WatchStep<T>, 'resourceVersion'> | undefined {
  if (change.kind !== kind) return undefined
  const before = change.before as T | undefined
  const after = change.value as T | undefined
  const was = before !== undefined && matches(before)
  const is = after !== undefined && matches(after)
  if (is) return { type: was ? 'Modified' : 'Added', item: after }
  return was ? { type: 'Deleted', item: after ?? before } : undefined
}
