/**
 * A command as data: help, parsing and completion all read the same description, and the compiler
 * checks that a verb uses exactly the arguments and flags it declares.
 */
import type { Argument } from './arguments.ts'
import type { Flag } from './flags.ts'
import type { Session } from './session.ts'

/** Arguments by name, in the order they are written. */
// biome-ignore lint/suspicious/noExplicitAny: each argument has its own type.
export type Arguments = Readonly<Record<string, Argument<any>>>

/** Flags by camelCase name. */
// biome-ignore lint/suspicious/noExplicitAny: each flag has its own type.
export type Flags = Readonly<Record<string, Flag<any>>>

/** What a verb gets. */
export interface Invocation<A extends Arguments, F extends Flags> {
  readonly args: { readonly [K in keyof A]: A[K] extends Argument<infer T> ? T : never }
  readonly flags: { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never }
  readonly session: Session
}

/** One command. */
export interface Verb<A extends Arguments = Arguments, F extends Flags = Flags> {
  readonly name: string
  /** One line, without a full stop. */
  readonly summary: string
  /** What the summary leaves open, in sentences. */
  readonly description?: string
  readonly args?: A
  readonly flags?: F
  /** Command lines without the leading "keelson". */
  readonly examples: readonly string[]
  /** Raises KeelsonError. */
  run(invocation: Invocation<A, F>): Promise<void>
}

/** Verbs under a word of their own. */
export interface VerbGroup {
  readonly name: string
  readonly summary: string
  readonly verbs: readonly (Verb | VerbGroup)[]
}

/** A word at the top: known by name at once, loaded when it is used. */
export interface Noun {
  readonly name: string
  readonly summary: string
  /** Heading in the help. */
  readonly heading: string
  load(): Promise<Verb | VerbGroup>
}

type None = Readonly<Record<never, never>>

/** Checks a verb against its own declarations, then forgets their types. */
export function defineVerb<const A extends Arguments = None, const F extends Flags = None>(
  verb: Verb<A, F>,
): Verb {
  return verb as unknown as Verb
}

/** Whether it has verbs below it. */
export function isGroup(command: Verb | VerbGroup): command is VerbGroup {
  return 'verbs' in command
}
