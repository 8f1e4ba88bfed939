import { createFakeClock } from '@keelson/shared/testing'
import { describe, expect, it } from 'vitest'
import { matchGpus, readGpuDetails } from './graphics.ts'

describe('the tools of GPUs', () => {
  it('answer in a thread of their own, also where there is no GPU', async () => {
    expect(await readGpuDetails(['0000:17:00.0'])).toEqual(new Map())
  })

  it('that do not answer in time are given up', async () => {
    const clock = createFakeClock()
    const worker = new URL('data:text/javascript,setInterval(() => {}, 1000)')
    const details = readGpuDetails(['0000:17:00.0'], { clock, worker })
    await clock.advance(10_000)
    expect(await details).toBe('systeminformation did not answer within 10000 ms')
  })

  it.each([
    ['data:text/javascript,throw new Error("boom")', 'systeminformation failed: boom'],
    ['data:text/javascript,', 'systeminformation ended without an answer'],
  ])('that fail say why: %s', async (worker, reason) => {
    expect(await readGpuDetails(['0000:17:00.0'], { worker: new URL(worker) })).toBe(reason)
  })

  it('are joined with PCI by the address without its domain', () => {
    const controller = {
      busAddress: '17:00.0',
      vendor: 'NVIDIA',
      model: 'A100',
      memoryMib: 40_960,
      driverVersion: '550.54',
    }
    expect(matchGpus(['0000:17:00.0', '0000:65:00.0'], [controller])).toEqual(
      new Map([
        [
          '0000:17:00.0',
          {
            vendor: 'NVIDIA',
            model: 'A100',
            memoryBytes: 40 * 2 ** 30,
            driverVersion: '550.54',
          },
        ],
      ]),
    )
  })
})
