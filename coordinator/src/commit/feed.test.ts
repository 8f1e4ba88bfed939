import { KeelsonError } from '@keelson/shared/errors'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Commit, createFeed, type WritableFeed } from './feed.ts'

const commit = (revision: number): Commit => ({ revision, changes: [] })

/** Starts to follow; `revisions` fills as commits come in. */
function follower(feed: WritableFeed, after: number) {
  const abort = new AbortController()
  const revisions: number[] = []
  const done = (async () => {
    for await (const { revision } of feed.follow(after, abort.signal)) revisions.push(revision)
  })()
  return { revisions, done, stop: () => abort.abort() }
}

/** Lets everything that is ready go on. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('following', () => {
  it('begins after the revision asked for, then waits for what comes', async () => {
    const feed = createFeed(10, 100)
    for (const revision of [11, 12, 13]) feed.publish(commit(revision))
    const fromStart = follower(feed, 10)
    const fromMiddle = follower(feed, 12)
    const fromNow = follower(feed, 13)
    await settle()
    feed.publish(commit(14))
    await settle()
    expect(fromStart.revisions).toEqual([11, 12, 13, 14])
    expect(fromMiddle.revisions).toEqual([13, 14])
    expect(fromNow.revisions).toEqual([14])
    for (const { stop, done } of [fromStart, fromMiddle, fromNow]) {
      stop()
      await done
    }
  })

  it('ends when its signal aborts, before or while it waits', async () => {
    const feed = createFeed(0, 100)
    const waiting = follower(feed, 0)
    await settle()
    waiting.stop()
    await waiting.done
    feed.publish(commit(1))
    const late = follower(feed, 0)
    late.stop()
    await late.done
    expect(waiting.revisions).toEqual([])
  })

  it('resumes where a reader stopped, without gap or repeat', async () => {
    const feed = createFeed(0, 100)
    const first = follower(feed, 0)
    feed.publish(commit(1))
    feed.publish(commit(2))
    await settle()
    first.stop()
    await first.done
    feed.publish(commit(3))
    const second = follower(feed, first.revisions.at(-1)!)
    feed.publish(commit(4))
    await settle()
    second.stop()
    await second.done
    expect([...first.revisions, ...second.revisions]).toEqual([1, 2, 3, 4])
  })
})

describe('a feed that has forgotten', () => {
  it('says so to who asks for what is gone, at the start', async () => {
    const feed = createFeed(5, 2)
    await expect(follower(feed, 4).done).rejects.toMatchObject({
      code: 'OUT_OF_RANGE',
      reason: 'compacted',
      message: 'revision 4 is too old, changes are kept from 5',
    })
    for (const revision of [6, 7, 8, 9]) feed.publish(commit(revision))
    await expect(follower(feed, 5).done).rejects.toMatchObject({ reason: 'compacted' })
    const kept = follower(feed, 7)
    await settle()
    kept.stop()
    await kept.done
    expect(kept.revisions).toEqual([8, 9])
  })

  it('says so to a reader that is too slow, and keeps no more for it', async () => {
    const feed = createFeed(0, 2)
    const reader = feed.follow(0, new AbortController().signal)
    feed.publish(commit(1))
    expect((await reader.next()).value).toEqual(commit(1))
    for (let revision = 2; revision <= 10; revision++) feed.publish(commit(revision))
    await expect(reader.next()).rejects.toMatchObject({ reason: 'compacted' })
  })

  it('shows every reader a run without gaps, or an error', async () => {
    const steps = fc.array(fc.constantFrom('publish', 'read'), { maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), steps, async (capacity, sequence) => {
        const feed = createFeed(0, capacity)
        const abort = new AbortController()
        const reader = feed.follow(0, abort.signal)
        let newest = 0
        let position = 0
        for (const step of sequence)
          if (step === 'publish') feed.publish(commit(++newest))
          else if (position < newest) {
            const read = reader.next().catch((error) => error)
            const { value, code } = await read
            if (code !== undefined) {
              expect(newest - position).toBeGreaterThanOrEqual(capacity)
              return
            }
            expect(value.revision).toBe(++position)
          }
      }),
      { numRuns: 200 },
    )
  })
})

describe('a feed that has ended', () => {
  it('shows what there is, then raises why it ended', async () => {
    const feed = createFeed(0, 100)
    const end = new KeelsonError('UNAVAILABLE', 'loading anew')
    const waiting = follower(feed, 0)
    await settle()
    feed.publish(commit(1))
    feed.publish(commit(2))
    feed.end(end)
    feed.end(new KeelsonError('UNAVAILABLE', 'too late'))
    await expect(waiting.done).rejects.toBe(end)
    const late = follower(feed, 1)
    await expect(late.done).rejects.toBe(end)
    expect([waiting.revisions, late.revisions]).toEqual([[1, 2], [2]])
  })
})

describe('subscribers', () => {
  it('are called in order until they stop', () => {
    const feed = createFeed(0, 2)
    const seen: string[] = []
    const stop = feed.subscribe(({ revision }) => seen.push(`a${revision}`))
    feed.subscribe(({ revision }) => seen.push(`b${revision}`))
    feed.publish(commit(1))
    stop()
    feed.publish(commit(2))
    expect(seen).toEqual(['a1', 'b1', 'b2'])
  })
})
