/** Colour on a terminal that wants it, and text that cannot play tricks on one. */
import type { Terminal, TextStream } from '../terminal/index.ts'

/** How a text should strike the eye. */
export type Tone = 'plain' | 'good' | 'warning' | 'bad' | 'strong' | 'faint'

/** Colours a text, or leaves it alone where colours are not wanted. */
export type Paint = (text: string, tone: Tone) => string

const SEQUENCES: Readonly<Record<Exclude<Tone, 'plain'>, string>> = {
  good: '\x1b[32m',
  warning: '\x1b[33m',
  bad: '\x1b[31m',
  strong: '\x1b[1m',
  faint: '\x1b[2m',
}

/** Leaves every text as it is. */
export const noPaint: Paint = (text) => text

/** Colours for a stream: only on a terminal, never when NO_COLOR is set to anything. */
export function paintFor(stream: TextStream, env: Terminal['env']): Paint {
  if (stream.isTTY !== true || env.NO_COLOR || env.TERM === 'dumb') return noPaint
  return (text, tone) => (tone === 'plain' ? text : `${SEQUENCES[tone]}${text}\x1b[0m`)
}

/**
 * A text from elsewhere on one line: control characters, with which it could move the cursor or
 * change the terminal's title, are shown as "\x1b", and line ends as spaces.
 */
export function printable(text: string): string {
  return text
    .replace(/\s*[\r\n]+\s*/g, ' ')
    .replace(CONTROL, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

// C0 and C1 controls, and the marks that reverse the direction of writing.
const CONTROL = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu
