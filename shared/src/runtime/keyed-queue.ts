/**
 * Work in order per key, in parallel over keys: two tasks of the same key never overlap, tasks of
 * different keys run side by side up to `concurrency`. The agent keys by volume and by pool.
 */
export interface KeyedQueue {
  /** Runs `task` after every earlier task of `key`; settles as the task does. */
  run<T>(key: string, task: () => Promise<T>): Promise<T>
}

/** A queue that runs at most `concurrency` tasks at once. */
export function createKeyedQueue(concurrency: number): KeyedQueue {
  const tails = new Map<string, Promise<unknown>>()
  const waiting: (() => void)[] = []
  let running = 0

  async function withSlot<T>(task: () => Promise<T>): Promise<T> {
    if (running >= concurrency) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await task()
    } finally {
      // The slot passes straight to the next waiter, so `running` never overshoots.
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }

  return {
    run(key, task) {
      const before = tails.get(key) ?? Promise.resolve()
      const result = before.then(
        () => withSlot(task),
        () => withSlot(task),
      )
      const tail = result
        .catch(() => undefined)
        .finally(() => {
          if (tails.get(key) === tail) tails.delete(key)
        })
      tails.set(key, tail)
      return result
    },
  }
}
