/** Why a volume would be where it would be. */
import { CreateVolumeResponse, type NodeVerdict } from '@keelson/shared/api'
import { type Column, describe, toneOf, type View } from '../../output/index.ts'

/** The outcome of a dry run: where the volume would go, and how every pool fared. */
export function placementView(name: string, response: CreateVolumeResponse): View {
  const report = response.placementReport
  return {
    json: CreateVolumeResponse.toJSON(response),
    names: [`volume/${name}`],
    human({ paint, wide }) {
      if (report === undefined) return `volume/${name} exists with these parameters\n`
      const description = describe(paint, wide)
      description.line(report.summary)
      description.table(verdictColumns, report.nodes)
      description.fields([
        ['Closest miss', report.closestMiss],
        ['Possible fix', report.suggestedFix],
      ])
      description.line('Dry run: nothing was created.')
      return description.text()
    },
  }
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
