/** Spread rules made ready for the search: which hosts look the same to all of them. */
import type { DomainRule } from '../fleet/index.ts'

/** The rules of one volume that say something. */
export interface SpreadRules {
  readonly rules: readonly DomainRule[]
  /**
   * Number of the sort of each host: hosts of one sort are in the same domains of every rule. -1
   * for hosts that lack a label which a rule insists on.
   */
  readonly sorts: Int32Array
  readonly sortCount: number
  /** Most replicas on hosts of one sort. */
  readonly quota: number
}

/** Prepares the rules for a volume with so many replicas. */
export function createSpreadRules(
  spread: readonly DomainRule[],
  replicas: number,
  hostCount: number,
): SpreadRules {
  const wanted = replicas > 1 ? spread : []
  const sorts = new Int32Array(hostCount)
  let sortCount = hostCount > 0 ? 1 : 0
  for (const rule of wanted) sortCount = refine(sorts, rule)
  const rules = wanted.filter((rule, index) => !isImplied(wanted, rule, index, sorts))
  let quota = 255
  for (const { maximumPerDomain, mode } of rules)
    if (mode === 'Different') quota = Math.min(quota, maximumPerDomain)
  if (rules.length === wanted.length) return { rules, sorts, sortCount, quota }
  const coarse = sorts.map((sort) => Math.min(sort, 0))
  for (const rule of rules) sortCount = refine(coarse, rule)
  return { rules, sorts: coarse, sortCount, quota }
}

/** Splits sorts by a further label; the new number of sorts. */
function refine(sorts: Int32Array, { domains, mode }: DomainRule): number {
  const numbers = new Map<number, number>()
  for (let row = 0; row < sorts.length; row++) {
    if (sorts[row]! < 0) continue
    if (mode !== 'PreferDifferent' && domains[row]! < 0) {
      sorts[row] = -1
      continue
    }
    const key = sorts[row]! * (sorts.length + 1) + domains[row]! + 1
    let number = numbers.get(key)
    if (number === undefined) {
      number = numbers.size
      numbers.set(key, number)
    }
    sorts[row] = number
  }
  return numbers.size
}

/** One replica per zone is also one per rack if racks lie in zones: the rack rule adds nothing. */
function isImplied(
  rules: readonly DomainRule[],
  rule: DomainRule,
  index: number,
  sorts: Int32Array,
): boolean {
  return rules.some(
    (other, otherIndex) =>
      otherIndex !== index &&
      implies(other, rule, sorts) &&
      (!implies(rule, other, sorts) || otherIndex < index),
  )
}

function implies(coarse: DomainRule, fine: DomainRule, sorts: Int32Array): boolean {
  if (coarse.mode !== 'Different' || fine.mode !== 'Different') return false
  if (coarse.maximumPerDomain > fine.maximumPerDomain) return false
  const within = new Map<number, number>()
  return fine.domains.every((domain, row) => {
    if (sorts[row]! < 0) return true
    const outer = coarse.domains[row]!
    const known = within.get(domain) ?? outer
    within.set(domain, known)
    return known === outer
  })
}
