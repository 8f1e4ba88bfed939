/** Task R: evening out a cluster, by what it gains for what it copies. */
import { attempt, judge } from './capacity.ts'
import { checkResult } from './checker.ts'
import type { PlacementContender } from './contender.ts'
import type { GanetiCluster } from './ganeti.ts'
import { ganetiScore } from './ganeti-score.ts'
import { type Cost, measure } from './measured.ts'
import { runHbal } from './peers.ts'
import { type Goal, limitGoal, type Row, shareGoal } from './report.ts'
import { copiedGibOf, type Step, statesOf, stepsOf, swapsOf } from './steps.ts'

/** Score after a copied amount. */
export interface Point {
  readonly copiedGib: number
  readonly score: number
}

/** How long hbal may take; it has no limit of time, so its steps are limited by its first ones. */
export interface RebalanceOptions {
  readonly peerSeconds: number
  /** Share of hbal's gain to reach, with a share of its copies, and a limit of CPU time. */
  readonly goals?: { readonly gain: number; readonly copies: number; readonly seconds?: number }
  readonly budgetGib?: number
  /** Where a whole run of hbal ends on this cluster, which it always does; it takes long. */
  readonly known?: Point | undefined
}

/** Ganeti's score along the way, computed by us for both sides alike. */
export function trajectory(cluster: GanetiCluster, steps: readonly Step[]): Point[] {
  const copied = copiedGibOf(cluster, steps)
  return [
    { copiedGib: 0, score: ganetiScore(cluster) },
    ...stepsOf(cluster, steps).map((state, at) => ({
      copiedGib: copied[at]!,
      score: ganetiScore(state),
    })),
  ]
}

/** Best score that costs no more than this. */
export function scoreAt(points: readonly Point[], copiedGib: number): number {
  const within = points.filter((point) => point.copiedGib <= copiedGib)
  return Math.min(...within.map(({ score }) => score))
}

/** Least that has to be copied to be as good as this; undefined when it never is. */
export function gibToReach(points: readonly Point[], score: number): number | undefined {
  return points.find((point) => point.score <= score)?.copiedGib
}

/** Our steps, each state of which has to keep the rules, beside those of hbal. */
export async function rebalanceCase(
  name: string,
  cluster: GanetiCluster,
  contender: PlacementContender,
  options: RebalanceOptions,
): Promise<Row> {
  const { budgetGib } = options
  const limits = budgetGib === undefined ? {} : { budgetGib }
  const peer =
    options.peerSeconds > 0 ? await attempt(() => boundedHbal(cluster, options)) : undefined
  const known = typeof peer === 'object' ? trajectory(cluster, peer.steps) : []
  const ours = contender.rebalance && measure(() => contender.rebalance!(cluster, limits))
  const points = ours ? trajectory(cluster, ours.result) : []
  return {
    task: 'rebalance',
    case: name,
    ours: ours ? sideOf(points, ours.result, ours.cost) : {},
    peer: typeof peer === 'object' ? sideOf(known, peer.steps, peer.cost) : {},
    goals: ours ? goalsOf(points, endOf(peer, known, options), ours.cost, options) : [],
    notes: [
      `score at the start ${ganetiScore(cluster).toFixed(5)}`,
      ...(ours ? await notesOf(cluster, ours.result, points, known) : ['ours: not run']),
      ...(typeof peer === 'string' ? [`hbal: ${peer}`] : []),
      ...(options.known ? [knownNote(options.known)] : []),
      ...(typeof peer === 'object' ? [`hbal: ${peer.note}, ${swapsOf(peer.steps)} failovers`] : []),
    ],
  }
}

function sideOf(points: readonly Point[], steps: readonly Step[], cost: Cost) {
  const { copiedGib, score } = points.at(-1)!
  return { cost, score, moves: steps.length, copiedGib }
}

const FIRST_STEPS = 2

async function boundedHbal(cluster: GanetiCluster, { peerSeconds }: RebalanceOptions) {
  const first = await runHbal(cluster, FIRST_STEPS)
  const { cpuSeconds = first.cost.wallSeconds } = first.cost
  if (first.steps.length < FIRST_STEPS) return { ...first, whole: true, note: 'whole run' }
  // Steps cost about the same each, and the search that finds none is one more.
  const each = Math.max(cpuSeconds / (FIRST_STEPS + 1), 1e-3)
  const most = Math.max(FIRST_STEPS, Math.floor(peerSeconds / each) - 1)
  const run = await runHbal(cluster, most)
  const whole = run.steps.length < most
  return { ...run, whole, note: whole ? 'whole run' : `stopped after ${most} steps` }
}

function knownNote({ copiedGib, score }: Point): string {
  return `hbal's whole run ends at ${score} after ${copiedGib} GiB, known from before`
}

/** Where hbal ends; undefined when it was stopped before and nobody knows. */
function endOf(
  peer: { readonly whole: boolean } | string | undefined,
  points: readonly Point[],
  { known }: RebalanceOptions,
): Point | undefined {
  return typeof peer === 'object' && peer.whole ? points.at(-1) : known
}

function goalsOf(
  ours: readonly Point[],
  end: Point | undefined,
  cost: Cost,
  { goals }: RebalanceOptions,
): Goal[] {
  if (goals === undefined) return []
  const start = ours[0]!.score
  const seconds = cost.cpuSeconds ?? cost.wallSeconds
  const time =
    goals.seconds === undefined ? [] : [limitGoal('CPU time', seconds, goals.seconds, 's')]
  const gain = start - (end?.score ?? start)
  if (end === undefined || gain <= 0) return time
  const best = Math.min(...ours.map(({ score }) => score))
  const needed = gibToReach(ours, start - goals.gain * gain)
  const share = needed === undefined ? Number.POSITIVE_INFINITY : needed / end.copiedGib
  return [
    shareGoal("gain, of hbal's", (start - best) / gain, goals.gain),
    {
      what: `GiB for ${goals.gain * 100} % of hbal's gain, of its GiB`,
      reached: needed === undefined ? 'never' : `${(share * 100).toFixed(1)} %`,
      goal: `≤ ${goals.copies * 100} %`,
      met: share <= goals.copies,
    },
    ...time,
  ]
}

async function notesOf(
  cluster: GanetiCluster,
  steps: readonly Step[],
  points: readonly Point[],
  peer: readonly Point[],
): Promise<string[]> {
  const states = statesOf(cluster, steps).flat()
  const broken = states.findIndex((state) => checkResult(cluster, state).violations.length > 0)
  const last = states.at(-1) ?? cluster
  const net = checkResult(cluster, last)
  const notes = [
    `ours warm, ${swapsOf(steps)} failovers, ${net.movedPrimaries} primaries moved, ` +
      `${net.copiedGib.toFixed(0)} GiB net; ${states.length} states between checked`,
  ]
  if (broken >= 0) {
    const [first] = checkResult(cluster, states[broken]!).violations
    notes.push(`BROKEN after move ${broken + 1}: ${first!.message}`)
  }
  notes.push(...(await judge(cluster, last)))
  const end = points.at(-1)!
  if (peer.length > 0) {
    const equal = scoreAt(peer, end.copiedGib)
    const near = 1.1 * peer.at(-1)!.score
    notes.push(
      `at ${end.copiedGib.toFixed(0)} GiB copied: ours ${end.score.toFixed(5)}, hbal ${equal.toFixed(5)}`,
      `GiB to 1.1 times hbal's last score: ours ${reach(points, near)}, hbal ${reach(peer, near)}`,
    )
  }
  return notes
}

function reach(points: readonly Point[], score: number): string {
  return gibToReach(points, score)?.toFixed(0) ?? 'never'
}
