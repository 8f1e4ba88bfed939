/** The cases that are measured when no files are given, with the goals they have. */
import { type ColdRunner, capacityCase, fragmentationCase } from './capacity.ts'
import type { PlacementContender } from './contender.ts'
import { type GanetiCluster, standardRequest } from './ganeti.ts'
import * as generators from './generators.ts'
import type { Cost } from './measured.ts'
import { evacuationCase, latencyCase, streamCase } from './online.ts'
import { rebalanceCase } from './rebalancing.ts'
import type { Row } from './report.ts'

/** One measurement, not yet begun. */
export interface Case {
  readonly task: string
  readonly name: string
  run(): Promise<Row>
}

/** How much is measured, and how a cold start is done. */
export interface TaskOptions {
  /** Also large clusters and whole runs of slow peers. */
  readonly full: boolean
  readonly hbalSeconds: number
  readonly cold: ColdRunner
  readonly allocate: (request: string) => Promise<Cost>
}

const DEAD = 'node-0007'

/** All tasks: capacity, fragmentation, stream, latency, evacuation, rebalance. */
export function madeCases(contender: PlacementContender, options: TaskOptions): Case[] {
  return [
    ...capacityCases(contender, options),
    ...fragmentationCases(contender),
    ...streamCases(contender, options),
    ...latencyCases(contender, options),
    ...evacuationCases(contender, options),
    ...rebalanceCases(contender, options),
  ]
}

function capacityCases(contender: PlacementContender, { cold, full }: TaskOptions): Case[] {
  const one = (name: string, cluster: GanetiCluster, goal?: number, peer = true): Case => ({
    ...{ task: 'capacity', name },
    run: () =>
      capacityCase(name, cluster, standardRequest(cluster), contender, {
        cold,
        peer,
        ...(goal === undefined ? {} : { goal }),
      }),
  })
  const sizes = full ? [20, 40, 80, 160] : [20, 40, 80]
  const seeds = full ? [1, 2, 3] : [1]
  const kinds = ['mem', 'disk', 'cpu'] as const
  return [
    ...sizes.flatMap((n) =>
      seeds.map((seed) => one(`hetero-${n}-s${seed}`, generators.hetero(n, seed), 0.995)),
    ),
    ...sizes.flatMap((n) =>
      seeds.map((seed) => one(`skewed-${n}-s${seed}`, generators.skewed(n, seed), 0.995)),
    ),
    one('extremes-40-s3', generators.extremes(40, 3), 0.995),
    // hspace needs half a minute and more for one of these at 80 nodes.
    ...kinds.flatMap((kind) =>
      (full ? sizes : [20, 40]).map((n) =>
        one(`homog-${kind}-${n}`, generators.homogeneous(kind, n), kind === 'mem' ? 0.99 : 1),
      ),
    ),
    one('fragmented-40-s1', generators.fragmented(40, 1)),
    one('racks-20-s1', generators.racks(20, 1), 0.98),
    one('groups-20-s1', generators.groups(20, 1), 0.98),
    ...(full ? [one('hetero-1000-s1', generators.hetero(1000, 1), 0.995, false)] : []),
  ]
}

/** Large ones that an integer program has placed when it knew of them before the small ones. */
const FEASIBLE: readonly [nodes: number, memShare: number, large: number][] = [
  [20, 0.3, 46],
  [20, 0.5, 30],
  [40, 0.3, 94],
  [40, 0.5, 60],
]

function fragmentationCases(contender: PlacementContender): Case[] {
  return FEASIBLE.map(([n, memShare, feasible]): Case => {
    const name = `empty-${n} at ${memShare * 100} %`
    const goal = { feasible, share: 0.95 }
    const run = () => fragmentationCase(name, generators.hetero(n, 1, 0), memShare, contender, goal)
    return { task: 'fragmentation', name, run }
  })
}

function streamCases(contender: PlacementContender, { full }: TaskOptions): Case[] {
  return (full ? [20, 40, 80] : [20, 40]).map((n) => {
    const name = `hetero-${n}-s1`
    const run = () => streamCase(name, generators.hetero(n, 1), contender)
    return { task: 'stream', name, run }
  })
}

function latencyCases(contender: PlacementContender, options: TaskOptions): Case[] {
  const shapes: readonly [nodes: number, each: number, p99Ms: number, perSecond: number][] = [
    [40, 10, 2, 1000],
    [200, 10, 2, 1000],
    [200, 20, 2, 1000],
    [1000, 20, 5, 1000],
  ]
  return shapes.map(([nodes, each, p99Ms, perSecond]) => {
    const name = `dense-${nodes}-${each}`
    const run = () => {
      const cluster = generators.dense(nodes, each, 1)
      return latencyCase(name, cluster, standardRequest(cluster), contender, {
        cold: options.allocate,
        goals: { p99Ms, perSecond },
        // hail needs up to a minute and 4 GiB for one request at 1000 nodes.
        peer: nodes <= 200 || options.full,
      })
    }
    return { task: 'latency', name, run }
  })
}

function evacuationCases(contender: PlacementContender, { full }: TaskOptions): Case[] {
  return (full ? [40, 200, 1000] : [40, 200]).map((n) => {
    const name = `dense-${n}-10`
    const run = () =>
      evacuationCase(name, generators.dense(n, 10, 1), DEAD, contender, { peer: n <= 200 })
    return { task: 'evacuation', name, run }
  })
}

/** Ends of hbal 3.0.2 on these clusters; its runs take minutes to hours and are always the same. */
const HBAL_ENDS: ReadonlyMap<string, { readonly score: number; readonly copiedGib: number }> =
  new Map([
    ['skew-40', { score: 0.96172, copiedGib: 20160 }],
    ['newnodes-40', { score: 1.05885, copiedGib: 11200 }],
    ['newnodes-80', { score: 1.82757, copiedGib: 21920 }],
  ])

function rebalanceCases(contender: PlacementContender, options: TaskOptions): Case[] {
  const { full, hbalSeconds } = options
  const seconds = new Map([
    [40, 5],
    [80, 60],
  ])
  const one = (name: string, n: number, cluster: GanetiCluster): Case => ({
    ...{ task: 'rebalance', name },
    run: () => {
      const limit = seconds.get(n)
      return rebalanceCase(name, cluster, contender, {
        // A whole run takes half a minute at 20 nodes.
        peerSeconds: n === 20 ? 120 : hbalSeconds,
        known: HBAL_ENDS.get(name),
        goals: { ...{ gain: 0.99, copies: 0.4 }, ...(limit ? { seconds: limit } : {}) },
      })
    },
  })
  return (full ? [20, 40, 80] : [20, 40]).flatMap((n) => [
    one(`skew-${n}`, n, generators.lopsided(n, 1)),
    one(`newnodes-${n}`, n, generators.newNodes(n, 1)),
  ])
}
