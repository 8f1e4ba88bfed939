import { describe, expect, it } from 'vitest'
import { withNew } from './capacity.ts'
import { checkResult } from './checker.ts'
import { type GanetiCluster, standardRequest } from './ganeti.ts'
import { ganetiScore } from './ganeti-score.ts'
import * as generators from './generators.ts'
import { greedyContender } from './greedy-fixture.ts'
import { withInstances } from './ledger.ts'
import { gibToReach, scoreAt, trajectory } from './rebalancing.ts'
import { toJson } from './report.ts'
import { copiedGibOf, type Step, statesOf, swapsOf } from './steps.ts'

describe("Ganeti's choice in this process", () => {
  /** Counts and scores of hspace 3.0.2 for the same files. */
  const filled: readonly [string, () => GanetiCluster, number, string][] = [
    ['hetero 20', () => generators.hetero(20, 1), 271, '80.56516083'],
    ['hetero 40, seed 2', () => generators.hetero(40, 2), 580, '82.36491099'],
    ['skewed 20', () => generators.skewed(20, 1), 100, '24.40415910'],
    ['fragmented 20', () => generators.fragmented(20, 1), 31, '53.11903064'],
    ['two groups', () => generators.groups(20, 1), 639, '307.54724476'],
    ['racks', () => generators.racks(20, 1), 489, '41.47597164'],
    ['short of memory', () => generators.homogeneous('mem', 20), 272, '3.58438649'],
  ]
  it.each(filled)('fills %s as hspace does', (_, make, count, score) => {
    const cluster = make()
    const wanted = standardRequest(cluster)
    const result = withNew(cluster, wanted, greedyContender.fill(cluster, wanted))
    const verdict = checkResult(cluster, result)
    expect(verdict).toMatchObject({ violations: [], placed: count })
    expect(ganetiScore(result).toFixed(8)).toBe(score)
  })

  it('keeps the rules for different instances and after the loss of a node', () => {
    const cluster = generators.dense(12, 6, 1)
    const wanted = generators.flavours(7, 60)
    const result = withNew(cluster, wanted, greedyContender.batch(cluster, wanted))
    expect(checkResult(cluster, result)).toMatchObject({ violations: [], placed: 60 })

    const dead = {
      ...cluster,
      nodes: cluster.nodes.with(4, { ...cluster.nodes[4]!, role: 'offline' as const }),
    }
    const after = withInstances(dead, greedyContender.evacuate(dead, cluster.nodes[4]!.name))
    const verdict = checkResult(dead, after)
    expect(verdict.violations).toEqual([])
    expect(verdict.inherited).toEqual([])
    expect(verdict.touched).toBeGreaterThan(5)
  })
})

describe('steps of a rebalancing', () => {
  const cluster = generators.dense(4, 4, 1)
  const [one] = cluster.instances
  const other = cluster.nodes.find(({ name }) => name !== one!.primary && name !== one!.secondary)!
  const steps: Step[] = [
    { instance: one!.name, moves: ['f'] },
    { instance: one!.name, moves: [`r:${other.name}`, 'f'] },
  ]

  it('give the cluster after each move', () => {
    const nodes = statesOf(cluster, steps).map((states) =>
      states.map(({ instances }) => [instances[0]!.primary, instances[0]!.secondary]),
    )
    expect(nodes).toEqual([
      [[one!.secondary, one!.primary]],
      [
        [one!.secondary, other.name],
        [other.name, one!.secondary],
      ],
    ])
    expect(() => statesOf(cluster, [{ instance: 'nobody', moves: ['f'] }])).toThrow('nobody')
  })

  it('copy a disk for each new mirror', () => {
    expect(copiedGibOf(cluster, steps)).toEqual([0, one!.diskMib / 1024])
    expect(swapsOf(steps)).toBe(2)
  })

  it('are compared by score for what was copied', () => {
    const points = trajectory(cluster, steps)
    expect(points.map(({ copiedGib }) => copiedGib)).toEqual([0, 0, one!.diskMib / 1024])
    expect(points[0]!.score).toBe(ganetiScore(cluster))
    const path = [
      { copiedGib: 0, score: 9 },
      { copiedGib: 10, score: 5 },
      { copiedGib: 30, score: 4 },
    ]
    expect([0, 10, 29, 1000].map((gib) => scoreAt(path, gib))).toEqual([9, 5, 5, 4])
    expect([9, 5, 4.5, 3].map((score) => gibToReach(path, score))).toEqual([0, 10, 30, undefined])
  })

  it('of the simple engine keep the rules and lower the score', () => {
    const start = generators.lopsided(10, 1)
    const found = greedyContender.rebalance!(start, {})
    const states = statesOf(start, found).flat()
    expect(found.length).toBeGreaterThan(0)
    for (const state of states) expect(checkResult(start, state).violations).toEqual([])
    expect(ganetiScore(states.at(-1)!)).toBeLessThan(ganetiScore(start))
  })
})

it('the result file has null for what was not run', () => {
  const row = { task: 'capacity', case: 'x', goals: [], notes: ['why'] }
  expect(toJson({ ...row, ours: { placed: 3, score: 1.5 }, peer: {}, bound: 4 })).toEqual({
    ...{ case: 'x', task: 'capacity', placed: 3, peerPlaced: null, bound: 4, seconds: null },
    ...{ peerSeconds: null, score: 1.5, peerScore: null, moves: null, peerMoves: null },
    ...{ copiedGib: null, peerCopiedGib: null, goals: [], notes: ['why'] },
  })
})
