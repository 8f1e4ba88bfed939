/** Reports of placement for people: the funnel, the verdicts, what was decisive. */
import type {
  FunnelStep,
  NodeVerdict,
  PlacementReport,
  VerdictGroup,
  WhyNot,
} from '@keelson/shared/api'
import { type Column, type Description, describe, toneOf, type View } from '../../output/index.ts'
import { shownVerdicts } from '../verdicts.ts'

/** An explanation as the API gives it. */
export interface Explained {
  readonly report: PlacementReport | undefined
  readonly whyNot: WhyNot | undefined
}

/** What to show of an explanation. */
export interface ExplanationWishes {
  /** Its title: a name, or the flavor that was asked for. */
  readonly title: string | undefined
  /** Every candidate, also all that were possible. */
  readonly full: boolean
}

/** An explanation in every format. */
export function explanationView(
  { report, whyNot }: Explained,
  json: unknown,
  { full, title }: ExplanationWishes,
): View {
  return {
    json,
    names: report ? [report.subject] : [],
    human({ paint, wide }) {
      const to = describe(paint, wide)
      if (whyNot) describeWhyNot(to, whyNot)
      else if (report) describeReport(to, { ...report, subject: title ?? report.subject }, full)
      return to.text()
    },
  }
}

/** Writes a report; `full` for every candidate that was possible too. */
export function describeReport(to: Description, report: PlacementReport, full = false): void {
  const { placeable, subject, summary } = report
  to.line(`${subject}: ${summary}`, placeable ? 'good' : 'bad')
  describeReasons(to, report, full)
}

function describeReasons(to: Description, report: PlacementReport, full: boolean): void {
  const { closestMiss, funnel, groups, nodes, parts, suggestedFix } = report
  const chosen = nodes.filter((verdict) => verdict.chosen).length
  to.fields([
    ['Funnel', funnelText(funnel, chosen)],
    ['Closest miss', closestMiss],
    ['Possible fix', suggestedFix, 'warning'],
  ])
  const shown = shownVerdicts(nodes, full)
  to.section('Verdicts (of scores, the higher is the better):', (inner) => {
    inner.table(verdictColumns(shown.nodes), shown.nodes)
    if (shown.leftOut > 0)
      inner.line(`… and ${shown.leftOut} more that are possible (--full lists them)`, 'faint')
  })
  to.section('Rejected:', (inner) => inner.table(groupColumns, groups))
  for (const part of parts)
    to.section(`${part.subject}: ${part.summary}`, (inner) => describeReasons(inner, part, full))
}

/** "40 candidates -> 22 (pool-kind) -> 9 (space) -> 3 chosen": only the steps that left fewer. */
export function funnelText(funnel: readonly FunnelStep[], chosen: number): string {
  const steps: string[] = []
  let before = Infinity
  for (const { filter, remaining } of funnel) {
    if (remaining < before)
      steps.push(before === Infinity ? `${remaining} candidates` : `${remaining} (${filter})`)
    before = remaining
  }
  return [...steps, chosen > 0 ? `${chosen} chosen` : 'none chosen'].join(' -> ')
}

/** Columns with one for every part of a score that somebody has. */
function verdictColumns(nodes: readonly NodeVerdict[]): readonly Column<NodeVerdict>[] {
  const parts = [...new Set(nodes.flatMap(({ scores }) => scores.map(({ name }) => name)))]
  const pools = nodes.some(({ pool }) => pool !== '')
  return [
    { title: 'NODE', cell: ({ node }) => node },
    ...(pools ? [{ title: 'POOL', cell: ({ pool }: NodeVerdict) => pool }] : []),
    { title: 'VERDICT', cell: verdictOf, tone: (text) => toneOf(text === 'chosen' ? 'Ready' : '') },
    {
      title: 'SCORE',
      cell: ({ rejectedBy, totalScore }) => (rejectedBy === '' ? scoreText(totalScore) : ''),
      right: true,
    },
    ...parts.map(
      (name): Column<NodeVerdict> => ({
        title: name.toUpperCase(),
        cell: ({ scores }) => {
          const part = scores.find((one) => one.name === name)
          return part ? scoreText(part.value * part.weight) : ''
        },
        right: true,
      }),
    ),
    { title: 'REASON', cell: ({ reason }) => reason },
  ]
}

const groupColumns: readonly Column<VerdictGroup>[] = [
  { title: 'FILTER', cell: ({ filter }) => filter },
  { title: 'COUNT', cell: ({ count }) => String(count), right: true },
  { title: 'EXAMPLE', cell: ({ example }) => example },
  { title: 'NODES', cell: nodesOf },
]

function nodesOf({ count, nodes }: VerdictGroup): string {
  const named = nodes.slice(0, 4).join(',')
  return count > 4 && nodes.length > 4 ? `${named},…` : named
}

/** Writes everything about one host. */
function describeWhyNot(to: Description, { filters, summary, verdict }: WhyNot): void {
  to.line(summary, verdict?.chosen ? 'good' : 'plain')
  to.section('Filters:', (inner) =>
    inner.table<(typeof filters)[number]>(
      [
        { title: 'FILTER', cell: ({ filter }) => filter },
        {
          title: 'PASSED',
          cell: ({ passed }) => (passed ? 'yes' : 'no'),
          tone: (text) => toneOf(text === 'yes' ? 'Ready' : 'Failed'),
        },
        { title: 'REASON', cell: ({ reason }) => reason },
      ],
      filters,
    ),
  )
  if (verdict && verdict.scores.length > 0)
    to.section('Score:', (inner) => inner.table(verdictColumns([verdict]), [verdict]))
}

function verdictOf({ chosen, rejectedBy }: NodeVerdict): string {
  if (chosen) return rejectedBy === '' ? 'chosen' : `chosen (${rejectedBy})`
  return rejectedBy === '' ? 'possible' : rejectedBy
}

function scoreText(value: number): string {
  const text =
    Math.abs(value) > 0 && Math.abs(value) < 0.01 ? value.toPrecision(2) : value.toFixed(3)
  return text.includes('.') && !text.includes('e') ? text.replace(/\.?0+$/, '') : text
}
