/**
 * Details of GPUs through systeminformation, which knows the vendors' tools. It starts processes
 * and blocks while they run, so it works in a thread of its own for at most ten seconds, only on
 * hosts with a GPU, and a report without its answer is still a report.
 */
import { Worker } from 'node:worker_threads'
import { type Clock, systemClock } from '@keelson/shared/runtime'
import type { GpuDetails } from './pci.ts'

/** What the worker sends back: the controllers as systeminformation has them, cut to our fields. */
export interface GraphicsController {
  readonly busAddress: string
  readonly vendor: string
  readonly model: string
  /** Mebibytes. */
  readonly memoryMib: number
  readonly driverVersion: string
}

/** How the details are read. */
export interface GraphicsOptions {
  readonly clock?: Clock
  readonly timeoutMs?: number
  /** Module that runs in the thread; tests put a stuck one here. */
  readonly worker?: URL
  readonly signal?: AbortSignal | undefined
}

/** Details by PCI address, or why there are none. */
export function readGpuDetails(
  addresses: readonly string[],
  options: GraphicsOptions = {},
): Promise<GpuDetails | string> {
  const { clock = systemClock, timeoutMs = 10_000 } = options
  const worker = new Worker(options.worker ?? new URL('./graphics-worker.ts', import.meta.url))
  worker.unref()
  return new Promise((resolve) => {
    const finish = (result: GpuDetails | string) => {
      timer.cancel()
      options.signal?.removeEventListener('abort', onAbort)
      resolve(result)
      void worker.terminate()
    }
    const onAbort = () => finish('the report was cancelled')
    const timer = clock.after(timeoutMs, () =>
      finish(`systeminformation did not answer within ${timeoutMs} ms`),
    )
    options.signal?.addEventListener('abort', onAbort, { once: true })
    worker.once('message', (controllers: readonly GraphicsController[]) =>
      finish(matchGpus(addresses, controllers)),
    )
    worker.once('error', (error: unknown) =>
      finish(`systeminformation failed: ${error instanceof Error ? error.message : error}`),
    )
    worker.once('exit', () => finish('systeminformation ended without an answer'))
  })
}

/** Joins by address; systeminformation leaves the PCI domain out. */
export function matchGpus(
  addresses: readonly string[],
  controllers: readonly GraphicsController[],
): GpuDetails {
  const details: [string, Record<string, string | number>][] = addresses.flatMap((address) => {
    const found = controllers.find(
      ({ busAddress }) => busAddress !== '' && address.endsWith(busAddress.toLowerCase()),
    )
    if (found === undefined) return []
    const { vendor, model, memoryMib, driverVersion } = found
    return [
      [
        address,
        {
          ...(vendor && { vendor }),
          ...(model && { model }),
          ...(memoryMib > 0 && { memoryBytes: memoryMib * 2 ** 20 }),
          ...(driverVersion && { driverVersion }),
        },
      ],
    ]
  })
  return new Map(details)
}
