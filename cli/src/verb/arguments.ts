/** The words after a verb. */

/** Kinds whose names the shell can complete. */
export type NamedKind =
  | 'node'
  | 'pool'
  | 'class'
  | 'volume'
  | 'vm'
  | 'snapshot'
  | 'operation'
  | 'user-token'
  | 'join-token'

/** What the shell offers in a place: names of a kind, files, or these words. */
export type Completion = NamedKind | 'file' | readonly string[]

/** A word, or several, after a verb. `T` is what the verb gets. */
export interface Argument<T> {
  readonly summary: string
  readonly required: boolean
  /** Takes all words that are left. */
  readonly rest: boolean
  readonly complete?: Completion
  /** Only for the compiler: what the verb gets. */
  readonly value?: T
}

/** A word that must be there. */
export function argument(summary: string, complete?: Completion): Argument<string> {
  return { summary, required: true, rest: false, ...(complete && { complete }) }
}

/** A word that may be there. */
export function optionalArgument(
  summary: string,
  complete?: Completion,
): Argument<string | undefined> {
  return { summary, required: false, rest: false, ...(complete && { complete }) }
}

/** At least one word. */
export function restArguments(summary: string, complete?: Completion): Argument<readonly string[]> {
  return { summary, required: true, rest: true, ...(complete && { complete }) }
}
