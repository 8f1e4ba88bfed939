import { describe, expect, it } from 'vitest'
import type { GanetiCluster, GanetiInstance } from './ganeti.ts'
import { ganetiScore } from './ganeti-score.ts'
import * as generators from './generators.ts'
import { withInstances } from './ledger.ts'

/** What hinfo 3.0.2 prints for the same files. */
const PRINTED: readonly [string, () => GanetiCluster, string][] = [
  ['sizes differ', () => generators.hetero(20, 1), '17.79592085'],
  ['all on 60 % of the nodes', () => generators.lopsided(20, 1), '44.95326801'],
  ['new nodes are empty', () => generators.newNodes(20, 1), '23.38598812'],
  ['many instances', () => generators.dense(200, 10, 1), '16.45313896'],
  ['conflicting shapes', () => generators.skewed(40, 1), '15.01113557'],
  ['nothing there, all equal', () => generators.homogeneous('mem', 80), '0.00000000'],
  ['nothing there, sizes differ', () => generators.hetero(20, 1, 0), '0.00585611'],
  ['holes', () => generators.fragmented(20, 1), '46.01269882'],
  ['failure domains and exclusion', () => generators.racks(20, 1), '40.44308844'],
  ['two groups, dead nodes, no mirrors', () => generators.groups(20, 1), '246.74138118'],
  ['extreme shapes', () => generators.extremes(20, 1), '12.47759538'],
]

describe('the score is what Ganeti prints', () => {
  it.each(PRINTED)('%s', (_, make, printed) => {
    expect(ganetiScore(make()).toFixed(8)).toBe(printed)
  })

  const odd: readonly [string, Partial<GanetiInstance>, string][] = [
    ['is stopped', { status: 'ADMIN_down' }, '17.79840733'],
    ['is offline', { status: 'ADMIN_offline' }, '17.68097362'],
    ['is on the wrong node', { status: 'ERROR_wrongnode' }, '17.79592085'],
    ['is not balanced', { autoBalance: false }, '17.68028543'],
    ['is only planned', { forthcoming: true }, '17.81603606'],
    ['has no mirror', { template: 'plain', secondary: '' }, '17.68535790'],
    ['is on storage elsewhere', { template: 'rbd', secondary: '' }, '17.68536003'],
    ['uses its disks seven times as much', { spindleUse: 7 }, '17.79591964'],
  ]
  // The columns of the nodes stay as they are, so what is missing is memory nobody accounts for.
  it.each(odd)('when one instance %s', (_, changes, printed) => {
    const cluster = generators.hetero(20, 1)
    const instances = cluster.instances.with(0, { ...cluster.instances[0]!, ...changes })
    expect(ganetiScore({ ...cluster, instances }).toFixed(8)).toBe(printed)
  })

  it('when a node is offline, reports less than it should have, or more', () => {
    const cluster = generators.hetero(20, 1)
    const node = cluster.nodes[12]!
    const changed = (changes: Partial<typeof node>) =>
      ganetiScore({ ...cluster, nodes: cluster.nodes.with(12, { ...node, ...changes }) }).toFixed(8)
    expect(changed({ role: 'offline' })).toBe('193.98517849')
    expect(changed({ freeMemMib: 90000, freeDiskMib: 3000000 })).toBe('17.79623419')
    expect(changed({ freeMemMib: 99000, freeDiskMib: 3100000 })).toBe('17.79637345')
  })
})

it('a cluster without nodes has none', () => {
  const empty = { ...generators.hetero(20, 1), nodes: [], instances: [] }
  expect(ganetiScore(withInstances(empty, []))).toBe(0)
})
