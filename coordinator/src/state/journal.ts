import type { RecordKind } from './records.ts'

/** A record that changed. */
export interface Change {
  readonly kind: RecordKind
  readonly id: string
}

/**
 * The latest changes of a state, for those who keep something derived from it and catch up when
 * they need it. Positions count changes from 0.
 */
export interface Journal {
  /** Position after the newest change. */
  readonly position: number
  /** Changes from `position` on, oldest first; undefined when some are no longer known. */
  since(position: number): readonly Change[] | undefined
}

/** The journal with its one writer. */
export interface WritableJournal extends Journal {
  record(change: Change): void
}

/** Changes kept at least; whoever is further behind reads the state anew. */
const KEPT = 8192

/** An empty journal. */
export function createJournal(): WritableJournal {
  let changes: Change[] = []
  let dropped = 0
  return {
    get position() {
      return dropped + changes.length
    },
    since: (position) => (position < dropped ? undefined : changes.slice(position - dropped)),
    record(change) {
      changes.push(change)
      if (changes.length < 2 * KEPT) return
      changes = changes.slice(KEPT)
      dropped += KEPT
    },
  }
}
