/** Tasks P and F: how many instances fit, all alike, or large ones after small ones. */
import { boundBeside, upperBound } from './bound.ts'
import { checkResult, type Verdict } from './checker.ts'
import type { Pair, PlacementContender } from './contender.ts'
import { type GanetiCluster, newInstance, type Request } from './ganeti.ts'
import { ganetiScore } from './ganeti-score.ts'
import { withInstances } from './ledger.ts'
import { type Cost, measure } from './measured.ts'
import { runHinfo, runHspace } from './peers.ts'
import { type Goal, type Row, shareGoal } from './report.ts'

/** Runs an engine in a process of its own, with everything a start costs. */
export interface ColdRunner {
  fill(cluster: GanetiCluster, wanted: Request): Promise<{ pairs: Pair[]; cost: Cost }>
}

/** Names of new instances cannot meet those of a file unless it was made by this program. */
export function withNew(
  cluster: GanetiCluster,
  wanted: Request | readonly Request[],
  pairs: readonly (Pair | null)[],
  prefix = 'keelson-new',
): GanetiCluster {
  const added = pairs.flatMap((pair, index) => {
    const size = Array.isArray(wanted)
      ? (wanted as readonly Request[])[index]!
      : (wanted as Request)
    const name = `${prefix}-${String(index).padStart(5, '0')}`
    return pair === null ? [] : [newInstance(name, size, pair.primary, pair.secondary)]
  })
  return withInstances(cluster, [...cluster.instances, ...added])
}

/** What is wrong with a result, by our checker and by Ganeti; empty when nothing is. */
export async function judge(start: GanetiCluster, result: GanetiCluster): Promise<string[]> {
  const verdict = checkResult(start, result)
  const opinion = await runHinfo(result)
  const score = ganetiScore(result)
  return [
    ...verdict.violations.slice(0, 5).map(({ rule, message }) => `BROKEN ${rule}: ${message}`),
    ...(verdict.violations.length > 5 ? [`… ${verdict.violations.length} broken in all`] : []),
    ...inheritedNote(verdict),
    ...(opinion.happy || !(await runHinfo(start)).happy
      ? []
      : ['BROKEN: hinfo does not find it N+1 happy']),
    // Scores are sums of square roots: the last digits depend on the order of summing.
    ...(Math.abs(opinion.score - score) <= 2e-8 * Math.max(1, score)
      ? []
      : [`BROKEN: hinfo says the score is ${opinion.score}, we say ${score}`]),
  ]
}

function inheritedNote({ inherited }: Verdict): string[] {
  return inherited.length === 0
    ? []
    : [`the file itself breaks ${inherited.length} rules: ${inherited[0]!.message}`]
}

/** Fills a cluster with identical instances, beside hspace and the proven bound. */
export async function capacityCase(
  name: string,
  cluster: GanetiCluster,
  wanted: Request,
  contender: PlacementContender,
  options: {
    readonly cold?: ColdRunner | undefined
    readonly goal?: number
    readonly peer: boolean
  },
): Promise<Row> {
  const bound = await upperBound(cluster, wanted)
  const peer = options.peer ? await attempt(() => runHspace(cluster, wanted)) : undefined
  const cold = await options.cold?.fill(cluster, wanted)
  const warm = measure(() => contender.fill(cluster, wanted))
  const result = withNew(cluster, wanted, warm.result)
  const placed = warm.result.length
  const goals: Goal[] = []
  if (options.goal !== undefined)
    goals.push(
      shareGoal('of the proven bound', bound.count === 0 ? 1 : placed / bound.count, options.goal),
    )
  return {
    task: 'capacity',
    case: name,
    ours: { placed, cost: cold?.cost ?? warm.cost, score: ganetiScore(result) },
    peer: isResult(peer) ? { placed: peer.placed, cost: peer.cost, score: peer.score } : {},
    bound: bound.count,
    goals,
    notes: [
      `bound from ${bound.from}; ours ${cold ? 'cold' : 'in this process'}` +
        `, again warm: ${(warm.cost.cpuSeconds ?? 0).toFixed(2)} s`,
      ...(placed > bound.count ? ['BROKEN: more than the bound allows'] : []),
      ...(cold && cold.pairs.length !== placed ? ['BROKEN: cold and warm differ'] : []),
      ...(typeof peer === 'string' ? [`hspace: ${peer}`] : []),
      ...(await judge(cluster, result)),
    ],
  }
}

/** A peer that fails is a note, not the end of the measurement. */
export async function attempt<Result>(run: () => Promise<Result>): Promise<Result | string> {
  return run().catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
}

function isResult<Result>(value: Result | string | undefined): value is Result {
  return value !== undefined && typeof value !== 'string'
}

const SMALL: Request = { memMib: 4096, diskMib: 40960, vcpus: 2 }
const LARGE: Request = { memMib: 49152, diskMib: 491520, vcpus: 8 }

/** Small instances one by one until a share of memory is used, then as many large ones as fit. */
export async function fragmentationCase(
  name: string,
  cluster: GanetiCluster,
  memShare: number,
  contender: PlacementContender,
  goal: { readonly feasible: number; readonly share: number },
): Promise<Row> {
  const totalMib = cluster.nodes.reduce((sum, { totalMemMib }) => sum + totalMemMib, 0)
  const count = Math.ceil((memShare * totalMib) / SMALL.memMib)
  const bound = await boundBeside(cluster, SMALL, count, LARGE)
  const first = await runHspace(cluster, SMALL, count)
  const second = await runHspace(first.result, LARGE)
  const { result: ours, cost } = measure(() => {
    const placer = contender.place(cluster)
    const small = Array.from({ length: count }, () => placer.allocate(SMALL))
    const between = withNew(cluster, SMALL, small, 'small')
    const large = contender.fill(between, LARGE)
    return { small, large, result: withNew(between, LARGE, large, 'large') }
  })
  const missing = ours.small.filter((pair) => pair === null).length
  return {
    task: 'fragmentation',
    case: name,
    ours: { placed: ours.large.length, cost, score: ganetiScore(ours.result) },
    peer: { placed: second.placed, cost: second.cost, score: second.score },
    bound,
    goals: [
      shareGoal('large ones, of what is feasible', ours.large.length / goal.feasible, goal.share),
    ],
    notes: [
      `${count} small ones first, ${Math.round(memShare * 100)} % of memory, decided one by one, not knowing of the large; warm`,
      ...(missing > 0 ? [`BROKEN: ${missing} small ones found no room`] : []),
      ...(await judge(cluster, ours.result)),
    ],
  }
}
