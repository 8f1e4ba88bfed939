/** Views of the resources of one kind: a row, a list, a description, an outcome. */
import { type Column, type Description, describe, renderTable, type View } from '../output/index.ts'

/** How a kind of resource is shown. */
export interface Kind<T> {
  /** "volume". */
  readonly singular: string
  /** "volumes". */
  readonly plural: string
  /** What follows "volume/" in a subject. */
  id(item: T): string
  columns(nowMs: number): readonly Column<T>[]
  /** All there is to say about one. */
  describe(item: T, to: Description, nowMs: number): void
}

/** "volume/data". */
export function subjectOf<T>(kind: Kind<T>, item: T): string {
  return `${kind.singular}/${kind.id(item)}`
}

/** Resources as a table. */
export function listView<T>(kind: Kind<T>, items: readonly T[], json: unknown): View {
  return {
    json,
    names: items.map((item) => subjectOf(kind, item)),
    human: ({ wide, headers, paint, nowMs }) =>
      renderTable(kind.columns(nowMs), items, { wide, headers, paint }),
  }
}

/** One resource as a row. */
export function rowView<T>(kind: Kind<T>, item: T | undefined, json: unknown): View {
  return listView(kind, item === undefined ? [] : [item], json)
}

/** One resource in full. */
export function detailView<T>(kind: Kind<T>, item: T, json: unknown): View {
  return {
    json,
    names: [subjectOf(kind, item)],
    human({ wide, paint, nowMs }) {
      const description = describe(paint, wide)
      kind.describe(item, description, nowMs)
      return description.text()
    },
  }
}

/** What became of a resource, in a few words: "volume/data deleted". */
export function outcomeView(subject: string, outcome: string, json: unknown): View {
  return { json, names: [subject], human: () => `${subject} ${outcome}\n` }
}

/**
 * JSON of a list response with its list in it: proto3 JSON leaves an empty list out, and a script
 * should not have to care.
 */
export function listJson(key: string, response: unknown): unknown {
  return { [key]: [], ...(response as object) }
}

/** What became of a request to delete. */
export function deletionView(
  subject: string,
  json: unknown,
  { dryRun, gone }: { readonly dryRun: boolean; readonly gone: boolean },
): View {
  if (dryRun) return outcomeView(subject, 'would be deleted', json)
  return outcomeView(subject, gone ? 'deleted' : 'is being deleted', json)
}
