import { describe, expect, it } from 'vitest'
import { KeelsonError } from '../errors/index.ts'
import { createFakeClock } from '../testing/index.ts'
import { type ReconcileLoop, startReconcileLoop } from './reconcile-loop.ts'
import { seededRng } from './rng.ts'

/** A loop with a period of 1 s whose passes do what `pass` does. */
function start(pass: (signal: AbortSignal) => Promise<void> = async () => undefined) {
  const clock = createFakeClock({ now: 0 })
  const startedAt: number[] = []
  const errors: KeelsonError[] = []
  const loop: ReconcileLoop = startReconcileLoop({
    name: 'test',
    clock,
    rng: seededRng(1),
    periodMs: 1_000,
    backoff: { initialMs: 100, maximumMs: 400 },
    pass: (signal) => {
      startedAt.push(clock.now())
      return pass(signal)
    },
    onError: (error) => errors.push(error),
  })
  return { clock, loop, startedAt, errors }
}

/** A pass that lasts until it is let go. */
function gate() {
  let waiting: (() => void)[] = []
  return {
    pass: () => new Promise<void>((resolve) => waiting.push(resolve)),
    open() {
      const released = waiting
      waiting = []
      for (const resolve of released) resolve()
    },
  }
}

describe('a loop', () => {
  it('looks at once, then every period', async () => {
    const { clock, loop, startedAt } = start()
    await clock.advance(2_999)
    expect(startedAt).toEqual([0, 1_000, 2_000])
    await loop.stop()
  })

  it('looks when it is triggered; triggers that come together are one', async () => {
    const { clock, loop, startedAt } = start()
    await clock.advance(300)
    for (let i = 0; i < 5; i++) loop.trigger()
    await clock.advance(999)
    expect(startedAt).toEqual([0, 300])
    await clock.advance(1)
    expect(startedAt, 'the period counts from the last look').toEqual([0, 300, 1_300])
    await loop.stop()
  })

  it('never looks twice at a time, and once more if it was triggered meanwhile', async () => {
    const { pass, open } = gate()
    const { clock, loop, startedAt } = start(pass)
    await clock.advance(5_000)
    loop.trigger()
    loop.trigger()
    await clock.advance(5_000)
    expect(startedAt).toEqual([0])
    expect(loop.status().running).toBe(true)
    open()
    await clock.advance(500)
    expect(startedAt).toEqual([0, 10_000])
    open()
    await clock.advance(999)
    expect(startedAt.length).toBe(2)
    await clock.advance(1)
    expect(startedAt.length).toBe(3)
    open()
    await loop.stop()
  })
})

describe('a pass that fails', () => {
  it('is told of and tried again, later each time, and triggers do not hurry it', async () => {
    const { clock, loop, startedAt, errors } = start(async () => {
      throw new Error('no')
    })
    await clock.advance(0)
    loop.trigger()
    await clock.advance(3_000)
    const gaps = startedAt.slice(1).map((at, index) => at - startedAt[index]!)
    expect(gaps[0]).toBeGreaterThanOrEqual(50)
    expect(gaps[1]).toBeGreaterThanOrEqual(100)
    for (const gap of gaps.slice(2)) {
      expect(gap).toBeGreaterThanOrEqual(200)
      expect(gap).toBeLessThanOrEqual(400)
    }
    expect(errors.length).toBe(startedAt.length)
    expect(errors[0]).toMatchObject({ code: 'INTERNAL', message: 'test failed' })
    await loop.stop()
  })

  it('keeps its own code and words', async () => {
    const error = new KeelsonError('UNAVAILABLE', 'no store')
    const { clock, loop, errors } = start(async () => {
      throw error
    })
    await clock.advance(0)
    expect(errors).toEqual([error])
    expect(loop.status().lastError).toBe('no store')
    await loop.stop()
  })

  it('is forgotten by the next that does not', async () => {
    let failing = true
    const { clock, loop, startedAt } = start(async () => {
      if (failing) throw new Error('no')
    })
    await clock.advance(1_000)
    failing = false
    await clock.advance(400)
    expect(loop.status().lastError).toBeUndefined()
    const passes = startedAt.length
    await clock.advance(2_000)
    expect(startedAt.length).toBe(passes + 2)
    await loop.stop()
  })
})

describe('stopping', () => {
  it('aborts the pass under way, waits for its end, and begins no other', async () => {
    const { clock, loop, startedAt, errors } = start(
      (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
    )
    await clock.advance(10)
    await loop.stop()
    loop.trigger()
    await clock.advance(60_000)
    expect(startedAt).toEqual([0])
    expect(errors, 'an abort is no failure').toEqual([])
    expect(loop.status()).toMatchObject({ running: false, passes: 1, lastStartedAt: 0 })
  })

  it('waits for a pass that does not listen', async () => {
    const { pass, open } = gate()
    const { clock, loop } = start(pass)
    let stopped = false
    const stopping = loop.stop().then(() => {
      stopped = true
    })
    await clock.advance(1_000)
    expect(stopped).toBe(false)
    open()
    await stopping
    expect(clock.nextTimerAt()).toBeUndefined()
  })
})

describe('the status', () => {
  it('says what the loop has been doing', async () => {
    const { pass, open } = gate()
    const { clock, loop } = start(pass)
    await clock.advance(250)
    expect(loop.status()).toEqual({
      name: 'test',
      passes: 1,
      running: true,
      lastStartedAt: 0,
      lastDurationMs: undefined,
      lastError: undefined,
    })
    open()
    await clock.advance(0)
    expect(loop.status()).toMatchObject({ running: false, lastDurationMs: 250 })
    await loop.stop()
  })
})
