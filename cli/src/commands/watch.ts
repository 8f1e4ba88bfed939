/** What all `watch` verbs do: what exists, then every change, until the user has seen enough. */
import { WatchType } from '@keelson/shared/api'
import type { StreamMethod } from '@keelson/shared/grpc'
import type { Clock } from '@keelson/shared/runtime'
import { follow } from '../client/index.ts'
import type { Column } from '../output/index.ts'
import { changeWord, type Kind, subjectOf } from '../resource/index.ts'
import { liveOutput, type Session, streamEnd } from '../verb/index.ts'

/** The fields all watch responses share. */
export interface WatchResponse {
  readonly type: WatchType
  readonly resourceVersion: bigint
}

/** One kind's watch. */
export interface Watching<Item, Request, Response extends WatchResponse> {
  readonly kind: Kind<Item>
  readonly method: StreamMethod<Request, Response>
  request(resourceVersion: bigint): Request
  item(response: Response): Item | undefined
  json(response: Response): unknown
  /** Whether there is nothing more to see after this one; absent: there always is. */
  readonly isLast?: (item: Item) => boolean
}

interface Change<Item> {
  readonly type: WatchType
  readonly item: Item
}

/**
 * Prints changes; the last item seen is the result. People see what exists as one table; programs
 * get every step as the API gives it, bookmarks included.
 */
export async function watchResources<Item, Request, Response extends WatchResponse>(
  session: Session,
  watching: Watching<Item, Request, Response>,
): Promise<Item | undefined> {
  const client = await session.client()
  const { terminal, progress, format } = session
  const output = liveOutput(session, columnsOf(watching.kind, terminal.clock))
  const end = streamEnd(session)
  const forPeople = format === 'table' || format === 'wide'
  const steps = follow<Response>({
    open: (from, until) => client.stream(watching.method, watching.request(from), until),
    position: (step) => step.resourceVersion,
    from: 0n,
    endsListing: ({ type }) => type === WatchType.WATCH_TYPE_BOOKMARK,
    clock: terminal.clock,
    signal: AbortSignal.any([terminal.signal, end]),
    patient: false,
    onInterruption: ({ message }) => progress.warn(`${message}; trying again`),
  })
  let listed: Change<Item>[] | undefined = forPeople ? [] : undefined
  let last: Item | undefined
  try {
    for await (const step of steps) {
      const item = watching.item(step)
      const change = item && { type: step.type, item }
      if (listed && change) listed.push(change)
      else {
        const rows = listed ?? (change ? [change] : [])
        listed = undefined
        const names = rows.map((row) => subjectOf(watching.kind, row.item))
        if (rows.length > 0 || format === 'json' || format === 'yaml')
          await output.write(rows, watching.json(step), names)
      }
      last = item ?? last
      if (listed === undefined && last !== undefined && watching.isLast?.(last)) break
    }
  } catch (error) {
    if (!end.aborted) throw error
  }
  return last
}

/** Ages are of the moment a row is written: a watch may last for days. */
function columnsOf<Item>(kind: Kind<Item>, clock: Clock): readonly Column<Change<Item>>[] {
  const change: Column<Change<Item>> = { title: 'CHANGE', cell: ({ type }) => changeWord(type) }
  const columns = kind.columns(clock.now()).map((column, index) => ({
    ...column,
    cell: ({ item }: Change<Item>) => kind.columns(clock.now())[index]!.cell(item),
  }))
  return [change, ...columns]
}
