/** What can be said about placement rules without the state. */
import { KeelsonError } from '@keelson/shared/errors'
import type {
  AffinityRule,
  GroupRule,
  PlacementRules,
  ReplicaRule,
  Toleration,
} from '@keelson/shared/model'
import {
  checkLabelKey,
  checkLabelValue,
  checkName,
  NO_RULES,
  parseSelector,
} from '@keelson/shared/model'

/** Most entries of a list of names, and of rules of one sort: what is stored has to stay small. */
const MOST_NAMES = 1000
const MOST_RULES = 32

/** INVALID_ARGUMENT about a field, by its path in the request. */
export function refuse(path: string, problem: string): never {
  throw new KeelsonError('INVALID_ARGUMENT', `${path}: ${problem}`)
}

/** Runs a check of the model and puts the field's path before what it says. */
export function at<T>(path: string, check: () => T): T {
  try {
    return check()
  } catch (error) {
    const { message } = KeelsonError.from(error)
    return refuse(path, message)
  }
}

/** INVALID_ARGUMENT if a list is longer than `most`. */
export function checkLength(path: string, list: readonly unknown[], most: number): void {
  if (list.length > most) refuse(path, `${list.length} entries, at most ${most} are possible`)
}

/** INVALID_ARGUMENT if a text is there twice. */
export function checkUnique(path: string, texts: readonly string[]): void {
  const twice = texts.find((text, index) => texts.indexOf(text) !== index)
  if (twice !== undefined) refuse(path, `"${twice}" is there twice`)
}

/** The rules with lists of names in order, so that equal wishes are equal; INVALID_ARGUMENT. */
export function admitRules(rules: PlacementRules, path: string): PlacementRules {
  at(`${path}.node_selector`, () => parseSelector(rules.nodeSelector))
  checkLength(`${path}.tolerations`, rules.tolerations, MOST_RULES)
  checkLength(`${path}.affinities`, rules.affinities, MOST_RULES)
  checkLength(`${path}.groups`, rules.groups, MOST_RULES)
  for (const [index, toleration] of rules.tolerations.entries())
    checkToleration(toleration, `${path}.tolerations[${index}]`)
  for (const [index, group] of rules.groups.entries()) checkGroup(group, `${path}.groups[${index}]`)
  checkUnique(
    `${path}.groups`,
    rules.groups.map(({ name }) => name),
  )
  return {
    ...rules,
    nodes: names(rules.nodes, 'node', `${path}.nodes`),
    excludedNodes: names(rules.excludedNodes, 'node', `${path}.excluded_nodes`),
    affinities: rules.affinities.map((rule, index) =>
      admitAffinity(rule, `${path}.affinities[${index}]`),
    ),
  }
}

/** Whether rules leave everything open. */
export function bindsNothing(rules: PlacementRules): boolean {
  return JSON.stringify({ ...NO_RULES, ...rules }) === JSON.stringify(NO_RULES)
}

/** Rules about replicas; INVALID_ARGUMENT. */
export function admitReplicaRules(
  rules: readonly ReplicaRule[],
  path: string,
): readonly ReplicaRule[] {
  checkLength(path, rules, MOST_RULES)
  for (const [index, { failureDomain }] of rules.entries())
    at(`${path}[${index}].failure_domain`, () => checkLabelKey(failureDomain))
  return rules
}

function names(list: readonly string[], kind: string, path: string): readonly string[] {
  checkLength(path, list, MOST_NAMES)
  for (const [index, name] of list.entries()) at(`${path}[${index}]`, () => checkName(kind, name))
  return [...new Set(list)].sort()
}

function checkToleration({ key, value }: Toleration, path: string): void {
  if (key !== '') at(`${path}.key`, () => checkLabelKey(key))
  else if (value !== undefined) refuse(`${path}.value`, 'a value needs a key')
  if (value !== undefined) at(`${path}.value`, () => checkLabelValue(key, value))
}

function admitAffinity(rule: AffinityRule, path: string): AffinityRule {
  const { failureDomain, labelSelector, target, weight } = rule
  at(`${path}.label_selector`, () => parseSelector(labelSelector))
  if (target === 'Tenant' && labelSelector !== '')
    refuse(`${path}.label_selector`, 'tenants are meant by their names')
  if (rule.names.length === 0 && labelSelector === '')
    refuse(path, 'names and label_selector are both empty')
  if (failureDomain !== '') at(`${path}.failure_domain`, () => checkLabelKey(failureDomain))
  if (!Number.isFinite(weight) || weight <= 0) refuse(`${path}.weight`, `${weight} is not above 0`)
  return { ...rule, names: names(rule.names, KINDS[target], `${path}.names`) }
}

const KINDS = { Volume: 'volume', VirtualMachine: 'machine', Tenant: 'tenant' } as const

function checkGroup({ failureDomain, name }: GroupRule, path: string): void {
  at(`${path}.name`, () => checkName('group', name))
  if (failureDomain !== '') at(`${path}.failure_domain`, () => checkLabelKey(failureDomain))
}
