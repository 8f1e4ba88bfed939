import { describe, expect, it } from 'vitest'
import { seededRng, sleep, startReconcileLoop } from '../runtime/index.ts'
import { createFakeClock } from './fake-clock.ts'

describe('the fake clock', () => {
  it('fires timers by time, then by age, each at its own moment', async () => {
    const clock = createFakeClock({ now: 0 })
    const fired: string[] = []
    const note = (name: string) => () => fired.push(`${name}@${clock.now()}`)
    clock.after(20, note('late'))
    clock.after(10, note('first'))
    clock.after(10, note('second'))
    clock.after(10, () => {
      note('outer')()
      clock.after(0, note('inner'))
      clock.after(5, note('between'))
    })
    await clock.advance(20)
    expect(fired).toEqual([
      'first@10',
      'second@10',
      'outer@10',
      'inner@10',
      'between@15',
      'late@20',
    ])
    expect(clock.now()).toBe(20)
    expect(clock.nextTimerAt()).toBeUndefined()
  })

  it('does not fire what was cancelled, nor what is not due', async () => {
    const clock = createFakeClock({ now: 0 })
    const fired: string[] = []
    const second = clock.after(5, () => fired.push('second'))
    clock.after(1, () => second.cancel())
    clock.after(7, () => fired.push('third'))
    await clock.advance(6)
    expect(fired).toEqual([])
    expect(clock.nextTimerAt()).toBe(7)
    await clock.advance(1)
    expect(fired).toEqual(['third'])
  })

  it('lets chains of promises go on between timers', async () => {
    const clock = createFakeClock({ now: 0 })
    const seen: number[] = []
    async function walk() {
      for (let i = 0; i < 3; i++) {
        await sleep(clock, 10)
        for (let hop = 0; hop < 50; hop++) await Promise.resolve()
        seen.push(clock.now())
      }
    }
    const walking = walk()
    await clock.advance(30)
    await walking
    expect(seen).toEqual([10, 20, 30])
  })

  it('drives a reconcile loop: passes by period, by trigger and with backoff', async () => {
    const clock = createFakeClock({ now: 0 })
    const passes: number[] = []
    let fail = false
    const loop = startReconcileLoop({
      name: 'test',
      clock,
      rng: seededRng(1),
      periodMs: 1_000,
      pass: async () => {
        passes.push(clock.now())
        if (fail) throw new Error('no')
      },
    })
    await clock.advance(2_500)
    loop.trigger()
    await clock.advance(1)
    expect(passes).toEqual([0, 1_000, 2_000, 2_500])
    fail = true
    loop.trigger()
    await clock.advance(600)
    expect(passes.length).toBeGreaterThan(5)
    await loop.stop()
  })

  it('refuses timers that keep an instant from ending', async () => {
    const clock = createFakeClock({ now: 0 })
    let count = 0
    const again = () => {
      count++
      if (count < 200_000) clock.after(0, again)
    }
    clock.after(0, again)
    await expect(clock.advance(1)).rejects.toThrow('never end')
  })
})
