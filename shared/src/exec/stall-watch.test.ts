import { describe, expect, it } from 'vitest'
import { createStallWatch, readProcessActivity } from './stall-watch.ts'

describe('a stall watch', () => {
  it('counts the time since the last change, not since the start', () => {
    const watch = createStallWatch(0, 100)
    const seen = [
      watch.observe(40, 'a'),
      watch.observe(130, 'a'),
      watch.observe(139, 'b'),
      watch.observe(238, 'b'),
      watch.observe(239, 'b'),
    ]
    expect(seen).toEqual([false, false, false, false, true])
  })
})

describe('the activity of a process', () => {
  it('changes when the process uses the CPU or does I/O', async () => {
    const before = await readProcessActivity(process.pid)
    const after = await readProcessActivity(process.pid)
    // Reading the first sample was I/O of this process.
    expect(after).not.toBe(before)
    expect(after).toMatch(/^\d+ \d+\nrchar: \d+/)
  })
  it('is blank for a process that does not exist', async () => {
    expect((await readProcessActivity(2 ** 30)).trim()).toBe('')
  })
})
