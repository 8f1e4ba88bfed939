/** One invocation: what the user asked for besides the verb, and the way back to the user. */
import type { Client } from '../client/index.ts'
import {
  type Column,
  createTable,
  type Format,
  type Paint,
  type Progress,
  renderView,
  type View,
} from '../output/index.ts'
import type { Terminal } from '../terminal/index.ts'

/** Patience when the user does not tell. */
export const DEFAULT_TIMEOUT_MS = 30_000

/** What a verb runs in. */
export interface Session {
  readonly terminal: Terminal
  readonly format: Format
  readonly headers: boolean
  /** For a call, or for waiting. */
  readonly timeoutMs: number
  /** The same, only when the user gave it: streams otherwise last as long as they like. */
  readonly givenTimeoutMs: number | undefined
  /** Colours of stdout. */
  readonly paint: Paint
  readonly progress: Progress
  /** Connects on first use. */
  client(): Promise<Client>
  /** Shows a result. */
  print(view: View): Promise<void>
}

/** Writes one step of a stream after another. */
export interface LiveOutput<T> {
  /** `json` and `names` are those of this step alone. */
  write(rows: readonly T[], json: unknown, names: readonly string[]): Promise<void>
}

/** Output of a verb that never ends by itself: rows for people, one document per step else. */
export function liveOutput<T>(session: Session, columns: readonly Column<T>[]): LiveOutput<T> {
  const { format, headers, paint, terminal } = session
  const table = createTable(columns, { wide: format === 'wide', headers, paint })
  return {
    async write(rows, json, names) {
      const view: View = { json, names, human: () => table.rows(rows) }
      const style = { format, headers, paint, nowMs: terminal.clock.now() }
      terminal.stdout.write(await renderView(view, style, { streamed: true }))
    },
  }
}

/**
 * When a stream is to end by itself: at the user's own `--timeout`, else never. The user asked for
 * that end, so it is no error.
 */
export function streamEnd({ givenTimeoutMs }: Session): AbortSignal {
  if (givenTimeoutMs === undefined) return new AbortController().signal
  return AbortSignal.timeout(givenTimeoutMs)
}
