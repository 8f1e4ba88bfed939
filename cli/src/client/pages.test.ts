import { describe, expect, it } from 'vitest'
import { listPages } from './pages.ts'

/** A server with `total` items. */
function server(total: number) {
  const asked: [size: number, token: string][] = []
  const fetch = async (pageSize: number, pageToken: string) => {
    asked.push([pageSize, pageToken])
    const start = Number(pageToken)
    const end = Math.min(total, start + pageSize)
    const items = Array.from({ length: end - start }, (_, index) => start + index)
    return { items, nextPageToken: end < total ? String(end) : '' }
  }
  return { asked, fetch }
}

describe('pages', () => {
  it.each([
    [0, undefined, 0, 1, ''],
    [1_000, undefined, 1_000, 1, ''],
    [2_500, undefined, 2_500, 3, ''],
    [2_500, 10, 10, 1, '10'],
    [2_500, 1_500, 1_500, 2, '1500'],
    [10, 10, 10, 1, ''],
  ])('%i items, limit %s: %i items in %i calls', async (total, limit, length, calls, next) => {
    const { asked, fetch } = server(total)
    const listed = await listPages(fetch, (page) => page.items, limit)
    expect(listed.items).toEqual(Array.from({ length }, (_, index) => index))
    expect(asked).toHaveLength(calls)
    expect(listed.nextPageToken).toBe(next)
  })
})
