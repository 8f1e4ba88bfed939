/**
 * How fast documents go out. Alone, a host is served within milliseconds; when many hosts change at
 * once they take turns, and what changes for a host before its turn goes out in the same document.
 * A storm of creations therefore costs documents per second, not documents per creation, and the
 * API keeps the processor.
 */
import type { Clock, Timer } from '@keelson/shared/runtime'

/** What a pacer needs. */
export interface PacerOptions {
  readonly clock: Clock
  /** Turns per second, at most. */
  readonly perSecond: number
  /** A host's turn has come. */
  readonly serve: (node: string) => void
}

/** Turns for hosts. */
export interface Pacer {
  /** Asks for a turn; asking again before it comes changes nothing. */
  request(node: string): void
  stop(): void
}

/** How long changes are gathered when nobody else waits. */
const GATHER_MS = 5
/** How often turns are given while many wait. */
const TICK_MS = 20

/** Makes a pacer. */
export function createPacer({ clock, perSecond, serve }: PacerOptions): Pacer {
  const perTick = Math.max(1, Math.round((perSecond * TICK_MS) / 1000))
  const waiting = new Set<string>()
  let timer: Timer | undefined

  function tick(): void {
    timer = undefined
    let turns = perTick
    for (const node of waiting) {
      if (turns-- === 0) break
      waiting.delete(node)
      serve(node)
    }
    if (waiting.size > 0) timer = clock.after(TICK_MS, tick)
  }

  return {
    request(node) {
      waiting.add(node)
      timer ??= clock.after(GATHER_MS, tick)
    },
    stop() {
      timer?.cancel()
      waiting.clear()
    },
  }
}
