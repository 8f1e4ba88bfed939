import { KeelsonError } from '@keelson/shared/errors'
import { describe, expect, it } from 'vitest'
import { storeConformance } from './conformance.ts'
import { createMemoryDisk, createMemoryStore, openMemoryStore } from './memory.ts'
import { readAll, type Transaction } from './store.ts'

storeConformance('the memory engine', async () => {
  const disk = createMemoryDisk()
  let store = openMemoryStore(disk)
  return {
    store,
    async reopen() {
      await store.close()
      store = openMemoryStore(disk)
      return store
    },
    dispose: () => store.close(),
  }
})

const put = (key: string, value: string): Transaction => ({
  guards: [],
  operations: [{ type: 'put', key, value }],
})

describe('a memory disk', () => {
  it('keeps what is durable over a crash and loses the rest', async () => {
    const disk = createMemoryDisk()
    const store = openMemoryStore(disk)
    await store.commit(put('a', 'durable'))
    const lost = store.commit(put('b', 'under way'))
    disk.crash()
    await expect(lost).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(store.get('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    const next = openMemoryStore(disk)
    expect((await readAll(next, '')).records.map(({ key }) => key)).toEqual(['a'])
    await store.close()
    expect((await next.get('a'))?.value).toBe('durable')
  })

  it('has one store at a time', async () => {
    const disk = createMemoryDisk()
    const store = openMemoryStore(disk)
    expect(() => openMemoryStore(disk)).toThrow('open in a store')
    await store.close()
    await openMemoryStore(disk).close()
  })

  it('can be cloned while it is in use', async () => {
    const disk = createMemoryDisk()
    const store = openMemoryStore(disk)
    await store.commit(put('a', '1'))
    const copy = openMemoryStore(disk.clone())
    await store.commit(put('a', '2'))
    expect(await copy.get('a')).toEqual({ key: 'a', value: '1', modRevision: 1 })
    expect(await copy.commit(put('a', '3'))).toBe(2)
    expect((await store.get('a'))?.value).toBe('2')
  })
})

describe('a fault in the memory engine', () => {
  const full = new KeelsonError('RESOURCE_EXHAUSTED', 'disk full')

  it('before a commit stops the store with nothing of the group applied', async () => {
    const disk = createMemoryDisk()
    const failsOn = (value: string) => (transaction: Transaction) =>
      transaction.operations.some((o) => o.type === 'put' && o.value === value) ? full : undefined
    const store = openMemoryStore(disk, { faults: { beforeCommit: failsOn('bad') } })
    await store.commit(put('a', 'good'))
    const codes = await Promise.allSettled(
      ['good', 'bad', 'good'].map((v) => store.commit(put('b', v))),
    )
    for (const result of codes)
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'RESOURCE_EXHAUSTED' } })
    await expect(store.commit(put('c', 'good'))).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: 'the store stopped and must be reopened',
    })
    expect((await store.status()).failure).toBe('disk full')
    expect((await readAll(store, '')).records.map(({ key }) => key)).toEqual(['a'])
    await store.close()
    const reopened = openMemoryStore(disk)
    expect(await reopened.commit(put('b', 'good'))).toBe(2)
  })

  it('between commit and reply leaves a commit that nobody was told of', async () => {
    const disk = createMemoryDisk()
    const store = openMemoryStore(disk, { faults: { afterCommit: () => void disk.crash() } })
    await expect(store.commit(put('a', '1'))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect((await openMemoryStore(disk).get('a'))?.value).toBe('1')
  })

  it('ends the watches after they have shown everything', async () => {
    const error = new KeelsonError('UNAVAILABLE', 'I/O error')
    let failing = false
    const store = createMemoryStore({
      faults: { beforeCommit: () => (failing ? error : undefined) },
    })
    const seen: string[] = []
    const watching = (async () => {
      for await (const batch of store.watch('', 1, new AbortController().signal))
        seen.push(...batch.map(({ value }) => value ?? ''))
    })()
    await store.commit(put('a', '1'))
    await store.commit(put('a', '2'))
    failing = true
    await expect(store.commit(put('a', '3'))).rejects.toBe(error)
    await expect(watching).rejects.toBe(error)
    expect(seen).toEqual(['1', '2'])
  })
})

describe('a delayed memory store', () => {
  it('acknowledges when the clock says so and gathers a group meanwhile', async () => {
    const timers: { at: number; run: () => void }[] = []
    let now = 0
    const clock = {
      now: () => now,
      after(delayMs: number, run: () => void) {
        timers.push({ at: now + delayMs, run })
        return { cancel() {} }
      },
    }
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    const store = createMemoryStore({ delay: { clock, delayMs: () => 5 } })
    const done: number[] = []
    const commit = (value: string) => store.commit(put('a', value)).then((r) => done.push(r))
    const first = commit('1')
    await turn()
    const others = [commit('2'), commit('3')]
    await turn()
    expect([done, timers.map(({ at }) => at), store.revision]).toEqual([[], [5], 0])
    now = 5
    timers.shift()?.run()
    await first
    await turn()
    expect([done, timers.map(({ at }) => at), store.revision]).toEqual([[1], [10], 1])
    now = 10
    timers.shift()?.run()
    await Promise.all(others)
    expect([done, timers, store.revision]).toEqual([[1, 2, 3], [], 3])
  })
})
