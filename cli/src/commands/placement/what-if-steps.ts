/**
 * Steps of a play as words: "fail rack=a then add nodes like=n1 count=3 rack=a then place
 * 4cpu,16GiB count=10". "then" stands between steps.
 */
import type { WhatIfStep } from '@keelson/shared/api'
import { usageError } from '../../errors/index.ts'
import { flavorOf } from './flavor.ts'
import { labelOf } from './label.ts'
import { readPolicy } from './policy/set.ts'

/** How steps are written, for help texts. */
export const STEPS_HELP: readonly string[] = [
  'fail n3 | fail rack=a',
  'return n3',
  'drain n3',
  'remove n3',
  'add nodes profile=ax162 count=3 rack=d | add nodes like=n3',
  'place 4cpu,16GiB,100GiB,r2 count=10',
  'policy policy.yaml',
]

/** What flags say of the steps that can take it. */
export interface StepFlags {
  readonly profile: readonly string[]
  readonly like: readonly string[]
  readonly count: readonly string[]
  readonly labels: Readonly<Record<string, string>>
}

/** The steps of these words; a usage error for what is not understood. */
export async function parseSteps(
  words: readonly string[],
  flags: StepFlags,
): Promise<{ readonly steps: WhatIfStep[]; readonly texts: string[] }> {
  const parts = withFlags(splitSteps(words), flags)
  const steps = await Promise.all(parts.map(async (part) => ({ action: await actionOf(part) })))
  return { steps, texts: parts.map((part) => part.join(' ')) }
}

function splitSteps(words: readonly string[]): string[][] {
  const parts: string[][] = [[]]
  for (const word of words)
    if (word === 'then') parts.push([])
    else parts.at(-1)!.push(word)
  if (parts.some((part) => part.length === 0)) throw refused('there is no step beside "then"')
  return parts
}

/**
 * A flag does not tell behind which step it stood, but flags keep their order. So a flag is for the
 * steps that can take it: one each, in order, or it has to be written as a word of its step.
 */
function withFlags(parts: string[][], { count, labels, like, profile }: StepFlags): string[][] {
  const hand = (words: readonly string[], verbs: readonly string[]) => {
    if (words.length === 0) return
    const takers = parts.filter(([verb = '']) => verbs.includes(verb))
    if (takers.length === 0) throw refused(`no step takes ${words.join(' ')}`)
    if (takers.length !== words.length)
      throw refused(`${words.join(' ')} could belong to several steps: write it behind its step`)
    for (const [index, word] of words.entries()) takers[index]!.push(word)
  }
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
  hand(
    [...profile.map((name) => `profile=${name}`), ...like.map((node) => `like=${node}`)],
    ['add'],
  )
  hand(
    count.map((text) => `count=${text}`),
    profile.length + like.length > 0 && count.length === 1 ? ['add'] : ['add', 'place'],
  )
  const adding = parts.filter(([verb]) => verb === 'add')
  if (pairs.length > 0 && adding.length !== 1)
    throw refused(`${pairs.join(' ')} could belong to several steps: write it behind its step`)
  adding[0]?.push(...pairs)
  return parts
}

function actionOf([verb, ...words]: string[]):
  | WhatIfStep['action']
  | Promise<WhatIfStep['action']> {
  switch (verb) {
    case 'fail':
      return failure(only(verb, words))
    case 'return':
      return { $case: 'returnNode', value: nodeOf(only(verb, words)) }
    case 'drain':
      return { $case: 'drainNode', value: nodeOf(only(verb, words)) }
    case 'remove':
      return { $case: 'removeNode', value: nodeOf(only(verb, words)) }
    case 'add':
      return addition(words)
    case 'place':
      return placing(words)
    case 'policy':
      return policyOf(only(verb, words))
    default:
      throw refused(`"${verb}" is not a step`)
  }
}

function only(verb: string, [word, ...rest]: readonly string[]): string {
  if (word === undefined) throw refused(`${verb} what?`)
  if (rest.length > 0) throw refused(`"${rest.join(' ')}" behind "${verb} ${word}" is too much`)
  return word
}

function nodeOf(word: string): string {
  const node = word.replace(/^node=/, '')
  if (node === '' || node.includes('=')) throw refused(`"${word}" is not a node`)
  return node
}

function failure(word: string): WhatIfStep['action'] {
  const [key = '', value] = splitPair(word)
  if (value === undefined || key === 'node') return { $case: 'failNode', value: nodeOf(word) }
  return { $case: 'failDomain', value: { label: labelOf(key), value } }
}

/** Key and value of "key=value"; the value is missing where there is no "=". */
function splitPair(word: string): [key: string, value: string | undefined] {
  const at = word.indexOf('=')
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)]
}

function addition([noun, ...words]: readonly string[]): WhatIfStep['action'] {
  if (noun !== 'node' && noun !== 'nodes')
    throw refused(`add "${noun ?? ''}": only nodes can be added`)
  let profile = ''
  let count = 1
  const labels: Record<string, string> = {}
  for (const word of words) {
    const [key, value] = splitPair(word)
    if (value === undefined || value === '') throw refused(`"${word}" needs a value`)
    if (key === 'profile') profile = value
    else if (key === 'like') profile = `like:${value}`
    else if (key === 'count') count = countOf(value)
    else labels[labelOf(key)] = value
  }
  if (profile === '') throw refused('add nodes needs profile=NAME or like=NODE')
  return { $case: 'addNodes', value: { profile, count, labels } }
}

function placing(words: readonly string[]): WhatIfStep['action'] {
  const counts = words.filter((word) => word.startsWith('count='))
  const flavor = only(
    'place',
    words.filter((word) => !counts.includes(word)),
  )
  const count = countOf(counts.at(-1)?.slice('count='.length) ?? '1')
  return { $case: 'place', value: { flavor: flavorOf(flavor), count } }
}

function countOf(text: string): number {
  const count = Number(text)
  if (!/^\d+$/.test(text) || count < 1 || count > 1e6) throw refused(`"${text}" is not a count`)
  return count
}

async function policyOf(path: string): Promise<WhatIfStep['action']> {
  return { $case: 'setPolicy', value: await readPolicy(path) }
}

function refused(problem: string) {
  return usageError(problem, 'steps are:', ...STEPS_HELP)
}
