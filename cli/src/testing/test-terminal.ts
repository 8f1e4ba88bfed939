/** A terminal whose output can be read back. */
import { tmpdir } from 'node:os'
import { type Clock, systemClock } from '@keelson/shared/runtime'
import type { Terminal } from '../terminal/index.ts'

/** A terminal with its output. */
export interface TestTerminal extends Terminal {
  readonly output: { stdout: string; stderr: string }
  /** As Ctrl-C does. */
  interrupt(): void
}

/** What a test may choose. */
export interface TestTerminalOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly directory?: string
  readonly homeDirectory?: string
  readonly clock?: Clock
  /** Whether people look at it. */
  readonly isTTY?: boolean
  /** Called after every write, so that a test can act when it sees something, not after a time. */
  onOutput?(output: Readonly<TestTerminal['output']>, interrupt: () => void): void
}

/** Makes a terminal of a pipe, in a directory without a context file. */
export function createTestTerminal(options: TestTerminalOptions = {}): TestTerminal {
  const output = { stdout: '', stderr: '' }
  const abort = new AbortController()
  const stream = (name: 'stdout' | 'stderr') => ({
    isTTY: options.isTTY ?? false,
    write(text: string) {
      output[name] += text
      options.onOutput?.(output, () => abort.abort())
    },
  })
  return {
    output,
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    env: options.env ?? {},
    directory: options.directory ?? tmpdir(),
    homeDirectory: options.homeDirectory ?? '/nonexistent',
    clock: options.clock ?? systemClock,
    signal: abort.signal,
    interrupt: () => abort.abort(),
  }
}
