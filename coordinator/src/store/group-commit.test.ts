import { KeelsonError } from '@keelson/shared/errors'
import { describe, expect, it } from 'vitest'
import { createGroupCommit, type Outcome } from './group-commit.ts'
import { createHistory } from './history.ts'
import type { Transaction } from './store.ts'

const put = (key: string, value = 'x'): Transaction => ({
  guards: [],
  operations: [{ type: 'put', key, value }],
})

/** A queue over an engine whose groups become durable when the test says so. */
function start() {
  const groups: {
    readonly keys: readonly string[]
    succeed(): void
    fail(error: unknown): void
  }[] = []
  let revision = 0
  const history = createHistory(0)
  const queue = createGroupCommit({
    history,
    revision,
    gather: () => Promise.resolve(),
    write(group) {
      const { promise, resolve, reject } = Promise.withResolvers<readonly Outcome[]>()
      groups.push({
        keys: group.map(({ operations }) => operations[0]?.key ?? ''),
        succeed: () =>
          resolve(group.map(() => ({ type: 'committed', revision: ++revision, idle: [] }))),
        fail: reject,
      })
      return promise
    },
  })
  return { queue, groups, history }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('group commit', () => {
  it('gathers what is called while a group is under way', async () => {
    const { queue, groups } = start()
    const first = [queue.commit(put('a')), queue.commit(put('b'))]
    await turn()
    const second = [queue.commit(put('c')), queue.commit(put('d')), queue.commit(put('e'))]
    await turn()
    expect(groups.map(({ keys }) => keys)).toEqual([['a', 'b']])
    groups[0]?.succeed()
    expect(await Promise.all(first)).toEqual([1, 2])
    await turn()
    expect(groups.map(({ keys }) => keys)).toEqual([
      ['a', 'b'],
      ['c', 'd', 'e'],
    ])
    expect(queue.revision).toBe(2)
    groups[1]?.succeed()
    expect(await Promise.all(second)).toEqual([3, 4, 5])
  })

  it.each([
    ['transactions', 3000, 1, [1024, 1024, 952]],
    ['bytes', 10, 1_000_000, [4, 4, 2]],
  ])('bounds a group in %s', async (_, count, sizeBytes, expected) => {
    const { queue, groups } = start()
    const calls = Array.from({ length: count }, (_, index) =>
      queue.commit(put(`k${index}`, 'x'.repeat(sizeBytes))),
    )
    for (let group = 0; group < expected.length; group++) {
      await turn()
      groups[group]?.succeed()
    }
    await Promise.all(calls)
    expect(groups.map(({ keys }) => keys.length)).toEqual(expected)
  })

  it('refuses everything behind a failed group until it is reopened', async () => {
    const { queue, groups, history } = start()
    const failure = new KeelsonError('RESOURCE_EXHAUSTED', 'disk full')
    const first = queue.commit(put('a'))
    await turn()
    const second = queue.commit(put('b'))
    groups[0]?.fail(failure)
    await expect(first).rejects.toBe(failure)
    await expect(second).rejects.toBe(failure)
    await expect(queue.commit(put('c'))).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: 'the store stopped and must be reopened',
      cause: failure,
    })
    expect(queue.failure).toBe(failure)
    expect(groups).toHaveLength(1)
    const watch = history.watch('', 1, new AbortController().signal)[Symbol.asyncIterator]()
    await expect(watch.next()).rejects.toBe(failure)
  })

  it('acknowledges nothing that becomes durable after it was stopped', async () => {
    const { queue, groups } = start()
    const commit = queue.commit(put('a'))
    await turn()
    const crash = new KeelsonError('UNAVAILABLE', 'crashed')
    queue.stop(crash)
    groups[0]?.succeed()
    await expect(commit).rejects.toBe(crash)
    expect(queue.revision).toBe(0)
  })

  it('closes after what was called before', async () => {
    const { queue, groups } = start()
    const commit = queue.commit(put('a'))
    const closing = queue.close()
    await expect(queue.commit(put('b'))).rejects.toThrow('the store is closed')
    await turn()
    groups[0]?.succeed()
    expect(await commit).toBe(1)
    await closing
    await queue.close()
  })

  it('takes a commit called in the very turn in which it runs dry', async () => {
    const { queue, groups } = start()
    const done: number[] = []
    const chain = async () => {
      for (let n = 0; n < 5; n++) done.push(await queue.commit(put(`k${n}`)))
    }
    const running = chain()
    for (let n = 0; n < 5; n++) {
      await turn()
      groups[n]?.succeed()
    }
    await running
    expect(done).toEqual([1, 2, 3, 4, 5])
  })

  it('turns what is not a KeelsonError into UNAVAILABLE with the cause', async () => {
    const { queue, groups } = start()
    const commit = queue.commit(put('a'))
    await turn()
    const cause = new Error('EIO')
    groups[0]?.fail(cause)
    await expect(commit).rejects.toMatchObject({ code: 'UNAVAILABLE', cause })
  })
})
