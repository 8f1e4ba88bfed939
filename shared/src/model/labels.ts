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
    if (!VALUE.test(value))
      throw new KeelsonError('INVALID_ARGUMENT', `value "${value}" of label ${key} is not valid`)
  }
  return labels
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
  if (set) {
    const values = new Set((set[3] ?? '').split(',').map((value) => value.trim()))
    const key = checkKey(set[1] ?? '', term)
    const wanted = set[2] === 'in'
    return (labels) => {
      const value = labels[key]
      return wanted
        ? value !== undefined && values.has(value)
        : value === undefined || !values.has(value)
    }
  }
  const compare = /^([^!=\s]+)\s*(==|=|!=)\s*(\S*)$/.exec(term)
  if (compare) {
    const key = checkKey(compare[1] ?? '', term)
    const equal = compare[2] !== '!='
    const value = compare[3] ?? ''
    return (labels) => (labels[key] === value) === equal
  }
  if (term.startsWith('!')) {
    const key = checkKey(term.slice(1).trim(), term)
    return (labels) => labels[key] === undefined
  }
  const key = checkKey(term, term)
  return (labels) => labels[key] !== undefined
}

function checkKey(key: string, term: string): string {
  if (!KEY.test(key))
    throw new KeelsonError('INVALID_ARGUMENT', `"${term}" is not a label selector term`)
  return key
}
