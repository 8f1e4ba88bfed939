/** Waiting for what may never answer. */
import type { Clock } from '@keelson/shared/runtime'

/** Resolves when `answer` has, or after `ms`. Raises what `answer` raises by then. */
export async function waitAtMost(
  clock: Clock,
  ms: number,
  answer: Promise<unknown>,
): Promise<void> {
  const { promise: patience, resolve } = Promise.withResolvers<void>()
  const timer = clock.after(ms, resolve)
  await Promise.race([answer, patience]).finally(() => timer.cancel())
}
