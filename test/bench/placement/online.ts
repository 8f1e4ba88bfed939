/** Tasks S, L and E: a stream of requests, the delay of one, and the loss of a node. */

import { attempt, judge, withNew } from './capacity.ts'
import { checkResult } from './checker.ts'
import type { OnlinePlacer, Pair, PlacementContender } from './contender.ts'
import type { GanetiCluster, Request } from './ganeti.ts'
import { createGanetiGreedy } from './ganeti-greedy.ts'
import { ganetiScore } from './ganeti-score.ts'
import { flavour, flavours, mulberry32 } from './generators.ts'
import { hailJson } from './hail-request.ts'
import { withInstances } from './ledger.ts'
import { type Cost, measure } from './measured.ts'
import { type HailResult, runHail } from './peers.ts'
import { type Goal, limitGoal, type Row, shareGoal } from './report.ts'

/** So many refusals in a row end a stream. */
const REFUSALS = 200
const STREAM_SEED = 11

interface Stream {
  readonly firstRefused: number
  readonly wanted: readonly Request[]
  readonly pairs: readonly (Pair | null)[]
}

function runStream(placer: OnlinePlacer): Stream {
  const draw = mulberry32(STREAM_SEED)
  const [wanted, pairs]: [Request[], (Pair | null)[]] = [[], []]
  let firstRefused = -1
  for (let refused = 0; refused < REFUSALS; ) {
    const next = flavour(draw)
    const pair = placer.allocate(next)
    if (pair === null && firstRefused < 0) firstRefused = wanted.length
    refused = pair === null ? refused + 1 : 0
    wanted.push(next)
    pairs.push(pair)
  }
  return { firstRefused, wanted, pairs }
}

/** Mixed instances one by one until 200 in a row find no room. */
export async function streamCase(
  name: string,
  cluster: GanetiCluster,
  contender: PlacementContender,
): Promise<Row> {
  const peer = measure(() => runStream(createGanetiGreedy(cluster)))
  const ours = measure(() => runStream(contender.place(cluster)))
  const results = [ours, peer].map(({ result: { wanted, pairs } }) =>
    withNew(cluster, wanted, pairs),
  )
  const used = results.map(memoryShare)
  const first = [ours, peer].map(({ result }) => result.firstRefused)
  return {
    task: 'stream',
    case: name,
    ours: side(ours.result, ours.cost, results[0]!),
    peer: side(peer.result, undefined, results[1]!),
    goals: [
      shareGoal('first refusal, of the peer', first[0]! / first[1]!, 1),
      shareGoal('memory used, of the peer', used[0]! / used[1]!, 1),
    ],
    notes: [
      `first refusal at request ${first[0]} (peer ${first[1]}), ` +
        `memory used ${percent(used[0]!)} (peer ${percent(used[1]!)}); warm`,
      "peer: Ganeti's own choice computed in this process, so its time is not compared",
      ...(await judge(cluster, results[0]!)),
    ],
  }
}

function side({ pairs }: Stream, cost: Cost | undefined, result: GanetiCluster) {
  return { placed: pairs.filter((pair) => pair !== null).length, cost, score: ganetiScore(result) }
}

function memoryShare({ nodes, instances }: GanetiCluster): number {
  const used = instances.reduce((sum, { memMib }) => sum + memMib, 0)
  return used / nodes.reduce((sum, { totalMemMib }) => sum + totalMemMib, 0)
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

const LATENCY_SEED = 7
const LATENCY_REQUESTS = 1000

/** How fast single requests are answered; goals in milliseconds and requests per second. */
export async function latencyCase(
  name: string,
  cluster: GanetiCluster,
  wanted: Request,
  contender: PlacementContender,
  options: {
    readonly cold?: ((request: string) => Promise<Cost>) | undefined
    readonly goals: { readonly p99Ms?: number; readonly perSecond?: number }
    readonly peer: boolean
  },
): Promise<Row> {
  const request = hailJson(cluster, { type: 'allocate', name: 'new-vm', wanted })
  const peer = options.peer
    ? await attempt(() => runHail(request, { capacityChecks: true }))
    : undefined
  const unchecked = options.peer
    ? await attempt(() => runHail(request, { capacityChecks: false }))
    : undefined
  const cold = await options.cold?.(request)
  const sequence = flavours(LATENCY_SEED, LATENCY_REQUESTS)
  const { result: placer, cost: loading } = measure(() => contender.place(cluster))
  const delays: number[] = []
  const { result: pairs, cost } = measure(() =>
    sequence.map((next) => {
      const began = performance.now()
      const pair = placer.allocate(next)
      delays.push(performance.now() - began)
      return pair
    }),
  )
  const sorted = delays.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)]!
  const perSecond = LATENCY_REQUESTS / (cost.cpuSeconds ?? cost.wallSeconds)
  const { goals } = options
  return {
    task: 'latency',
    case: name,
    ours: { placed: pairs.filter((pair) => pair !== null).length, cost: cold },
    peer: { cost: typeof peer === 'string' ? undefined : peer?.cost },
    goals: [
      ...(goals.p99Ms ? [limitGoal('warm, p99', at(0.99), goals.p99Ms, 'ms')] : []),
      ...(goals.perSecond ? [rateGoal(perSecond, goals.perSecond)] : []),
    ],
    notes: [
      'CPU s: one request cold, a process of its own that reads the same document',
      `warm, ${LATENCY_REQUESTS} mixed requests: p50 ${ms(at(0.5))}, p99 ${ms(at(0.99))}, ` +
        `max ${ms(at(1))}, ${Math.round(perSecond)}/s of CPU; loading took ${ms(loading.wallSeconds * 1000)}`,
      ...[hailNote('hail', peer), hailNote('hail --no-capacity-checks', unchecked)].flat(),
      ...(await judge(cluster, withNew(cluster, sequence, pairs))),
    ],
  }
}

function ms(value: number): string {
  return `${value.toPrecision(3)} ms`
}

function rateGoal(perSecond: number, least: number): Goal {
  return {
    what: 'warm, requests for each second of CPU',
    reached: String(Math.round(perSecond)),
    goal: `≥ ${least}`,
    met: perSecond >= least,
  }
}

function hailNote(name: string, answer: HailResult | string | undefined): string[] {
  if (answer === undefined) return []
  if (typeof answer === 'string') return [`${name}: ${answer}`]
  const { cpuSeconds, peakMib } = answer.cost
  return [
    `${name}, cold: ${cpuSeconds?.toFixed(2)} s, ${peakMib?.toFixed(0)} MiB, ` +
      (answer.success ? 'placed' : `refused: ${answer.info.slice(0, 80)}`),
  ]
}

/** Everything a dead node held gets its second copy elsewhere. */
export async function evacuationCase(
  name: string,
  cluster: GanetiCluster,
  node: string,
  contender: PlacementContender,
  options: { readonly peer: boolean },
): Promise<Row> {
  const dead: GanetiCluster = {
    ...cluster,
    nodes: cluster.nodes.map((one) => (one.name === node ? { ...one, role: 'offline' } : one)),
  }
  const on = (instances: GanetiCluster['instances']) =>
    instances.filter(({ primary, secondary }) => primary === node || secondary === node).length
  const modes = ['primary-only', 'secondary-only'] as const
  const peers: (HailResult | string)[] = []
  for (const mode of options.peer ? modes : [])
    peers.push(
      await attempt(() =>
        runHail(hailJson(cluster, { type: 'node-evacuate', node, mode }), { capacityChecks: true }),
      ),
    )
  const { result: instances, cost } = measure(() => contender.evacuate(dead, node))
  const result = withInstances(dead, instances)
  const verdict = checkResult(dead, result)
  const left = on(instances)
  return {
    task: 'evacuation',
    case: name,
    ours: {
      cost,
      score: ganetiScore(result),
      moves: verdict.touched,
      copiedGib: verdict.copiedGib,
    },
    peer: {},
    goals: [limitGoal('instances left on the dead node', left, 0, '')],
    notes: [
      `${on(cluster.instances)} instances were on ${node}; ours warm`,
      ...modes.flatMap((mode, at) => hailNote(`hail ${mode}`, peers[at])),
      ...(await judge(dead, result)),
    ],
  }
}
