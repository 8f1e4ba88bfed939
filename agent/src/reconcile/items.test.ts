import type { ObservedPool, ObservedReplica } from '@keelson/shared/model'
import { describe, expect, it } from 'vitest'
import { createItemBook } from './items.ts'

const GIB = 2 ** 30
const pool = (more: Partial<ObservedPool> = {}): ObservedPool => ({
  uid: 'p1',
  phase: 'Ready',
  message: '',
  totalBytes: 100 * GIB,
  freeBytes: 50 * GIB,
  reflink: true,
  orphans: [],
  ...more,
})
const replica = (more: Partial<ObservedReplica> = {}): ObservedReplica => ({
  volumeUid: 'v1',
  phase: 'Ready',
  message: '',
  devicePath: '/dev/keelson/v1',
  kernelDevice: '/dev/loop1',
  sizeBytes: 10 * GIB,
  allocatedBytes: GIB,
  ...more,
})
const state = (pools: ObservedPool[], replicas: ObservedReplica[] = [], appliedGeneration = 1) => ({
  appliedGeneration,
  pools,
  replicas,
  snapshots: [],
})

describe('the book of items', () => {
  const news: [string, Partial<ObservedPool>, boolean][] = [
    ['nothing', {}, false],
    ['a little free space', { freeBytes: 50 * GIB - GIB + 1 }, false],
    ['a hundredth of the pool', { freeBytes: 49 * GIB }, true],
    ['a larger pool', { totalBytes: 101 * GIB }, true],
    ['a message', { message: 'on tmpfs' }, true],
    ['an orphan', { orphans: ['x'] }, true],
  ]
  it.each(news)('tells whether %s is news of a pool', (_, more, expected) => {
    const book = createItemBook()
    expect(book.update(state([pool()]))).toBe(true)
    const before = book.pools.get('p1')
    expect(book.update(state([pool(more)]))).toBe(expected)
    expect(book.pools.get('p1') === before).toBe(!expected)
  })

  it('notices free space that creeps', () => {
    const book = createItemBook()
    book.update(state([pool()]))
    let reports = 0
    for (let used = 0; used < 10 * GIB; used += GIB / 10)
      if (book.update(state([pool({ freeBytes: 50 * GIB - used })]))) reports++
    expect(reports).toBe(9)
  })

  it.each([
    ['a few blocks written', { allocatedBytes: GIB + 4096 }, false],
    ['a hundredth of the volume written', { allocatedBytes: GIB + GIB / 10 }, true],
    ['a small volume filling up', { sizeBytes: GIB, allocatedBytes: GIB + 2 ** 24 }, true],
    ['a volume that grew', { sizeBytes: 11 * GIB }, true],
    ['another device', { kernelDevice: '/dev/loop2' }, true],
  ])('tells whether %s is news of a replica', (_, more, expected) => {
    const book = createItemBook()
    book.update(state([], [replica()]))
    expect(book.update(state([], [replica(more)]))).toBe(expected)
  })

  it('forgets what is not named any more, and notes a generation that was carried out', () => {
    const book = createItemBook()
    book.update(state([pool()], [replica()]))
    expect(book.update(state([pool()], []))).toBe(true)
    expect(book.replicas.size).toBe(0)
    expect(book.update(state([pool()], [], 2))).toBe(true)
    expect(book.appliedGeneration).toBe(2)
  })

  it('bounds what is sent', () => {
    const book = createItemBook()
    const orphans = Array.from({ length: 1_000 }, (_, index) => `file${index}`)
    book.update(state([pool({ orphans, message: 'x'.repeat(5_000) })]))
    expect(book.pools.get('p1')?.orphans).toHaveLength(51)
    expect(book.pools.get('p1')?.orphans.at(-1)).toBe('and 950 more')
    expect(book.pools.get('p1')?.message).toHaveLength(1_000)
    expect(book.update(state([pool({ orphans, message: 'x'.repeat(5_000) })]))).toBe(false)
  })
})
