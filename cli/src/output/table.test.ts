import { describe, expect, it } from 'vitest'
import type { TextStream } from '../terminal/index.ts'
import { describe as description } from './fields.ts'
import { noPaint, paintFor, printable } from './style.ts'
import { type Column, createTable, plainTable, renderTable } from './table.ts'
import { toneOf } from './words.ts'

interface Disk {
  readonly name: string
  readonly size: string
  readonly phase: string
}

const columns: readonly Column<Disk>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'SIZE', cell: ({ size }) => size, right: true },
  { title: 'SERIAL', cell: () => 'S1', wide: true },
  { title: 'PHASE', cell: ({ phase }) => phase, tone: toneOf },
]
const disks: readonly Disk[] = [
  { name: 'a', size: '1GiB', phase: 'Ready' },
  { name: 'a-long-name', size: '512MiB', phase: '' },
]

describe('a table', () => {
  it('aligns its columns, numbers to the right, and says "-" for what is not known', () => {
    expect(renderTable(columns, disks, plainTable)).toBe(
      [
        'NAME           SIZE  PHASE\n',
        'a              1GiB  Ready\n',
        'a-long-name  512MiB  -\n',
      ].join(''),
    )
  })

  it('has its wide columns only when asked for, and no titles when they are not wanted', () => {
    const style = { ...plainTable, wide: true, headers: false }
    expect(renderTable(columns, disks.slice(0, 1), style)).toBe('a  1GiB  S1  Ready\n')
  })

  it('is nothing without items, not even titles', () => {
    expect(renderTable(columns, [], plainTable)).toBe('')
  })

  it('has the same number of words in each line, so that awk finds its columns', () => {
    const lines = renderTable(columns, disks, plainTable).trimEnd().split('\n')
    expect(lines.map((line) => line.split(/ +/).length)).toEqual([3, 3, 3])
  })

  it('keeps its alignment under colours', () => {
    const paint = paintFor({ write: () => undefined, isTTY: true }, {})
    const plain = renderTable(columns, disks, plainTable)
    const painted = renderTable(columns, disks, { ...plainTable, paint })
    expect(painted).toContain('\x1b[32mReady\x1b[0m')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
    expect(painted.replace(/\x1b\[\d+m/g, '')).toBe(plain)
  })

  it('grows with a watch: one header, and widths that never shrink', () => {
    const table = createTable(columns, plainTable)
    expect(table.rows([])).toBe('')
    expect(table.rows(disks.slice(1))).toContain('NAME')
    expect(table.rows(disks.slice(0, 1))).toBe('a              1GiB  Ready\n')
  })

  it('shows control characters of others instead of obeying them', () => {
    const evil = { name: '\x1b]0;gone\x07', size: 'a\nb', phase: '\u202eReady' }
    const text = renderTable(columns, [evil], { ...plainTable, headers: false })
    expect(text).toBe('\\x1b]0;gone\\x07  a b  \\x202eReady\n')
  })
})

describe('colours', () => {
  const tty: TextStream = { write: () => undefined, isTTY: true }
  const pipe: TextStream = { write: () => undefined }
  it.each<[string, TextStream, Record<string, string>, boolean]>([
    ['a terminal', tty, {}, true],
    ['a pipe', pipe, {}, false],
    ['NO_COLOR', tty, { NO_COLOR: '1' }, false],
    ['an empty NO_COLOR', tty, { NO_COLOR: '' }, true],
    ['a dumb terminal', tty, { TERM: 'dumb' }, false],
  ])('%s', (_, stream, env, coloured) => {
    expect(paintFor(stream, env)('x', 'bad') !== 'x').toBe(coloured)
  })
})

describe('a description', () => {
  it('aligns fields, leaves out what has no value, and indents sections', () => {
    const to = description(noPaint)
    to.fields([
      ['Name', 'data'],
      ['Size reached', ''],
      ['Phase', 'Ready'],
    ])
    to.section('Empty:', () => undefined)
    to.section('Replicas:', (inner) => {
      inner.table(columns, disks.slice(0, 1))
      inner.section('More:', (deeper) => deeper.line('text'))
    })
    expect(to.text()).toBe(
      [
        'Name:   data',
        'Phase:  Ready',
        'Replicas:',
        '  NAME  SIZE  PHASE',
        '  a     1GiB  Ready',
        '  More:',
        '    text',
        '',
      ].join('\n'),
    )
  })

  it('keeps a text of several lines on one', () => {
    expect(printable('a \n  b\r\nc')).toBe('a b c')
  })
})
