/**
 * Time of a simulated world. Nothing happens but what a timer starts; between two timers every
 * promise that can settle does. The same seed therefore gives the same run, however slow the
 * machine is, and an hour passes in a second.
 */
import type { Clock } from '@keelson/shared/runtime'

/** A clock that stands still until it is run. */
export interface VirtualClock extends Clock {
  /** Lets `durationMs` pass, timer by timer. */
  run(durationMs: number): Promise<void>
  /** Lets everything that is ready happen, without any time passing. */
  settle(): Promise<void>
}

interface Entry {
  readonly at: number
  readonly order: number
  readonly callback: () => void
  cancelled: boolean
}

/** A virtual clock that begins at `startMs`. */
export function createVirtualClock(startMs: number): VirtualClock {
  const heap: Entry[] = []
  let now = startMs
  let order = 0

  /** Microtasks all run before the next macrotask; no simulated part waits for real I/O. */
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

  return {
    now: () => now,
    settle,
    after(delayMs, callback) {
      const at = now + Math.max(0, Math.ceil(delayMs))
      const entry: Entry = { at, order: order++, callback, cancelled: false }
      push(heap, entry)
      return {
        cancel() {
          entry.cancelled = true
        },
      }
    },
    async run(durationMs) {
      const end = now + durationMs
      await settle()
      while (heap.length > 0 && heap[0]!.at <= end) {
        const entry = pop(heap)
        if (entry.cancelled) continue
        now = entry.at
        entry.callback()
        await settle()
      }
      now = end
    },
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

function push(heap: Entry[], entry: Entry): void {
  heap.push(entry)
  let at = heap.length - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (before(heap[parent]!, heap[at]!)) break
    ;[heap[parent], heap[at]] = [heap[at]!, heap[parent]!]
    at = parent
  }
}

function pop(heap: Entry[]): Entry {
  const first = heap[0]!
  const last = heap.pop()!
  if (heap.length === 0) return first
  heap[0] = last
  for (let at = 0; ; ) {
    let least = at
    for (const child of [2 * at + 1, 2 * at + 2])
      if (child < heap.length && before(heap[child]!, heap[least]!)) least = child
    if (least === at) return first
    ;[heap[at], heap[least]] = [heap[least]!, heap[at]!]
    at = least
  }
}
