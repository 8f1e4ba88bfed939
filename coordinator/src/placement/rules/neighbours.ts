/** Rules about what stands where: affinities in both directions, and groups. */
import { KeelsonError } from '@keelson/shared/errors'
import {
  type AffinityRule,
  type GroupRule,
  type HostReservation,
  NO_RULES,
  type ObjectMeta,
  type PlacementRules,
  parseSelector,
} from '@keelson/shared/model'
import type { FleetView, Rule } from '../view/index.ts'
import { listed, type Preference } from './host-rules.ts'

/** A volume or a machine as others see it. */
export interface Thing {
  readonly kind: 'Volume' | 'VirtualMachine'
  readonly name: string
  /** Empty for the operator. */
  readonly tenant: string
  readonly labels: Readonly<Record<string, string>>
  readonly rules: PlacementRules
}

/** A thing with the rows of the hosts it stands on. */
export interface PlacedThing extends Thing {
  readonly hosts: readonly number[]
  /** What its host sets aside, of a machine that the state does not have yet. */
  readonly reserved?: HostReservation
}

/** What neighbours make of the hosts. */
export interface NeighbourRules {
  readonly rules: readonly Rule[]
  readonly preferences: readonly Preference[]
}

const NONE: NeighbourRules = { rules: [], preferences: [] }

/** "volume/data" or "vm/web". */
export function idOf({ kind, name }: Pick<Thing, 'kind' | 'name'>): string {
  return `${kind === 'Volume' ? 'volume' : 'vm'}/${name}`
}

/**
 * What the neighbours of something new say about hosts. `others` are things that the view does not
 * have yet. Raises FAILED_PRECONDITION if a group has members with a differing rule.
 */
export function neighbourRules(
  view: FleetView,
  newcomer: Thing,
  shared: boolean,
  others: readonly PlacedThing[] = [],
): NeighbourRules {
  const { affinities, groups } = newcomer.rules
  const boundOthers = others.filter(
    ({ rules }) => rules.affinities.length + rules.groups.length > 0,
  )
  if (affinities.length + groups.length + view.bound.size + boundOthers.length === 0) return NONE
  const rules: Rule[] = []
  const preferences: Preference[] = []
  const add = (rule: Rule, strength: AffinityRule['strength'], weight: number) => {
    if (strength === 'Required') rules.push(rule)
    else preferences.push({ weight, keeps: (host) => rule.check(host) === null })
  }
  const notItself = (thing: Thing) => idOf(thing) !== idOf(newcomer)
  const bound = [...placedBound(view), ...boundOthers].filter(notItself)
  for (const affinity of affinities) {
    const targets = targetsOf(view, affinity, others).filter(notItself)
    const rule = affinityRule(view, affinity, targets, shared)
    if (rule) add(rule, affinity.strength, affinity.weight || 1)
  }
  for (const thing of bound)
    for (const affinity of thing.rules.affinities)
      if (affinity.strength === 'Required' && affinity.relation === 'Apart')
        if (isTarget(affinity, newcomer)) rules.push(repelledBy(view, thing, affinity, shared))
  for (const group of groups) {
    const members = membersOf(bound, newcomer, group)
    const rule = groupRule(view, group, members, shared)
    if (rule) add(rule, group.strength, 1)
  }
  return { rules, preferences }
}

function* placedBound(view: FleetView): Generator<PlacedThing> {
  for (const id of view.bound) {
    const slash = id.indexOf('/')
    const thing = findThing(
      view,
      id.slice(0, slash) === 'vm' ? 'VirtualMachine' : 'Volume',
      id.slice(slash + 1),
    )
    if (thing) yield thing
  }
}

/** A volume or machine of the view. */
export function findThing(
  { fleet, state }: FleetView,
  kind: Thing['kind'],
  name: string,
): PlacedThing | undefined {
  if (kind === 'Volume') {
    const record = state.volumes.get(name)
    if (!record) return undefined
    const hosts = (fleet.volumes.get(name)?.pools ?? []).map((pool) => fleet.poolHost[pool]!)
    return { kind, ...identityOf(record.meta), rules: record.spec.rules ?? NO_RULES, hosts }
  }
  const record = state.virtualMachines.get(name)
  if (!record) return undefined
  // One that migrates is in both places until it has arrived.
  const hosts = [record.status.node, record.status.targetNode]
    .map((node) => fleet.hostRow(node))
    .filter((host) => host >= 0)
  return { kind, ...identityOf(record.meta), rules: record.spec.rules, hosts }
}

function identityOf({ labels, name, tenant = '' }: ObjectMeta) {
  return { name, tenant, labels }
}

/** Whether a rule speaks of a thing. */
function isTarget({ labelSelector, names, target }: AffinityRule, thing: Thing): boolean {
  if (target === 'Tenant') return names.includes(thing.tenant)
  if (target !== thing.kind) return false
  if (names.length > 0 && !names.includes(thing.name)) return false
  if (labelSelector !== '' && !parseSelector(labelSelector)(thing.labels)) return false
  return names.length > 0 || labelSelector !== ''
}

/** What a rule speaks of. Names are looked up, selectors and tenants look at everything. */
function targetsOf(
  view: FleetView,
  rule: AffinityRule,
  others: readonly PlacedThing[],
): PlacedThing[] {
  const { names, target } = rule
  const more = others.filter((thing) => isTarget(rule, thing))
  const find = (kind: Thing['kind'], ids: Iterable<string>) =>
    [...ids].flatMap((name) => findThing(view, kind, name) ?? [])
  const { virtualMachines, volumes } = view.state
  const found =
    target === 'Tenant'
      ? [
          ...find('Volume', volumes.sortedIds()),
          ...find('VirtualMachine', virtualMachines.sortedIds()),
        ]
      : names.length > 0
        ? find(target, names)
        : find(target, target === 'Volume' ? volumes.sortedIds() : virtualMachines.sortedIds())
  return [...found.filter((thing) => isTarget(rule, thing)), ...more]
}

/** "rack=b", or the host's name. */
function domainName(view: FleetView, label: string, host: number): string {
  const { labels, name } = view.fleet.hosts[host]!
  return label === '' ? name : `${shortLabel(label)}=${labels[label] ?? ''}`
}

/** The part of a label after its prefix. */
export function shortLabel(label: string): string {
  return label.slice(label.lastIndexOf('/') + 1)
}

function affinityRule(
  view: FleetView,
  affinity: AffinityRule,
  targets: readonly PlacedThing[],
  shared: boolean,
): Rule | undefined {
  const { failureDomain: label, names, relation, target } = affinity
  const placed = targets.filter(({ hosts }) => hosts.length > 0)
  if (placed.length === 0) return undefined
  const domains = view.domains(label, shared)
  const domainsOf = (things: readonly PlacedThing[]) =>
    new Set(things.flatMap(({ hosts }) => hosts.map((host) => domains[host]!)))
  if (relation === 'Apart') {
    const taken = domainsOf(placed)
    return {
      name: 'affinity',
      check(host) {
        if (domains[host]! < 0) return `node has no label ${label}, which a rule to be apart needs`
        if (!taken.has(domains[host]!)) return null
        const there = placed.filter((thing) =>
          thing.hosts.some((one) => domains[one] === domains[host]),
        )
        const who = listed(there.map(idOf), 3)
        return `must be apart from ${who}, which is on ${domainName(view, label, host)}`
      },
    }
  }
  // All that are named have to be there, but only one of those that a selector or tenant means.
  const each = names.length > 0 && target !== 'Tenant' ? placed.map((thing) => [thing]) : [placed]
  const wanted = each.map((things) => ({ things, domains: domainsOf(things) }))
  return {
    name: 'affinity',
    check(host) {
      const missing = wanted.find((one) => domains[host]! < 0 || !one.domains.has(domains[host]!))
      if (!missing) return null
      const where = listed(
        [
          ...new Set(
            missing.things.flatMap(({ hosts }) => hosts.map((one) => domainName(view, label, one))),
          ),
        ],
        3,
      )
      return `must be together with ${listed(missing.things.map(idOf), 3)}, which is on ${where}`
    },
  }
}

/** Keeps the newcomer away from a thing that wants to be apart from it. */
function repelledBy(
  view: FleetView,
  thing: PlacedThing,
  { failureDomain: label }: AffinityRule,
  shared: boolean,
): Rule {
  const domains = view.domains(label, shared)
  const taken = new Set(thing.hosts.map((host) => domains[host]!))
  return {
    name: 'affinity',
    check: (host) =>
      taken.has(domains[host]!)
        ? `${idOf(thing)} on ${domainName(view, label, host)} must be apart from it`
        : null,
  }
}

/** Members of a group; FAILED_PRECONDITION if one of them states another rule. */
function membersOf(
  bound: readonly PlacedThing[],
  newcomer: Thing,
  group: GroupRule,
): PlacedThing[] {
  const members: PlacedThing[] = []
  for (const thing of bound) {
    if (thing.tenant !== newcomer.tenant) continue
    const other = thing.rules.groups.find(({ name }) => name === group.name)
    if (!other) continue
    const difference = differenceOf(group, other)
    if (difference)
      throw new KeelsonError(
        'FAILED_PRECONDITION',
        `${idOf(newcomer)} and ${idOf(thing)} state different rules for group "${group.name}": ${difference}`,
      )
    members.push(thing)
  }
  return members
}

function differenceOf(a: GroupRule, b: GroupRule): string | undefined {
  for (const key of ['relation', 'failureDomain', 'strength', 'maximumPerDomain'] as const)
    if (a[key] !== b[key]) return `${key} is ${a[key] || '""'} and ${b[key] || '""'}`
  return undefined
}

function groupRule(
  view: FleetView,
  group: GroupRule,
  members: readonly PlacedThing[],
  shared: boolean,
): Rule | undefined {
  const { failureDomain: label, maximumPerDomain, name, relation } = group
  const domains = view.domains(label, shared)
  const counts = new Map<number, number>()
  for (const { hosts } of members)
    for (const domain of new Set(hosts.map((host) => domains[host]!)))
      counts.set(domain, (counts.get(domain) ?? 0) + 1)
  if (relation === 'Together' && counts.size === 0) return undefined
  return {
    name: 'group',
    check(host) {
      if (domains[host]! < 0) return `node has no label ${label}, which group "${name}" needs`
      const there = counts.get(domains[host]!) ?? 0
      const where = domainName(view, label, host)
      if (relation === 'Together')
        return there > 0 ? null : `group "${name}" is together, and no member is on ${where}`
      if (there < maximumPerDomain) return null
      return `${where} has ${there} of group "${name}", at most ${maximumPerDomain} may be there`
    },
  }
}
