/**
 * The answer to a shell: one candidate per line, a tab, and what it is. A line ":files" hands over
 * to the shell's own completion of paths. Whatever goes wrong is silent: nobody who presses Tab
 * wants to read an error.
 */
import { printable } from '../output/index.ts'
import type { Terminal } from '../terminal/index.ts'
import { DEFAULT_TIMEOUT_MS, type NamedKind, type Noun } from '../verb/index.ts'
import { readPlace } from './command-line.ts'

/** How long the cluster may take to tell names. */
const PATIENCE_MS = 1_000

/** Lines for a command line, without the program's name, whose last word is at the cursor. */
export async function completeCommandLine(
  words: readonly string[],
  nouns: readonly Noun[],
  terminal: Terminal,
): Promise<string> {
  try {
    const { current, prefix, expected, globals } = await readPlace(words, nouns)
    if (expected.kind === 'nothing') return ''
    if (expected.kind === 'value' && expected.complete === 'file') return ':files\n'
    const candidates =
      expected.kind === 'words'
        ? expected.candidates
        : typeof expected.complete === 'string'
          ? await liveNames(expected.complete, current, globals, terminal)
          : expected.complete.map((word) => ({ word, summary: '' }))
    return candidates
      .filter(({ word }) => word.startsWith(current))
      .map(({ word, summary }) => `${prefix}${word}\t${printable(summary)}\n`)
      .join('')
  } catch {
    return ''
  }
}

async function liveNames(
  kind: NamedKind | 'file',
  current: string,
  globals: Readonly<Record<string, string>>,
  terminal: Terminal,
) {
  if (kind === 'file') return []
  const { resolveTarget } = await import('../context/index.ts')
  const { createClient } = await import('../client/index.ts')
  const { namesOf } = await import('./names.ts')
  const target = await resolveTarget(globals, terminal)
  const enough = new AbortController()
  const timer = terminal.clock.after(PATIENCE_MS, () => enough.abort())
  const signal = AbortSignal.any([terminal.signal, enough.signal])
  const client = createClient(target, { timeoutMs: DEFAULT_TIMEOUT_MS, signal })
  try {
    return await namesOf(kind, current, client)
  } finally {
    timer.cancel()
    client.close()
  }
}
