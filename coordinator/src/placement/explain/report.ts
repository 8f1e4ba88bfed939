import {
  type FunnelStep,
  formatSize,
  type NodeVerdict,
  type PlacementReport,
  type VerdictGroup,
} from '@keelson/shared/model'
import type { PlaceOptions } from '../contract.ts'
import type { Judge } from './judge.ts'
import { toldScores, totalOf } from './scores.ts'

/** Verdicts of a report that is not full: it has to fit the trailer of a refusal. */
export const MOST_VERDICTS = 50
/** Hosts that a group of verdicts names. */
const MOST_NODES_OF_A_GROUP = 10
/** Candidates in which a suggestion is looked for. */
const MOST_NEARBY = 4
/** Longest reason in a report; longer ones are cut. */
const LONGEST_REASON = 300

/** A report that may have fewer verdicts has no groups either. */
const FEWEST_FOR_GROUPS = 5

/** What a report says besides its candidates. */
export interface ReportFrame {
  readonly subject: string
  /** What is wanted: "3 × 1 GiB", "4 vCPUs and 16 GiB". */
  readonly want: string
  /** "nodes with pools" or "nodes". */
  readonly candidates: string
  readonly replicasRequested: number
  readonly resourceVersion: number
  /** Rows that were chosen; empty if it does not fit. */
  readonly chosen: readonly number[]
  /** Rows whose verdicts are told besides. */
  readonly also?: readonly number[] | undefined
  /** Verdicts it may have if it is not full; a report with many parts shares them out. */
  readonly most?: number | undefined
  /** A sentence after the summary; absent for none. */
  readonly remark?: string | undefined
  readonly contradictions: readonly string[]
  readonly warnings: readonly string[]
  /** Why it does not fit although candidates pass; empty if nothing more is to say. */
  readonly shortage: string
  readonly suggestedFix: string
  readonly parts?: readonly PlacementReport[]
}

/** The report of one decision. */
export function reportOf(judge: Judge, frame: ReportFrame, options: PlaceOptions): PlacementReport {
  const { chosen, parts } = frame
  const placeable = chosen.length > 0
  const detailed = options.explain || !placeable
  const stages = judge.stages()
  const near = detailed ? nearest(judge, stages) : -1
  return {
    subject: frame.subject,
    placeable,
    summary: [summaryOf(judge, stages, frame), frame.remark ?? ''].filter(Boolean).join('; '),
    replicasRequested: frame.replicasRequested,
    nodes: verdictsOf(judge, stages, chosen, shownRows(judge, stages, frame, options)),
    funnel: funnelOf(judge, stages),
    closestMiss: near >= 0 ? missOf(judge, near, stages[near]!) : '',
    suggestedFix: placeable ? '' : frame.suggestedFix,
    resourceVersion: frame.resourceVersion,
    ...(parts && parts.length > 0 && { parts }),
    ...(detailed && mostOf(frame) >= FEWEST_FOR_GROUPS && { groups: groupsOf(judge, stages) }),
  }
}

function mostOf({ most = MOST_VERDICTS }: ReportFrame): number {
  return most
}

/** How many candidates are left after each step; steps of one name count together. */
function funnelOf({ rowCount, steps }: Judge, stages: Int32Array): FunnelStep[] {
  const rejected = new Int32Array(steps.length)
  for (const stage of stages) if (stage >= 0) rejected[stage]!++
  const funnel: FunnelStep[] = [{ filter: 'candidates', remaining: rowCount }]
  let remaining = rowCount
  for (const [step, filter] of steps.entries()) {
    remaining -= rejected[step]!
    if (funnel.at(-1)!.filter === filter) funnel.pop()
    funnel.push({ filter, remaining })
  }
  return funnel
}

/** How far a candidate is from passing beside others of its step: the missing part of the need. */
function lackOf(judge: Judge, row: number, stage: number): number {
  // What a standby lacks is lacking everywhere, and dear to find out.
  if (judge.steps[stage] === 'standby') return 0
  const obstacle = isNumber(judge, stage) ? judge.obstacle(row) : null
  return obstacle && obstacle.needs > 0 ? judge.missing(row) / obstacle.needs : 0
}

/** The rejected candidate that came furthest; -1 if none was rejected. */
export function nearest(judge: Judge, stages: Int32Array): number {
  let best = -1
  let bestLack = 0
  for (let row = 0; row < stages.length; row++) {
    const stage = stages[row]!
    if (stage < 0 || (best >= 0 && stage < stages[best]!)) continue
    const numeric = isNumber(judge, stage)
    const lack = numeric ? lackOf(judge, row, stage) : 0
    if (best >= 0 && stage === stages[best]! && lack >= bestLack) continue
    best = row
    bestLack = lack
  }
  return best
}

/** Candidates that fail the step of `row` too, those that lack least first; few of them. */
export function nearby(judge: Judge, stages: Int32Array, row: number): number[] {
  const rows = Array.from(stages.keys()).filter((other) => stages[other] === stages[row])
  const lacks = new Map(rows.map((other) => [other, lackOf(judge, other, stages[other]!)]))
  return rows.sort((a, b) => lacks.get(a)! - lacks.get(b)! || a - b).slice(0, MOST_NEARBY)
}

/** Steps about numbers come last, and each of them is the first that a candidate fails. */
function isNumber(judge: Judge, step: number): boolean {
  return step >= judge.ruleCount
}

function missOf(judge: Judge, row: number, stage: number): string {
  const obstacle = isNumber(judge, stage) ? judge.obstacle(row) : null
  const pool = judge.pool(row)
  if (obstacle?.rule === 'space' && pool !== '')
    return `${judge.node(row)} lacks ${formatSize(judge.missing(row))} in pool ${pool}`
  if (obstacle?.rule === 'memory')
    return `${judge.node(row)} lacks ${formatSize(judge.missing(row))} of memory`
  const where = pool === '' ? judge.node(row) : `${judge.node(row)}/${pool}`
  return `${where}: ${cut(judge.reason(row, stage) ?? '')}`
}

const NO_SCORES = { costs: [], merits: [] }

function verdictsOf(
  judge: Judge,
  stages: Int32Array,
  chosen: readonly number[],
  rows: readonly number[],
): NodeVerdict[] {
  const scores = toldScores(rows.map((row) => (stages[row]! < 0 ? judge.scores(row) : NO_SCORES)))
  return rows.map((row, index) => {
    const stage = stages[row]!
    return {
      node: judge.node(row),
      pool: judge.pool(row),
      chosen: chosen.includes(row),
      rejectedBy: stage < 0 ? '' : judge.steps[stage]!,
      reason: stage < 0 ? '' : cut(judge.reason(row, stage) ?? ''),
      scores: scores[index]!,
      totalScore: totalOf(scores[index]!),
    }
  })
}

function cut(reason: string): string {
  return reason.length > LONGEST_REASON ? `${reason.slice(0, LONGEST_REASON - 1)}…` : reason
}

/** Rows whose verdicts are told, those that came furthest first if not all are. */
function shownRows(
  judge: Judge,
  stages: Int32Array,
  frame: ReportFrame,
  { explain, full }: PlaceOptions,
): readonly number[] {
  const { also, chosen } = frame
  const most = mostOf(frame)
  if (chosen.length > 0 && !explain) return chosen
  const all = Array.from(stages.keys())
  if (full || (explain && all.length <= most)) return all
  const named = [...new Set([...chosen, ...(also ?? [])])]
  const came = (row: number) => (stages[row]! < 0 ? judge.steps.length : stages[row]!)
  const costs = new Map<number, number>()
  for (const row of all) if (stages[row]! < 0) costs.set(row, judge.cost(row))
  const rest = all
    .filter((row) => !named.includes(row))
    .sort((a, b) => came(b) - came(a) || (costs.get(a) ?? 0) - (costs.get(b) ?? 0) || a - b)
  return [...named, ...rest].slice(0, Math.max(most, named.length))
}

function groupsOf(judge: Judge, stages: Int32Array): VerdictGroup[] {
  const rowsOf = new Map<string, number[]>()
  for (const [row, stage] of stages.entries()) {
    if (stage < 0) continue
    const name = judge.steps[stage]!
    const rows = rowsOf.get(name)
    if (rows) rows.push(row)
    else rowsOf.set(name, [row])
  }
  const groups = [...rowsOf].map(([filter, rows]): VerdictGroup => {
    const example = isNumber(judge, stages[rows[0]!]!) ? leastLack(judge, rows, stages) : rows[0]!
    const nodes = new Set<string>()
    for (const row of rows) {
      if (nodes.size === MOST_NODES_OF_A_GROUP) break
      nodes.add(judge.node(row))
    }
    const reason = cut(judge.reason(example, stages[example]!) ?? '')
    return { filter, count: rows.length, example: reason, nodes: [...nodes] }
  })
  return groups.sort((a, b) => b.count - a.count)
}

function leastLack(judge: Judge, rows: readonly number[], stages: Int32Array): number {
  let best = rows[0]!
  let least = Infinity
  for (const row of rows) {
    const lack = lackOf(judge, row, stages[row]!)
    if (lack >= least) continue
    least = lack
    best = row
  }
  return best
}

function summaryOf(judge: Judge, stages: Int32Array, frame: ReportFrame): string {
  const { candidates, chosen, contradictions, shortage, want, warnings } = frame
  if (chosen.length > 0) {
    const where = chosen.map((row) =>
      judge.pool(row) === '' ? judge.node(row) : `${judge.node(row)}/${judge.pool(row)}`,
    )
    return [`${want} on ${where.join(', ')}`, ...warnings].join('; ')
  }
  if (judge.rowCount === 0) {
    const none = candidates === 'nodes' ? 'nodes' : 'storage pools'
    return `${want} cannot be placed: there are no ${none}`
  }
  if (contradictions.length > 0) return `${want} cannot be placed: ${contradictions.join('; ')}`
  const fitting = new Set<number>()
  const every = new Set<number>()
  for (let row = 0; row < stages.length; row++) {
    every.add(judge.hostOf(row))
    if (stages[row]! < 0) fitting.add(judge.hostOf(row))
  }
  const rule = shortage === '' || fitting.size === 0 ? '' : `, ${shortage}`
  return `${want} cannot be placed: ${fitting.size} of ${every.size} ${candidates} fit${rule}`
}
