/**
 * Tables with aligned columns. Cells are single words wherever their content allows, an unknown
 * value is "-", and the widest cell of a column sets its width, so that `awk` gets along with them
 * as well as people do.
 */
import { noPaint, type Paint, printable, type Tone } from './style.ts'

/** One column. */
export interface Column<T> {
  /** In capitals. */
  readonly title: string
  readonly cell: (item: T) => string
  /** Shown with `-o wide` only. */
  readonly wide?: boolean
  /** Numbers stand right. */
  readonly right?: boolean
  /** From the cell's own text. */
  readonly tone?: (text: string) => Tone
}

/** How a table is shown. */
export interface TableStyle {
  readonly wide: boolean
  readonly headers: boolean
  readonly paint: Paint
}

/** The plainest table, for use inside other texts. */
export const plainTable: TableStyle = { wide: false, headers: true, paint: noPaint }

/** Writes rows one after another; columns keep the width they once had. */
export interface TableWriter<T> {
  /** Lines for these items, with the header before the first ones. */
  rows(items: readonly T[]): string
}

/** A table that grows, as a watch makes it. */
export function createTable<T>(columns: readonly Column<T>[], style: TableStyle): TableWriter<T> {
  const shown = columns.filter((column) => style.wide || column.wide !== true)
  const widths = shown.map((column) => (style.headers ? column.title.length : 1))
  let headerDue = style.headers
  const line = (cells: readonly string[], tone: (text: string, index: number) => Tone) =>
    cells
      .map((text, index) => {
        const padding = ' '.repeat(Math.max(0, (widths[index] ?? 0) - width(text)))
        const painted = style.paint(text, tone(text, index))
        if (shown[index]?.right) return padding + painted
        return index === cells.length - 1 ? painted : painted + padding
      })
      .join('  ')
  return {
    rows(items) {
      const cells = items.map((item) => shown.map((column) => cellText(column, item)))
      for (const row of cells)
        row.forEach((text, index) => {
          widths[index] = Math.max(widths[index] ?? 0, width(text))
        })
      const lines = cells.map((row) => line(row, (text, i) => shown[i]?.tone?.(text) ?? 'plain'))
      if (headerDue && items.length > 0) {
        headerDue = false
        const titles = shown.map((column) => column.title)
        lines.unshift(line(titles, () => 'strong'))
      }
      return lines.map((text) => `${text}\n`).join('')
    },
  }
}

/** A whole table; empty without items. */
export function renderTable<T>(
  columns: readonly Column<T>[],
  items: readonly T[],
  style: TableStyle,
): string {
  return createTable(columns, style).rows(items)
}

function cellText<T>(column: Column<T>, item: T): string {
  return printable(column.cell(item)) || '-'
}

function width(text: string): number {
  return [...text].length
}
