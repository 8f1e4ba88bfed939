/** The project's text files, and TypeScript with its comments and strings taken out. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a file is for: the product, the help of tests, or a test. */
export type Kind = 'product' | 'support' | 'test'

/** One text file. */
export interface Source {
  /** From the root of the project, with slashes. */
  readonly path: string
  readonly text: string
  readonly kind: Kind
  /** First directory: "shared", "agent", …; empty for files at the root. */
  readonly workspace: string
  /** Directory below src: "decide"; empty for files in src itself and outside of it. */
  readonly room: string
}

/** Directories that hold what tools made, what was recorded, or what is not ours. */
const SKIPPED = new Set(['node_modules', '.git', 'gen', 'testdata', 'fixtures'])
const TEXT =
  /(\.(ts|md|proto|json|yaml|yml|sh|txt)|\/(Makefile|run|check-generated|keelson[a-z-]*))$/

/** Every text file of the project below `root`; `SKIPPED` directories are left out. */
export function readSources(root: string): Source[] {
  return filesBelow(root, '')
    .filter((path) => TEXT.test(`/${path}`) && path !== 'package-lock.json')
    .sort()
    .map((path) => sourceOf(path, readFileSync(join(root, path), 'utf8')))
}

function filesBelow(root: string, directory: string): string[] {
  return readdirSync(join(root, directory), { withFileTypes: true }).flatMap((entry) => {
    const path = directory === '' ? entry.name : `${directory}/${entry.name}`
    if (!entry.isDirectory()) return entry.isFile() ? [path] : []
    // What a running cluster keeps lies in hidden directories, such as .keelson.
    const hidden = entry.name.startsWith('.') && entry.name !== '.ci'
    return SKIPPED.has(entry.name) || hidden ? [] : filesBelow(root, path)
  })
}

/** A file as the rules see it. */
export function sourceOf(path: string, text: string): Source {
  const parts = path.split('/')
  const [workspace = '', src = '', room = ''] = parts
  return {
    path,
    text,
    kind: kindOf(path),
    workspace: parts.length > 1 ? workspace : '',
    room: src === 'src' && parts.length > 3 ? room : '',
  }
}

function kindOf(path: string): Kind {
  if (path.endsWith('.test.ts') || path.startsWith('test/')) return 'test'
  return /\/(testing|conformance)[/.]|\/([\w-]*fixture|conformance-\w+|[\w-]+-writer)\.ts$/.test(
    path,
  )
    ? 'support'
    : 'product'
}

/**
 * The code of a TypeScript file: comments are blank, and of strings only the quotes are left. Lines
 * and columns stay where they are.
 */
export function codeOf(text: string): string {
  let code = ''
  let at = 0
  /** Depth of braces at which each open template goes on; the innermost last. */
  const templates: number[] = []
  let depth = 0
  const blank = (until: number) => {
    code += text.slice(at, until).replace(/[^\n]/g, ' ')
    at = until
  }
  const keep = () => {
    code += text[at++]
  }
  while (at < text.length) {
    const two = text.slice(at, at + 2)
    const one = text[at]!
    if (two === '//') blank(ends(text, '\n', at))
    else if (two === '/*') blank(ends(text, '*/', at + 2) + 2)
    else if (one === "'" || one === '"') {
      keep()
      blank(endOfQuoted(text, at, one))
      keep()
    } else if (one === '/' && beginsRegex(code)) {
      keep()
      blank(endOfRegex(text, at))
      keep()
    } else if (one === '`' || (one === '}' && templates.at(-1) === depth)) {
      if (one === '}') templates.pop()
      keep()
      blank(endOfTemplate(text, at))
      if (text[at] === '$') {
        templates.push(depth)
        keep()
      }
      keep()
    } else {
      if (one === '{') depth++
      if (one === '}') depth--
      keep()
    }
  }
  return code
}

function ends(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from)
  return found < 0 ? text.length : found
}

function endOfQuoted(text: string, from: number, quote: string): number {
  let at = from
  while (at < text.length && text[at] !== quote) at += text[at] === '\\' ? 2 : 1
  return at
}

/** Index of the backtick that ends a template, or of the `${` that interrupts it. */
function endOfTemplate(text: string, from: number): number {
  let at = from
  while (at < text.length && text[at] !== '`' && text.slice(at, at + 2) !== '${')
    at += text[at] === '\\' ? 2 : 1
  return at
}

function endOfRegex(text: string, from: number): number {
  let at = from
  let inClass = false
  while (at < text.length && (text[at] !== '/' || inClass)) {
    if (text[at] === '[') inClass = true
    if (text[at] === ']') inClass = false
    at += text[at] === '\\' ? 2 : 1
  }
  return at
}

/** Whether a slash here begins a regular expression: it does where no value has just ended. */
function beginsRegex(before: string): boolean {
  const last = before.trimEnd()
  return last === '' || /[=(,:;!&|?{}[+\-*<>]$/.test(last) || /\b(return|typeof|case)$/.test(last)
}
