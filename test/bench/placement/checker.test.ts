import { describe, expect, it } from 'vitest'
import { checkResult } from './checker.ts'
import type { GanetiCluster, GanetiInstance, GanetiNode } from './ganeti.ts'
import { newInstance } from './ganeti.ts'
import { dense, groups, hetero, racks, request } from './generators.ts'
import { withInstances } from './ledger.ts'

/** Three nodes of 10 000 MiB with room for three instances of 4000 under the rule of N+1. */
const base = dense(4, 1, 1)
const nodes = base.nodes.slice(0, 3).map(
  (node): GanetiNode => ({
    ...node,
    ...{ totalMemMib: 10_000, nodeMemMib: 0, freeMemMib: 10_000 },
    ...{ totalDiskMib: 10_000, freeDiskMib: 10_000, cores: 2, spindles: 1 },
  }),
)
const EMPTY: GanetiCluster = { ...base, nodes, instances: [] }
const [A, B, C] = nodes.map(({ name }) => name) as [string, string, string]
const vm = (
  name: string,
  primary: string,
  secondary: string,
  changes: Partial<GanetiInstance> = {},
) => ({
  ...newInstance(name, request(4000, 2000, 2), primary, secondary),
  ...changes,
})

function rulesOf(start: GanetiCluster, instances: readonly GanetiInstance[], changes = {}) {
  const result = { ...withInstances(start, instances), ...changes }
  return checkResult(start, result).violations.map(({ rule }) => rule)
}

describe('a good result', () => {
  it('breaks no rule, and is counted', () => {
    const start = withInstances(EMPTY, [vm('old', A, B)])
    const result = withInstances(start, [vm('old', C, A), vm('new', A, B)])
    expect(checkResult(start, result)).toMatchObject({
      violations: [],
      inherited: [],
      ...{ placed: 1, placedMemMib: 4000, movedPrimaries: 1, touched: 1 },
      copiedGib: 2000 / 1024,
    })
  })

  it.each([
    ['hetero', hetero(20, 2)],
    ['dense', dense(20, 5, 2)],
    ['racks', racks(20, 2)],
  ])('is what the generator of %s made', (_, cluster) => {
    const start = withInstances(cluster, [])
    const { violations, placed } = checkResult(start, cluster)
    expect(violations).toEqual([])
    expect(placed).toBe(cluster.instances.length)
  })

  it('may inherit what was broken before: instances on offline nodes', () => {
    const cluster = groups(20, 1)
    const { violations, inherited } = checkResult(cluster, cluster)
    expect(violations).toEqual([])
    expect(inherited.length).toBeGreaterThan(0)
    expect(inherited.every(({ rule }) => rule.startsWith('offline'))).toBe(true)
  })
})

describe('a broken rule is found', () => {
  const start = withInstances(EMPTY, [vm('old', A, B)])
  const old = vm('old', A, B)
  const size = (memMib: number, diskMib: number, vcpus: number) => ({ memMib, diskMib, vcpus })
  const cases: readonly [string, string, readonly GanetiInstance[]][] = [
    ['a lost instance', 'lost', []],
    ['one that is there twice', 'duplicate', [old, old]],
    ['a changed size', 'changed', [{ ...old, memMib: 3999 }]],
    ['a changed status', 'changed', [{ ...old, status: 'ADMIN_down' }]],
    ['a lost mirror', 'changed', [{ ...old, secondary: '' }]],
    ['an unknown node', 'unknown', [old, vm('x', 'nowhere', A)]],
    ['a mirror on the same node', 'mirror', [old, vm('x', C, C)]],
    // Free 2000, and 2000 are reserved on B for A: not more.
    [
      'no memory for the failure of one node',
      'n+1',
      [old, vm('x', B, C, size(6000, 100, 1)), vm('y', A, C, size(4000, 100, 1))],
    ],
    ['memory used up', 'n+1', [old, vm('x', C, B, size(10_000, 100, 1))]],
    ['disk used up', 'disk', [old, vm('x', C, B, size(100, 8000, 1))]],
    ['too many virtual processors', 'vcpus', [old, vm('x', A, C, size(100, 100, 7))]],
    [
      'too many uses of a spindle',
      'spindles',
      [old, vm('x', C, B, { memMib: 1000, spindleUse: 33 })],
    ],
    ['less than a policy allows', 'policy', [old, vm('x', C, B, size(127, 1024, 1))]],
  ]
  it.each(cases)('%s', (_, rule, instances) => {
    expect(rulesOf(start, instances)).toContain(rule)
  })

  it('by one MiB: a node is never quite full', () => {
    expect(rulesOf(start, [old, vm('x', C, B, size(9999, 7999, 8))])).toEqual([])
    expect(rulesOf(start, [old, vm('x', C, B, size(10_000, 7999, 8))])).toEqual(['n+1', 'n+1'])
    expect(rulesOf(start, [old, vm('x', C, B, size(5999, 8000, 8))])).toEqual(['disk'])
  })

  it('an offline node takes nothing new', () => {
    const dead = {
      ...EMPTY,
      nodes: nodes.map((node, at) => (at ? node : { ...node, role: 'offline' as const })),
    }
    expect(rulesOf(dead, [vm('x', A, B)])).toEqual([`offline ${A}`])
    expect(rulesOf(dead, [vm('x', B, A)])).toEqual([`offline ${A}`])
  })

  it('an instance stays in one group, and a closed group takes nothing', () => {
    const two: GanetiCluster = {
      ...EMPTY,
      groups: [
        ...base.groups,
        { ...base.groups[0]!, name: 'b', uuid: 'b', allocPolicy: 'unallocable' },
      ],
      nodes: nodes.map((node, at) => (at === 2 ? { ...node, group: 'b' } : node)),
    }
    expect(rulesOf(two, [vm('x', A, C)])).toEqual(['group'])
    expect(rulesOf(two, [vm('x', C, A)])).toContain('policy')
  })

  it('instances with the same exclusion tag share no primary', () => {
    const tagged: GanetiCluster = { ...EMPTY, tags: ['htools:iextags:web'] }
    const web = (name: string, on: string, to: string) => ({
      ...vm(name, on, to, size(100, 100, 1)),
      tags: ['web:1'],
    })
    const policies = tagged.policies.map((policy) => ({
      ...policy,
      bounds: policy.bounds.map((pair) => ({
        ...pair,
        min: { ...pair.min, memMib: 1, diskMib: 1 },
      })),
    }))
    const cluster = { ...tagged, policies }
    expect(rulesOf(cluster, [web('x', A, B), web('y', A, C)])).toEqual([`exclusion web:1 ${A}`])
    expect(rulesOf(cluster, [web('x', A, B), web('y', B, A)])).toEqual([])
  })

  it('a wrong free column, and anything else that changed', () => {
    expect(
      rulesOf(start, [old], { nodes: start.nodes.map((node) => ({ ...node, freeMemMib: 1 })) }),
    ).toContain('column')
    expect(rulesOf(start, [old], { tags: ['new'] })).toEqual(['cluster'])
  })

  it('exclusive spindles run out', () => {
    const exclusive: GanetiCluster = {
      ...EMPTY,
      nodes: nodes.map((node) => ({ ...node, exclusiveStorage: true, freeSpindles: 3 })),
    }
    const two = vm('x', A, B, { ...size(1000, 1024, 1), diskSpindles: 2 })
    expect(rulesOf(exclusive, [two])).toEqual([])
    expect(rulesOf(exclusive, [two, { ...two, name: 'y', primary: C }])).toEqual(['spindles'])
  })
})

describe('memory', () => {
  it('of a stopped instance is free, but is reserved for its start elsewhere', () => {
    const stopped = vm('x', A, B, { status: 'ADMIN_down', memMib: 9000, vcpus: 1 })
    expect(rulesOf(EMPTY, [stopped])).toEqual([])
    expect(rulesOf(EMPTY, [stopped, vm('y', B, C)])).toEqual(['n+1'])
  })

  it('is not reserved for an instance that Ganeti does not balance, nor for one offline', () => {
    const alone = { ...vm('x', A, B, { memMib: 9000, vcpus: 1 }), autoBalance: false }
    expect(rulesOf(EMPTY, [alone, vm('y', B, C)])).toEqual([])
    const offline = vm('x', A, B, { status: 'ADMIN_offline', memMib: 9000, vcpus: 99 })
    expect(rulesOf(EMPTY, [offline, vm('y', B, C)])).toEqual(['policy'])
  })
})
