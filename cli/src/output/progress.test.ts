import { describe, expect, it } from 'vitest'
import { createProgress } from './progress.ts'
import { noPaint } from './style.ts'

function stream(isTTY: boolean, columns?: number) {
  const written: string[] = []
  return {
    written,
    isTTY,
    write: (text: string) => void written.push(text),
    ...(columns && { columns }),
  }
}

describe('progress', () => {
  it('replaces its line on a terminal, and takes it away', () => {
    const to = stream(true)
    const progress = createProgress(to, noPaint, false)
    progress.show('one')
    progress.show('one')
    progress.show('two')
    progress.clear()
    progress.clear()
    expect(to.written).toEqual(['one', '\r\x1b[K', 'two', '\r\x1b[K'])
  })

  it('never wraps, because a wrapped line cannot be taken away', () => {
    const to = stream(true, 5)
    createProgress(to, noPaint, false).show('123456789')
    expect(to.written).toEqual(['1234'])
  })

  it('shows nothing in a pipe, but tells what asks for attention, once', () => {
    const to = stream(false)
    const progress = createProgress(to, noPaint, false)
    progress.show('one')
    progress.warn('disk full')
    progress.warn('disk full')
    progress.note('done')
    expect(to.written).toEqual(['warning: disk full\n', 'done\n'])
  })

  it('is silent when a program reads the stream', () => {
    const to = stream(false)
    const progress = createProgress(to, noPaint, true)
    progress.warn('disk full')
    progress.note('done')
    expect(to.written).toEqual([])
  })
})
