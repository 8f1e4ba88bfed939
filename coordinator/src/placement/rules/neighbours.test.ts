import type { AffinityRule, GroupRule, PlacementRules } from '@keelson/shared/model'
import { NO_RULES, RACK_LABEL } from '@keelson/shared/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createScene, machineDemand, type Scene } from '../fixture.ts'
import { fleetView } from '../view/index.ts'
import { compileMachine } from './compile-machine.ts'

const HOSTS = ['n0', 'n1', 'n2', 'n3', 'n4', 'n5']
/** "" is a host without the label. */
const RACKS = ['a', 'a', 'b', 'b', 'c', '']
const NEWCOMER = 'new'

/** A machine that is there already. */
interface Neighbour {
  readonly name: string
  readonly host: number
  readonly rules: PlacementRules
}

const label = fc.constantFrom('', RACK_LABEL)
const relation = fc.constantFrom('Together' as const, 'Apart' as const)
const affinity = (names: readonly string[]): fc.Arbitrary<AffinityRule> =>
  fc.record({
    target: fc.constant('VirtualMachine' as const),
    names: fc.subarray([...names], { minLength: 1, maxLength: 2 }),
    labelSelector: fc.constant(''),
    relation,
    failureDomain: label,
    strength: fc.constant('Required' as const),
    weight: fc.constant(1),
  })
/** All members of the group state the same, or there would be nothing to place. */
const group: fc.Arbitrary<GroupRule> = fc.record({
  name: fc.constant('g'),
  relation,
  failureDomain: label,
  strength: fc.constant('Required' as const),
  maximumPerDomain: fc.integer({ min: 1, max: 2 }),
})

const situation = group.chain((rule) => {
  const rules = (names: readonly string[]) =>
    fc.record({
      affinities: fc.array(affinity(names), { maxLength: 2 }),
      groups: fc.constantFrom([], [rule]),
    })
  const neighbour = (name: string) =>
    fc
      .record({ host: fc.nat({ max: 5 }), rules: rules([NEWCOMER, 'other']) })
      .map((one): Neighbour => ({ name, host: one.host, rules: { ...NO_RULES, ...one.rules } }))
  return fc.record({
    neighbours: fc.tuple(...['m0', 'm1', 'm2'].map(neighbour)),
    own: rules(['m0', 'm1', 'm2', 'absent']).map((own) => ({ ...NO_RULES, ...own })),
  })
})

function sceneOf(neighbours: readonly Neighbour[]): Scene {
  const scene = createScene()
  for (const [index, name] of HOSTS.entries()) scene.host(name, RACKS[index]!)
  for (const { host, name, rules } of neighbours) scene.machine(name, HOSTS[host]!, {}, rules)
  return scene
}

/** Undefined for a host without the label. */
function domainOf(failureDomain: string, host: number): string | undefined {
  return failureDomain === '' ? HOSTS[host] : RACKS[host] || undefined
}

/** The rules once more, as the contract words them. */
function allows(host: number, own: PlacementRules, neighbours: readonly Neighbour[]): boolean {
  const near = (failureDomain: string, one: Neighbour) =>
    domainOf(failureDomain, one.host) === domainOf(failureDomain, host)
  const keepsAffinities = own.affinities.every(({ failureDomain, names, relation: how }) => {
    const others = neighbours.filter(({ name }) => names.includes(name))
    if (others.length === 0) return true
    if (domainOf(failureDomain, host) === undefined) return false
    return how === 'Apart'
      ? others.every((one) => !near(failureDomain, one))
      : others.every((one) => near(failureDomain, one))
  })
  const isLeftAlone = neighbours.every((one) =>
    one.rules.affinities.every(
      ({ failureDomain, names, relation: how }) =>
        how !== 'Apart' || !names.includes(NEWCOMER) || !near(failureDomain, one),
    ),
  )
  const keepsGroups = own.groups.every(({ failureDomain, maximumPerDomain, relation: how }) => {
    const members = neighbours.filter(({ rules }) => rules.groups.length > 0)
    if (how === 'Together' && members.length === 0) return true
    if (domainOf(failureDomain, host) === undefined) return false
    const there = members.filter((one) => near(failureDomain, one)).length
    return how === 'Together' ? there > 0 : there < maximumPerDomain
  })
  return keepsAffinities && isLeftAlone && keepsGroups
}

describe('neighbours', () => {
  it('leave exactly the hosts that the rules allow, and the mask is what the rules say', () => {
    fc.assert(
      fc.property(situation, ({ neighbours, own }) => {
        const view = fleetView(sceneOf(neighbours).state)
        const demand = machineDemand({ rules: own })
        const { mask, rules } = compileMachine(view, { name: NEWCOMER, uid: 'u' }, demand, [])
        for (const [host, open] of mask.open.entries()) {
          expect(open === 1, HOSTS[host]!).toBe(allows(host, own, neighbours))
          expect(rules.every(({ check }) => check(host) === null)).toBe(open === 1)
          const failed = rules.findIndex(({ check }) => check(host) !== null)
          expect(mask.failed[host]).toBe(failed + 1)
        }
      }),
      { numRuns: 300, seed: 1 },
    )
  })
})
