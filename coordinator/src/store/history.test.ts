import { KeelsonError } from '@keelson/shared/errors'
import { describe, expect, it } from 'vitest'
import { createHistory } from './history.ts'
import type { Change } from './store.ts'

const change = (revision: number, key = 'a', value = 'v'): Change => ({ revision, key, value })
const forEver = new AbortController().signal

async function next(watch: AsyncIterator<readonly Change[]>): Promise<number[]> {
  const { value, done } = await watch.next()
  return done ? [] : value.map(({ revision }: Change) => revision)
}

describe('a history', () => {
  it('begins after the revision it is opened at', async () => {
    const history = createHistory(7)
    expect(history.compactedRevision).toBe(7)
    history.append([change(8)])
    const early = history.watch('', 7, forEver)[Symbol.asyncIterator]()
    await expect(early.next()).rejects.toMatchObject({ code: 'OUT_OF_RANGE', reason: 'compacted' })
    expect(await next(history.watch('', 8, forEver)[Symbol.asyncIterator]())).toEqual([8])
  })

  it.each([
    ['changes', { maxChanges: 5 }],
    ['characters', { maxCharacters: 10 }],
  ])('keeps no more %s than it may', async (_, limits) => {
    const history = createHistory(0, limits)
    for (let revision = 1; revision <= 3000; revision++) history.append([change(revision)])
    expect(history.compactedRevision).toBe(2995)
    const watch = history.watch('', 2996, forEver)[Symbol.asyncIterator]()
    expect(await next(watch)).toEqual([2996, 2997, 2998, 2999, 3000])
  })

  it('lets go even of the newest revision if that alone is too much', () => {
    const history = createHistory(0, { maxCharacters: 10 })
    history.append([change(1, 'a', 'x'.repeat(20))])
    expect(history.compactedRevision).toBe(1)
  })

  it('tells a watcher that reads too slowly, instead of leaving a gap', async () => {
    const history = createHistory(0, { maxChanges: 5 })
    history.append([change(1)])
    const slow = history.watch('', 1, forEver)[Symbol.asyncIterator]()
    expect(await next(slow)).toEqual([1])
    for (let revision = 2; revision <= 8; revision++) history.append([change(revision)])
    await expect(slow.next()).rejects.toMatchObject({ reason: 'compacted' })
  })

  it('tells a waiting watcher when the revision it waits for is compacted', async () => {
    const history = createHistory(0)
    const watch = history.watch('b', 1, forEver)[Symbol.asyncIterator]()
    const waiting = watch.next()
    history.append([change(1), change(1, 'b')])
    history.compact(1)
    // The watcher has not run since, and its change is gone.
    await expect(waiting).rejects.toMatchObject({ reason: 'compacted' })
  })

  it('hands out a long history in batches of whole revisions', async () => {
    const history = createHistory(0)
    for (let revision = 1; revision <= 5; revision++)
      history.append(Array.from({ length: 700 }, (_, index) => change(revision, `k${index}`)))
    const watch = history.watch('', 1, forEver)[Symbol.asyncIterator]()
    const sizes = [
      (await next(watch)).length,
      (await next(watch)).length,
      (await next(watch)).length,
    ]
    expect(sizes).toEqual([1400, 1400, 700])
  })

  it('ends every watch with the error once it has shown all there is', async () => {
    const history = createHistory(0)
    const error = new KeelsonError('UNAVAILABLE', 'gone')
    const waiting = history.watch('', 1, forEver)[Symbol.asyncIterator]()
    const first = next(waiting)
    history.append([change(1)])
    history.end(error)
    history.end(new KeelsonError('UNAVAILABLE', 'later'))
    expect(await first).toEqual([1])
    await expect(waiting.next()).rejects.toBe(error)
    const late = history.watch('', 1, forEver)[Symbol.asyncIterator]()
    expect(await next(late)).toEqual([1])
    await expect(late.next()).rejects.toBe(error)
  })

  it('refuses a revision out of turn as a programmer error', () => {
    const history = createHistory(3)
    expect(() => history.append([change(5)])).toThrow('revisions have no gaps')
  })
})
