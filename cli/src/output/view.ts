/**
 * A result in each of the formats. A verb says once what its result is; the format chosen by the
 * user decides what becomes of it.
 */
import type { Paint } from './style.ts'

/** The formats of `-o`. */
export const FORMATS = ['table', 'wide', 'json', 'yaml', 'name'] as const

/** A format. */
export type Format = (typeof FORMATS)[number]

/** How to show a result. */
export interface ViewStyle {
  readonly format: Format
  readonly headers: boolean
  readonly paint: Paint
  /** For ages. */
  readonly nowMs: number
}

/** A result. */
export interface View {
  /** The API's own JSON of it (proto3 JSON). */
  readonly json: unknown
  /** One "kind/name" for each resource in it. */
  readonly names: readonly string[]
  /** The text for people, line ends included. */
  human(style: ViewStyle & { readonly wide: boolean }): string
}

/** A result as text. One document of a stream of them is compact, so that it takes one line. */
export async function renderView(
  view: View,
  style: ViewStyle,
  stream: { readonly streamed: boolean } = { streamed: false },
): Promise<string> {
  switch (style.format) {
    case 'json':
      return `${JSON.stringify(view.json, null, stream.streamed ? undefined : 2)}\n`
    case 'yaml': {
      // The library costs more to load than everything else a plain listing needs.
      const { stringify } = await import('yaml')
      return (stream.streamed ? '---\n' : '') + stringify(view.json)
    }
    case 'name':
      return view.names.map((name) => `${name}\n`).join('')
    case 'table':
    case 'wide':
      return view.human({ ...style, wide: style.format === 'wide' })
  }
}
