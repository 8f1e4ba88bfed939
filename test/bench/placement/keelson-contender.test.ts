import { describe, expect, it } from 'vitest'
import { upperBound } from './bound.ts'
import { withNew } from './capacity.ts'
import { checkResult } from './checker.ts'
import { type GanetiCluster, type GanetiInstance, standardRequest } from './ganeti.ts'
import { ganetiScore } from './ganeti-score.ts'
import * as generators from './generators.ts'
import { keelsonContender } from './keelson-contender.ts'
import { withInstances } from './ledger.ts'
import { statesOf } from './steps.ts'

/** Every sort of instance that counts in a way of its own. */
function odd(): GanetiCluster {
  const cluster = generators.dense(8, 6, 1)
  const changes: readonly Partial<GanetiInstance>[] = [
    { status: 'ADMIN_down' },
    { status: 'ADMIN_offline' },
    { autoBalance: false },
    { status: 'ADMIN_down', autoBalance: false },
    { template: 'plain', secondary: '' },
    { template: 'rbd', secondary: '' },
    { spindleUse: 40 },
    {},
  ]
  return withInstances(
    // Each node has room for few uses of its disks, and little memory is left.
    { ...cluster, nodes: cluster.nodes.map((node) => ({ ...node, spindles: 4 })) },
    cluster.instances.map((one, at) => ({ ...one, ...changes[at % changes.length] })),
  )
}

const CLUSTERS: readonly [string, () => GanetiCluster][] = [
  ['sizes differ', () => generators.hetero(20, 1)],
  ['two groups, dead nodes, no mirrors', () => generators.groups(20, 1)],
  ['failure domains and exclusion', () => generators.racks(20, 1)],
  ['odd instances, few spindles', odd],
  ['no node', () => ({ ...generators.homogeneous('mem', 0), instances: [] })],
]

describe.each(CLUSTERS)('the engine keeps the rules of Ganeti: %s', (_, make) => {
  const start = make()
  const wanted = standardRequest(start)

  it('when it fills', async () => {
    const pairs = keelsonContender.fill(start, wanted)
    const verdict = checkResult(start, withNew(start, wanted, pairs))
    expect(verdict.violations).toEqual([])
    expect(pairs.length).toBeLessThanOrEqual((await upperBound(start, wanted)).count)
  })

  it('when it decides one by one, and together', () => {
    const sequence = generators.flavours(7, 200)
    const placer = keelsonContender.place(start)
    const online = sequence.map((one) => placer.allocate(one))
    expect(checkResult(start, withNew(start, sequence, online)).violations).toEqual([])
    const few = sequence.slice(0, 40)
    const together = withNew(start, few, keelsonContender.batch(start, few))
    expect(checkResult(start, together).violations).toEqual([])
  })

  it('when it balances, after every move', () => {
    const states = statesOf(start, keelsonContender.rebalance!(start, { budgetGib: 500 })).flat()
    for (const state of states) expect(checkResult(start, state).violations).toEqual([])
    const end = states.at(-1) ?? start
    expect(ganetiScore(end)).toBeLessThanOrEqual(ganetiScore(start))
    expect(checkResult(start, end).copiedGib).toBeLessThanOrEqual(500)
  })
})
