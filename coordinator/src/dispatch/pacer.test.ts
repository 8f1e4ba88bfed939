import { createFakeClock } from '@keelson/shared/testing'
import { describe, expect, it } from 'vitest'
import { createPacer } from './pacer.ts'

function setup(perSecond: number) {
  const clock = createFakeClock()
  const served: string[] = []
  const pacer = createPacer({ clock, perSecond, serve: (node) => served.push(node) })
  return { clock, pacer, served }
}

describe('turns', () => {
  it('come within milliseconds for a host alone, once for many requests', async () => {
    const { clock, pacer, served } = setup(100)
    pacer.request('n1')
    pacer.request('n1')
    await clock.advance(5)
    expect(served).toEqual(['n1'])
    await clock.advance(1_000)
    expect(served).toEqual(['n1'])
  })

  it('are given in order and no faster than the rate when many wait', async () => {
    const { clock, pacer, served } = setup(100)
    for (let i = 0; i < 50; i++) pacer.request(`n${i}`)
    await clock.advance(205)
    expect(served).toHaveLength(22)
    expect(served[0]).toBe('n0')
    await clock.advance(1_000)
    expect(served).toEqual(Array.from({ length: 50 }, (_, i) => `n${i}`))
  })

  it('are asked for anew while being served', async () => {
    const clock = createFakeClock()
    let count = 0
    const pacer = createPacer({
      clock,
      perSecond: 1_000,
      serve: (node) => {
        if (++count < 3) pacer.request(node)
      },
    })
    pacer.request('n1')
    await clock.advance(100)
    expect(count).toBe(3)
    pacer.stop()
  })
})
