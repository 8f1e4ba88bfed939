/** Why a volume or a machine would be where it would be. */
import type { NodeVerdict, PlacementReport } from '@keelson/shared/api'
import { type Column, type Description, describe, toneOf, type View } from '../../output/index.ts'
import { shownVerdicts } from '../verdicts.ts'

/** What a dry run answered. */
export interface DryRun {
  readonly json: unknown
  /** Absent if nothing would be placed. */
  readonly report: PlacementReport | undefined
}

/** The outcome of a dry run: where it would go, and how every candidate fared. */
export function placementView(subject: string, { json, report }: DryRun): View {
  return {
    json,
    names: [subject],
    human({ paint, wide }) {
      if (report === undefined) return `${subject} exists with these parameters\n`
      const description = describe(paint, wide)
      description.line(report.summary)
      describeReport(description, report)
      description.line('Dry run: nothing was changed.')
      return description.text()
    },
  }
}

function describeReport(description: Description, report: PlacementReport): void {
  const { leftOut, nodes } = shownVerdicts(report.nodes, false)
  description.table(verdictColumns, nodes)
  if (leftOut > 0) description.line(`… and ${leftOut} more that were possible`, 'faint')
  description.fields([
    ['Closest miss', report.closestMiss],
    ['Possible fix', report.suggestedFix],
  ])
  for (const part of report.parts)
    description.section(`${part.subject}: ${part.summary}`, (inner) => describeReport(inner, part))
}

const verdictColumns: readonly Column<NodeVerdict>[] = [
  { title: 'NODE', cell: ({ node }) => node },
  { title: 'POOL', cell: ({ pool }) => pool },
  { title: 'VERDICT', cell: verdictOf, tone: (text) => toneOf(text === 'chosen' ? 'Ready' : '') },
  {
    title: 'SCORE',
    cell: ({ rejectedBy, totalScore }) => (rejectedBy === '' ? score(totalScore) : ''),
    right: true,
  },
  { title: 'REASON', cell: ({ reason }) => reason },
  {
    title: 'PARTS',
    cell: ({ scores }) =>
      scores.map(({ name, value, weight }) => `${name}=${score(value)}x${score(weight)}`).join(','),
    wide: true,
  },
]

function verdictOf({ chosen, rejectedBy }: NodeVerdict): string {
  if (chosen) return 'chosen'
  return rejectedBy === '' ? 'possible' : rejectedBy
}

function score(value: number): string {
  return value.toFixed(2).replace(/\.?0+$/, '')
}
