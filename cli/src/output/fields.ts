/** One thing in detail: names and values under each other, with tables and lists in between. */
import { type Paint, printable, type Tone } from './style.ts'
import { type Column, renderTable } from './table.ts'

/** A name and its value; one with an empty value is left out. */
export type Field = readonly [name: string, value: string, tone?: Tone]

/** Lines of a description, built from top to bottom. */
export interface Description {
  /** Aligned names and values; those without a value are left out. */
  fields(fields: readonly Field[]): void
  /** A title, and what `body` writes below it, indented. */
  section(title: string, body: (inner: Description) => void): void
  /** A table; nothing without items. */
  table<T>(columns: readonly Column<T>[], items: readonly T[]): void
  /** A line as it is. */
  line(text: string, tone?: Tone): void
  /** All of it. */
  text(): string
}

/** An empty description. `wide` shows the wide columns of its tables too. */
export function describe(paint: Paint, wide = false, indent = ''): Description {
  const lines: string[] = []
  const add = (text: string) => lines.push(indent + text)
  return {
    fields(fields) {
      const known = fields.filter(([, value]) => value !== '')
      const width = Math.max(0, ...known.map(([name]) => name.length))
      for (const [name, value, tone] of known)
        add(`${`${name}:`.padEnd(width + 3)}${paint(printable(value), tone ?? 'plain')}`)
    },
    section(title, body) {
      const inner = describe(paint, wide, `${indent}  `)
      body(inner)
      const text = inner.text()
      if (text === '') return
      add(paint(title, 'strong'))
      lines.push(text.trimEnd())
    },
    table(columns, items) {
      const text = renderTable(columns, items, { wide, headers: true, paint })
      for (const row of text.split('\n')) if (row !== '') add(row)
    },
    line(text, tone = 'plain') {
      add(paint(printable(text), tone))
    },
    text: () => lines.map((line) => `${line}\n`).join(''),
  }
}
