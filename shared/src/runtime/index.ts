/** Clock, chance, backoff, reconcile loop, keyed queue: everything that waits. No I/O. */
export * from './backoff.ts'
export * from './clock.ts'
export * from './keyed-queue.ts'
export * from './reconcile-loop.ts'
export * from './rng.ts'
