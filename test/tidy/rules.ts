/** Rules about one file at a time. Each finds the offences in it, with the line where it is one. */
import { codeOf, type Source } from './source.ts'

/** One rule. */
export interface Rule {
  readonly name: string
  readonly applies: (source: Source) => boolean
  /** "12: what is wrong", one per offence. */
  readonly offences: (source: Source) => string[]
}

const isTypeScript = ({ path }: Source) => path.endsWith('.ts')
const isProduct = (source: Source) => isTypeScript(source) && source.kind === 'product'

/** Offences of every line of the code that matches; comments and strings do not count. */
function linesOfCode(pattern: RegExp, what: string): Rule['offences'] {
  return ({ text }) =>
    codeOf(text)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? `${index + 1}: ${what}` : []))
}

function linesOfText(pattern: RegExp, what: string): Rule['offences'] {
  return ({ text }) =>
    text.split('\n').flatMap((line, index) => (pattern.test(line) ? `${index + 1}: ${what}` : []))
}

const LONGEST_LINE = 100
const LONGEST_FILE = 500
const LONGEST_FUNCTION = 70

/** Code without time, chance or I/O: three rooms, and the planners of the agent. */
const PURE =
  /^coordinator\/src\/(state|decide|placement)\/|^agent\/src\/reconcile\/(plan[\w-]*|step|view|items)\.ts$/

const IMPURE_CODE = new RegExp(
  [
    String.raw`\bDate\.now\b`,
    String.raw`\bnew Date\(\)`,
    String.raw`\bMath\.random\b`,
    String.raw`\brandomUUID\b`,
    String.raw`\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b`,
    String.raw`\bperformance\.`,
    String.raw`\bprocess\.`,
    String.raw`\b(await|async)\b`,
  ].join('|'),
)
const IMPURE_IMPORT =
  /from '(node:|@grpc|pino|@keelson\/shared\/(exec|grpc|logging|pki|runtime|api))/

/** A pattern that does not contain what it looks for: "|" stands between the halves of a word. */
function hidden(...patterns: readonly string[]): RegExp {
  return new RegExp(patterns.map((pattern) => `(${pattern.replaceAll('|', '')})`).join('|'))
}

const MACHINES = hidden(
  String.raw`\B/wo|rk/`,
  String.raw`\B/ho|me/[a-z]`,
  String.raw`registry\.np|mjs`,
  'np|mmirror',
  'nex|us/repository',
)
const UNOWNED = hidden(String.raw`\bTO|DO\b(?!\([a-z][\w-]*\): )`, String.raw`\bFIX|ME\b`)

/** Every rule about single files. */
export const RULES: readonly Rule[] = [
  {
    name: 'a pure room knows neither time, chance nor I/O',
    applies: (source) => isProduct(source) && PURE.test(source.path),
    offences: (source) => [
      ...linesOfCode(IMPURE_CODE, 'is not pure')(source),
      ...linesOfText(IMPURE_IMPORT, 'imports what is not pure')(source),
    ],
  },
  {
    name: `a line has at most ${LONGEST_LINE} columns, unless a text makes it longer`,
    applies: isTypeScript,
    offences: longLines,
  },
  {
    name: `a file has at most ${LONGEST_FILE} lines`,
    applies: isTypeScript,
    offences: ({ text }) => {
      const lines = text.split('\n').length - 1
      return lines > LONGEST_FILE ? [`${lines}: lines are too many`] : []
    },
  },
  {
    name: `a function has at most ${LONGEST_FUNCTION} lines of its own`,
    applies: isProduct,
    offences: longFunctions,
  },
  {
    name: 'an index.ts or main.ts begins by saying what the room is for',
    applies: ({ path }) => /\/src\/(.*\/)?(index|main)\.ts$/.test(path),
    offences: ({ text }) =>
      /^(#!.*\n)?\/\*\*[^*]/.test(text) ? [] : ['1: no comment that states the purpose'],
  },
  {
    name: 'every exported declaration has a doc comment',
    applies: isProduct,
    offences: undocumentedExports,
  },
  {
    name: 'a markdown file has exactly one title',
    applies: ({ path }) => path.endsWith('.md'),
    offences: ({ text }) => {
      const titles = text.replace(/^```[\s\S]*?^```/gm, '').match(/^# .+$/gm) ?? []
      return titles.length === 1 ? [] : [`1: ${titles.length} titles`]
    },
  },
  {
    name: 'nobody writes to the console',
    applies: isTypeScript,
    offences: linesOfCode(/\bconsole\s*\./, 'console; use the logger or a stream'),
  },
  {
    name: 'TypeScript is erasable: no enum, namespace or parameter property',
    applies: isTypeScript,
    offences: linesOfCode(
      /^\s*(export )?(declare )?(const )?(enum|namespace) \w|constructor\([^)]*\b(private|public|protected|readonly) /,
      'is not erasable',
    ),
  },
  {
    name: 'what is left to do has an owner',
    applies: isTypeScript,
    offences: linesOfText(UNOWNED, 'nobody owns this'),
  },
  {
    name: 'no file names a machine it was written on, nor where packages came from',
    applies: () => true,
    offences: linesOfText(MACHINES, 'names a machine'),
  },
]

function longLines({ text }: Source): string[] {
  const code = codeOf(text).split('\n')
  return text.split('\n').flatMap((line, index) => {
    const columns = [...line].length
    if (columns <= LONGEST_LINE) return []
    // The formatter breaks code and leaves texts whole: without its texts, a line must fit.
    const isComment = /^\s*(\/\/|\/?\*)/.test(line)
    const short = isComment ? line : line.replace(/`.*`|'[^']*'|"[^"]*"|\/.*\//g, '')
    const inText = !isComment && code[index]!.trim().length <= LONGEST_LINE / 2
    return [...short].length > LONGEST_LINE && !inText ? `${index + 1}: ${columns} columns` : []
  })
}

interface OpenFunction {
  readonly line: number
  readonly indent: string
  /** Lines of the functions inside. */
  inner: number
}

const NOT_A_FUNCTION = /^\s*(\} )?(else )?(if|for|while|switch|catch|do|try|finally|with)\b/
const BEGINS_FUNCTION =
  /(\bfunction\b.*|=>|^\s*(async |static |get |set |\*)*[\w$[\].]+\(.*\)(: .+)?) \{$/
/** End of a head that is written over several lines. */
const ENDS_HEAD = /^\s*\)(: .+?)?( =>)? \{$/

/** By indentation, which the formatter keeps true. */
function longFunctions({ text }: Source): string[] {
  const lines = codeOf(text).split('\n')
  const open: OpenFunction[] = []
  const offences: string[] = []
  for (const [index, line] of lines.entries()) {
    const indent = /^\s*/.exec(line)![0]
    const top = open.at(-1)
    if (top && indent === top.indent && line.trimStart().startsWith('}')) {
      open.pop()
      const length = index - top.line + 1
      const own = length - top.inner
      if (own > LONGEST_FUNCTION) offences.push(`${top.line + 1}: ${own} lines`)
      const around = open.at(-1)
      if (around) around.inner += length
    }
    if (beginsFunction(lines, index)) open.push({ line: index, indent, inner: 0 })
  }
  return offences
}

function beginsFunction(lines: readonly string[], index: number): boolean {
  const line = lines[index]!
  if (BEGINS_FUNCTION.test(line)) return !NOT_A_FUNCTION.test(line)
  if (!ENDS_HEAD.test(line)) return false
  const indent = /^\s*/.exec(line)![0]
  for (let at = index - 1; at >= 0; at--)
    if (/^\s*/.exec(lines[at]!)![0] === indent && lines[at]!.trim() !== '')
      return !NOT_A_FUNCTION.test(lines[at]!)
  return false
}

const DECLARATION =
  /^export (default )?(declare )?(abstract )?(async )?(function\*?|const|let|class|interface|type) (?!\{|\*)(\w+)/

function undocumentedExports({ text }: Source): string[] {
  const lines = text.split('\n')
  let overloaded = ''
  return lines.flatMap((line, index) => {
    const name = DECLARATION.exec(line)?.[6]
    if (name === undefined) return []
    // The comment of the first overload speaks for the others.
    if (name === overloaded) return []
    overloaded = line.includes('function') ? name : ''
    let before = index - 1
    while (before >= 0 && /^\/\/ biome-ignore/.test(lines[before]!)) before--
    return lines[before]?.trimEnd().endsWith('*/') ? [] : `${index + 1}: ${name}`
  })
}
