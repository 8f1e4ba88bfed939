/** Why a host was not chosen, rule by rule. */
import type { NodeVerdict, PlacementReport, ScorePart } from '@keelson/shared/model'
import type { Judge } from './judge.ts'

/** What one filter says of one host. */
export interface FilterResult {
  readonly filter: string
  readonly passed: boolean
  /** Why not, with numbers; empty if it passed. */
  readonly reason: string
}

/** Everything about one host. */
export interface WhyNot {
  readonly verdict: NodeVerdict
  /** Every filter, also those after the first that rejected it. */
  readonly filters: readonly FilterResult[]
  /** The answer in one sentence. */
  readonly summary: string
}

/**
 * Why `node` was not chosen. `rows` are its candidates: itself, or its pools, of which the one that
 * came furthest is told. The report has to have the verdicts of all of them.
 */
export function whyNot(
  judge: Judge,
  report: PlacementReport,
  node: string,
  rows: readonly number[],
): WhyNot {
  const told = rows.flatMap((row) => {
    const verdict = report.nodes.find((one) => one.node === node && one.pool === judge.pool(row))
    return verdict ? [{ row, verdict }] : []
  })
  const came = ({ chosen, rejectedBy }: NodeVerdict) =>
    chosen ? Infinity : rejectedBy === '' ? judge.steps.length : judge.steps.indexOf(rejectedBy)
  told.sort(
    (a, b) => came(b.verdict) - came(a.verdict) || b.verdict.totalScore - a.verdict.totalScore,
  )
  const best = told[0]
  if (!best) return withoutPools(node)
  const filters = judge.steps.map((filter, step) => {
    const reason = judge.reason(best.row, step)
    return { filter, passed: reason === null, reason: reason ?? '' }
  })
  return { verdict: best.verdict, filters, summary: summaryOf(report, best.verdict) }
}

function withoutPools(node: string): WhyNot {
  const reason = 'node has no storage pool'
  return {
    verdict: {
      node,
      pool: '',
      chosen: false,
      rejectedBy: 'pool',
      reason,
      scores: [],
      totalScore: 0,
    },
    filters: [{ filter: 'pool', passed: false, reason }],
    summary: `${node} has no storage pool`,
  }
}

function summaryOf({ nodes, placeable }: PlacementReport, verdict: NodeVerdict): string {
  const { chosen, node, pool, reason, rejectedBy, totalScore } = verdict
  const where = pool === '' ? node : `${node}/${pool}`
  if (rejectedBy !== '') return `${where} ${chosen ? 'is in use, but' : 'is out'}: ${reason}`
  if (chosen) return `${where} was chosen`
  if (!placeable) return `${where} fits by itself`
  const last = nodes
    .filter((one) => one.chosen && one.rejectedBy === '')
    .sort((a, b) => a.totalScore - b.totalScore)[0]
  if (!last) return `${where} fits`
  const behind = last.totalScore - totalScore
  const other = last.pool === '' ? last.node : `${last.node}/${last.pool}`
  if (behind > 0)
    return `${where} fits and scores ${shown(totalScore)}, ${shown(behind)} less than ${other}${partsOf(last.scores, verdict.scores)}`
  if (behind === 0)
    return `${where} fits and scores as much as ${other}; the tie was broken by chance`
  const more = `${where} fits and scores ${shown(-behind)} more than ${other}`
  // Of pools several are chosen together; a host may have become the better one since.
  return pool === ''
    ? `${more} by itself, as things are now`
    : `${more}, but not together with the other chosen`
}

function shown(score: number): string {
  return Math.abs(score) >= 0.01 ? score.toFixed(2) : score.toPrecision(2)
}

/** Where the difference comes from, the largest part first. */
function partsOf(better: readonly ScorePart[], worse: readonly ScorePart[]): string {
  const parts = better.flatMap(({ name, value, weight }) => {
    const other = worse.find((part) => part.name === name)
    const lost = value * weight - (other ? other.value * other.weight : 0)
    return lost > 0 ? [{ name, lost }] : []
  })
  parts.sort((a, b) => b.lost - a.lost)
  const named = parts.slice(0, 3).map(({ lost, name }) => `${name} ${shown(lost)}`)
  return named.length > 0 ? ` (${named.join(', ')})` : ''
}
