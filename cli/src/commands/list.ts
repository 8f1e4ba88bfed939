/** What all `list` verbs do: every page, or as many items as asked for. */
import type { UnaryMethod } from '@keelson/shared/grpc'
import { listPages, type Page } from '../client/index.ts'
import { type Kind, listJson, listView } from '../resource/index.ts'
import type { Session } from '../verb/index.ts'

/** The flags all listings share. */
export interface ListFlags {
  readonly selector: string | undefined
  readonly match: string | undefined
  readonly limit: number | undefined
  readonly all: boolean
}

/** The fields all list requests share. */
export interface PageRequest {
  readonly labelSelector: string
  readonly nameFilter: string
  readonly pageSize: number
  readonly pageToken: string
}

/** One kind's listing. */
export interface Listing<Item, Request, Response extends Page> {
  readonly kind: Kind<Item>
  readonly method: UnaryMethod<Request, Response>
  request(page: PageRequest): Request
  items(response: Response): Item[]
  /** JSON of a response like `first`, with these items. */
  json(first: Response, items: Item[], nextPageToken: string): unknown
  /** Name of the list in that JSON. */
  readonly key: string
}

/** Fetches and prints. */
export async function printList<Item, Request, Response extends Page>(
  session: Session,
  flags: ListFlags,
  listing: Listing<Item, Request, Response>,
): Promise<void> {
  const client = await session.client()
  const limit = flags.all ? undefined : flags.limit
  const { first, items, nextPageToken } = await listPages(
    (pageSize, pageToken) => {
      const labelSelector = flags.selector ?? ''
      const nameFilter = flags.match ?? ''
      const request = listing.request({ labelSelector, nameFilter, pageSize, pageToken })
      return client.call(listing.method, request)
    },
    listing.items,
    limit,
  )
  const json = listJson(listing.key, listing.json(first, items, nextPageToken))
  await session.print(listView(listing.kind, items, json))
  const isTable = session.format === 'table' || session.format === 'wide'
  if (isTable && items.length === 0) session.progress.note(`no ${listing.kind.plural}`)
  if (isTable && nextPageToken !== '')
    session.progress.note(`there are more ${listing.kind.plural} than these ${items.length}`)
}
