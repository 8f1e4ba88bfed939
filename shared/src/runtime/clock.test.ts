import { describe, expect, it } from 'vitest'
import { createFakeClock } from '../testing/index.ts'
import { sleep, systemClock } from './clock.ts'

describe('sleeping', () => {
  it('ends after its time', async () => {
    const clock = createFakeClock({ now: 0 })
    let woke = 0
    const sleeping = sleep(clock, 100).then(() => {
      woke = clock.now()
    })
    await clock.advance(1_000)
    await sleeping
    expect(woke).toBe(100)
  })

  it('ends with the reason when it is aborted, and leaves no timer behind', async () => {
    const clock = createFakeClock({ now: 0 })
    const abort = new AbortController()
    const reason = new Error('stopping')
    const sleeping = sleep(clock, 100, abort.signal)
    abort.abort(reason)
    await expect(sleeping).rejects.toBe(reason)
    expect(clock.nextTimerAt()).toBeUndefined()
  })

  it('does not begin when it is aborted already', async () => {
    const clock = createFakeClock({ now: 0 })
    const reason = new Error('stopped')
    await expect(sleep(clock, 100, AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(clock.nextTimerAt()).toBeUndefined()
  })

  it('that ended hears no abort any more', async () => {
    const clock = createFakeClock({ now: 0 })
    const abort = new AbortController()
    const sleeping = sleep(clock, 1, abort.signal)
    await clock.advance(1)
    await sleeping
    abort.abort()
    await expect(sleeping).resolves.toBeUndefined()
  })
})

describe('the system clock', () => {
  it('calls back, unless it is cancelled, as often as one likes', async () => {
    const called: string[] = []
    const cancelled = systemClock.after(0, () => called.push('cancelled'))
    cancelled.cancel()
    cancelled.cancel()
    await new Promise<void>((resolve) => {
      systemClock.after(0, () => {
        called.push('fired')
        resolve()
      })
    })
    expect(called).toEqual(['fired'])
  })
})
