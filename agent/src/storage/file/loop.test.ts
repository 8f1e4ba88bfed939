import { describe, expect, it } from 'vitest'
import { describeWrites, parseWriteCounters, type WriteCounters } from './loop.ts'

const loop = { path: '/dev/loop3' }
// 17 fields as of Linux 6.18: reads, writes, in flight, times, discards, flushes.
const STAT = '  100  0 800  5  42  1  336  9  0  20  14  3  0 24  0  2  1\n'

describe('the write counters of a device', () => {
  it('are read from its stat file', () => {
    expect(parseWriteCounters(STAT)).toEqual({
      writeCount: 42,
      writtenBytes: 336 * 512,
      discardCount: 3,
      inFlightCount: 0,
    })
  })

  const quiet: WriteCounters = parseWriteCounters(STAT)
  it.each<[string, WriteCounters | undefined, RegExp | undefined]>([
    ['prove that nobody wrote', quiet, undefined],
    ['show a write', { ...quiet, writeCount: 43 }, /^1 writes of 0 B and 0 discards/],
    ['show a discard', { ...quiet, discardCount: 4 }, /0 writes of 0 B and 1 discards/],
    ['show a request under way', { ...quiet, inFlightCount: 1 }, /1 requests under way$/],
    ['prove nothing when the device does not count', undefined, /was detached or stopped counting/],
  ])('%s', (_, after, expected) => {
    const found = describeWrites(loop, quiet, after)
    if (expected === undefined) expect(found).toEqual([])
    else expect(found).toEqual([expect.stringMatching(expected)])
  })
})
