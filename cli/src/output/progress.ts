/** One line that changes in place while somebody waits, and lines that stay. */
import type { TextStream } from '../terminal/index.ts'
import { type Paint, printable } from './style.ts'

/** What is told while waiting. All of it goes to stderr. */
export interface Progress {
  /** Replaces the line; only where a person looks. */
  show(text: string): void
  /** A line that stays; each text is told once. */
  note(text: string): void
  /** The same for what asks for attention. */
  warn(text: string): void
  /** Takes the changing line away. */
  clear(): void
}

/** Progress on a stream; `quiet` swallows all lines, for programs that read the stream. */
export function createProgress(stream: TextStream, paint: Paint, quiet: boolean): Progress {
  const told = new Set<string>()
  let shown = ''
  const clear = () => {
    if (shown !== '') stream.write('\r\x1b[K')
    shown = ''
  }
  const tell = (text: string, prefix: string) => {
    if (quiet || told.has(text)) return
    told.add(text)
    clear()
    stream.write(`${prefix}${printable(text)}\n`)
  }
  return {
    show(text) {
      // A line that wraps could not be taken away again.
      const line = printable(text).slice(0, (stream.columns ?? 80) - 1)
      if (stream.isTTY !== true || line === shown) return
      clear()
      stream.write(paint(line, 'faint'))
      shown = line
    },
    note: (text) => tell(text, ''),
    warn: (text) => tell(text, `${paint('warning:', 'warning')} `),
    clear,
  }
}
