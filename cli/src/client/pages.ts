/** Listings that are longer than one answer. */

/** What every list response has. */
export interface Page {
  readonly nextPageToken: string
}

/** Largest page the API gives. */
const PAGE_SIZE = 1_000

/**
 * All pages, or as many as hold `limit` items. The pages are of different moments; a watch from the
 * first page's resource version sees whatever changed between them.
 */
export async function listPages<Response extends Page, Item>(
  fetch: (pageSize: number, pageToken: string) => Promise<Response>,
  itemsOf: (response: Response) => readonly Item[],
  limit = Number.POSITIVE_INFINITY,
): Promise<{ readonly first: Response; readonly items: Item[]; readonly nextPageToken: string }> {
  let page = await fetch(Math.min(limit, PAGE_SIZE), '')
  const first = page
  const items = [...itemsOf(page)]
  while (page.nextPageToken !== '' && items.length < limit) {
    page = await fetch(Math.min(limit - items.length, PAGE_SIZE), page.nextPageToken)
    items.push(...itemsOf(page))
  }
  return { first, items, nextPageToken: page.nextPageToken }
}
