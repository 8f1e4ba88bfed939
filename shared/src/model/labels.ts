/** Labels and selectors with Kubernetes' syntax. */
import { KeelsonError } from '../errors/index.ts'

const KEY = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/
const VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/

/** Checks keys and values; raises INVALID_ARGUMENT naming the first bad one. */
export function checkLabels(
  labels: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const entries = Object.entries(labels)
  if (entries.length > 64)
    throw new KeelsonError('INVALID_ARGUMENT', `${entries.length} labels, at most 64 are allowed`)
  for (const [key, value] of entries) {
    checkLabelKey(key)
    checkLabelValue(key, value)
  }
  return labels
}

/** Checks the value of a key; raises INVALID_ARGUMENT. */
export function checkLabelValue(key: string, value: string): string {
  if (!VALUE.test(value))
    throw new KeelsonError('INVALID_ARGUMENT', `value "${value}" of label ${key} is not valid`)
  return value
}

/** Checks one key; raises INVALID_ARGUMENT. */
export function checkLabelKey(key: string): string {
  if (key.length > 317 || !KEY.test(key))
    throw new KeelsonError('INVALID_ARGUMENT', `label key "${key.slice(0, 80)}" is not valid`)
  return key
}

/** Tells whether labels are selected. */
export type Selector = (labels: Readonly<Record<string, string>>) => boolean

/**
 * A selector such as "rack=a,tier!=gold,ssd,!spare,zone in (a,b),zone notin (c)"; the empty text
 * selects all. Raises INVALID_ARGUMENT.
 */
export function parseSelector(text: string): Selector {
  const terms = splitTerms(text).map(parseTerm)
  return (labels) => terms.every((term) => term(labels))
}

/** Longest selector; it comes from callers, and is parsed for every call. */
const LONGEST_SELECTOR = 4096

/** At the commas outside parentheses. */
function splitTerms(text: string): string[] {
  if (text.length > LONGEST_SELECTOR)
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `label selector has ${text.length} characters, at most ${LONGEST_SELECTOR} are allowed`,
    )
  const terms: string[] = []
  let begin = 0
  let inside = false
  for (let i = 0; i <= text.length; i++) {
    if (text[i] === '(') inside = true
    if (text[i] === ')') inside = false
    if (i < text.length && (text[i] !== ',' || inside)) continue
    terms.push(text.slice(begin, i).trim())
    begin = i + 1
  }
  return terms.filter((term) => term !== '')
}

function parseTerm(term: string): Selector {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(term)
  if (set) return hasValue(term, set[1] ?? '', (set[3] ?? '').split(','), set[2] === 'in')
  const compare = /^([^!=\s]+)\s*(==|=|!=)\s*(\S*)$/.exec(term)
  if (compare) return hasValue(term, compare[1] ?? '', [compare[3] ?? ''], compare[2] !== '!=')
  const negated = term.startsWith('!')
  const key = checkTerm(KEY, negated ? term.slice(1).trim() : term, term)
  return (labels) => Object.hasOwn(labels, key) !== negated
}

/** Selects by whether a label has one of the values; labels without the key have none of them. */
function hasValue(term: string, name: string, texts: readonly string[], wanted: boolean): Selector {
  const key = checkTerm(KEY, name, term)
  const values = new Set(texts.map((text) => checkTerm(VALUE, text.trim(), term)))
  return (labels) => (Object.hasOwn(labels, key) && values.has(labels[key]!)) === wanted
}

function checkTerm(syntax: RegExp, text: string, term: string): string {
  if (!syntax.test(text))
    throw new KeelsonError('INVALID_ARGUMENT', `"${term}" is not a label selector term`)
  return text
}
