/** Where the cursor stands: what has been typed so far, read by the same tables as the parser's. */
import { flagName, GLOBAL_FLAGS } from '../program/index.ts'
import type { Completion, Flag, Flags, Noun, Verb, VerbGroup } from '../verb/index.ts'
import { isGroup } from '../verb/index.ts'

/** A word that could stand at the cursor. */
export interface Candidate {
  readonly word: string
  readonly summary: string
}

/** What could stand at the cursor. */
export type Expected =
  | { readonly kind: 'words'; readonly candidates: readonly Candidate[] }
  | { readonly kind: 'value'; readonly complete: Completion }
  | { readonly kind: 'nothing' }

/** The cursor's place. */
export interface Place {
  /** The word so far, as far as it is to be completed. */
  readonly current: string
  /** What stays in front of each candidate, such as "--output=" or "n1,". */
  readonly prefix: string
  readonly expected: Expected
  /** Values of the global flags typed so far, by camelCase name. */
  readonly globals: Readonly<Record<string, string>>
}

/** Reads a command line; `words` ends with the word at the cursor, which may be empty. */
export async function readPlace(words: readonly string[], nouns: readonly Noun[]): Promise<Place> {
  const joined = joinAssignments(words)
  const typed = joined.words.slice(0, -1)
  const walk = createWalk(nouns)
  for (const word of typed) await walk.take(word)
  const last = joined.words.at(-1) ?? ''
  const place = placeOf(last, walk)
  // bash replaces only what follows the "=".
  const prefix = joined.splitByShell ? place.prefix.replace(/^--[^=]*=/, '') : place.prefix
  return { ...place, prefix, globals: walk.globals }
}

/** bash gives "--output=js" as three words. */
function joinAssignments(words: readonly string[]): { words: string[]; splitByShell: boolean } {
  const joined: string[] = []
  let splitByShell = false
  words.forEach((word, index) => {
    const afterSign = words[index - 1] === '=' && joined.length > 0
    const isSign = word === '=' && joined.at(-1)?.startsWith('--')
    if (isSign || afterSign) joined.push(`${joined.pop()}${word}`)
    else joined.push(word)
    splitByShell = Boolean(isSign || afterSign)
  })
  return { words: joined, splitByShell }
}

interface Walk {
  take(word: string): Promise<void>
  readonly globals: Record<string, string>
  /** Flags that may stand here. */
  flags(): Flags
  /** The flag whose value comes next. */
  // biome-ignore lint/suspicious/noExplicitAny: each flag has its own type.
  pending(): Flag<any> | undefined
  /** What a word that is not a flag may be. */
  expected(): Expected
}

function createWalk(nouns: readonly Noun[]): Walk {
  let content: Verb | VerbGroup | undefined
  let position = 0
  let pendingName: string | undefined
  const globals: Record<string, string> = {}
  const flags = (): Flags => ({
    ...GLOBAL_FLAGS,
    ...(content && !isGroup(content) ? content.flags : undefined),
  })
  return {
    globals,
    flags,
    pending: () => (pendingName === undefined ? undefined : flags()[pendingName]),
    async take(word) {
      if (pendingName !== undefined) {
        if (pendingName in GLOBAL_FLAGS) globals[pendingName] = word
        pendingName = undefined
      } else if (word.startsWith('-')) {
        const [name, value] = findFlag(word, flags())
        if (name === undefined) return
        if (value === undefined) pendingName = flags()[name]?.placeholder ? name : undefined
        else if (name in GLOBAL_FLAGS) globals[name] = value
      } else if (content === undefined) {
        content = await nouns.find(({ name }) => name === word)?.load()
        if (content === undefined) position = Number.POSITIVE_INFINITY
      } else if (isGroup(content)) {
        content = content.verbs.find(({ name }) => name === word) ?? content
      } else position++
    },
    expected() {
      if (position === Number.POSITIVE_INFINITY) return { kind: 'nothing' }
      const below = content === undefined ? nouns : isGroup(content) ? content.verbs : undefined
      if (below)
        return {
          kind: 'words',
          candidates: below.map(({ name, summary }) => ({ word: name, summary })),
        }
      const args = Object.values((content as Verb).args ?? {})
      const argument = args[position] ?? (args.at(-1)?.rest ? args.at(-1) : undefined)
      return argument?.complete
        ? { kind: 'value', complete: argument.complete }
        : { kind: 'nothing' }
    },
  }
}

/** The flag's camelCase name, and its value if the word has one. */
function findFlag(word: string, flags: Flags): [name: string | undefined, value?: string] {
  const at = word.indexOf('=')
  const long = at < 0 ? word : word.slice(0, at)
  for (const [name, flag] of Object.entries(flags)) {
    if (long === `--${flagName(name)}`) return at < 0 ? [name] : [name, word.slice(at + 1)]
    if (flag.short && word.startsWith(`-${flag.short}`) && !word.startsWith('--'))
      return word.length === 2 ? [name] : [name, word.slice(2)]
  }
  return [undefined]
}

function placeOf(last: string, walk: Walk): Omit<Place, 'globals'> {
  const pending = walk.pending()
  if (pending) return valuePlace(last, '', pending)
  const assigned = last.startsWith('--') ? last.indexOf('=') : -1
  if (assigned > 0) {
    const [name] = findFlag(last, walk.flags())
    const flag = name === undefined ? undefined : walk.flags()[name]
    if (flag) return valuePlace(last.slice(assigned + 1), last.slice(0, assigned + 1), flag)
    return { current: last, prefix: '', expected: { kind: 'nothing' } }
  }
  if (last.startsWith('-')) return { current: last, prefix: '', expected: flagWords(walk.flags()) }
  return { current: last, prefix: '', expected: walk.expected() }
}

function valuePlace(
  typed: string,
  before: string,
  // biome-ignore lint/suspicious/noExplicitAny: each flag has its own type.
  flag: Flag<any>,
): Omit<Place, 'globals'> {
  const comma = Array.isArray(flag.absent) ? typed.lastIndexOf(',') + 1 : 0
  const expected: Expected = flag.complete
    ? { kind: 'value', complete: flag.complete }
    : { kind: 'nothing' }
  return { current: typed.slice(comma), prefix: before + typed.slice(0, comma), expected }
}

function flagWords(flags: Flags): Expected {
  const candidates = Object.entries(flags).map(([name, flag]) => ({
    word: flag.negatable ? `--no-${flagName(name)}` : `--${flagName(name)}`,
    summary: flag.summary,
  }))
  return {
    kind: 'words',
    candidates: [...candidates, { word: '--help', summary: 'explain the command' }],
  }
}
