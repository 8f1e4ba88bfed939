import {
  type ImpactCount,
  impactKindToJSON,
  type Move,
  moveKindToJSON,
  PlacementServiceService,
  WhatIfResponse,
  type WhatIfResult,
} from '@keelson/shared/api'
import {
  type Column,
  type Description,
  describe,
  size,
  type View,
  word,
} from '../../output/index.ts'
import { listJson } from '../../resource/index.ts'
import { defineVerb, labels, restArguments, texts, toggle } from '../../verb/index.ts'
import { describeReport } from './report-view.ts'
import { shortageColumns } from './shortage.ts'
import { impactColumns, nameOf } from './verify.ts'
import { parseSteps, STEPS_HELP } from './what-if-steps.ts'

/** Impacts and moves of a step that are shown unless all are asked for. */
const SHOWN = 10

/** `placement what-if`. */
export const whatIf = defineVerb({
  name: 'what-if',
  summary: 'play failures and changes on a copy of the cluster',
  description:
    'Steps are played one after the other, "then" stands between them; nothing is changed. ' +
    `Steps: ${STEPS_HELP.join('; ')}.`,
  args: { steps: restArguments('steps, with "then" between them') },
  flags: {
    profile: texts('name', 'hardware of the nodes to add; the same as profile=NAME'),
    like: texts('node', 'node that those to add are like; the same as like=NODE', {
      complete: 'node',
    }),
    count: texts('count', 'how many to add or to place; the same as count=N'),
    labels: labels('labels of the nodes to add; may be repeated'),
    full: toggle('every impact and every move'),
  },
  examples: [
    'placement what-if fail rack=a',
    'placement what-if fail n3 then return n3',
    'placement what-if drain n2 then remove n7',
    'placement what-if add nodes --profile ax162 --count 3 --labels rack=d',
    'placement what-if add node --profile ax162 --count 3 then place 4cpu,16GiB --count 10',
    'placement what-if add nodes like=n1 count=2 then place 4cpu,16GiB,100GiB,r2 count=10',
  ],
  async run({ args, flags, session }) {
    const { steps, texts } = await parseSteps(args.steps, flags)
    const client = await session.client()
    const response = await client.call(PlacementServiceService.whatIf, { steps, full: flags.full })
    await session.print(playView(response, texts, flags.full))
  },
})

function playView(response: WhatIfResponse, steps: readonly string[], full: boolean): View {
  const { resourceVersion, results } = response
  return {
    json: listJson('results', WhatIfResponse.toJSON(response)),
    names: results.flatMap(({ impacts }) => impacts.map(({ subject }) => subject)),
    human({ paint, wide }) {
      const to = describe(paint, wide)
      for (const [index, result] of results.entries())
        to.section(`${index + 1}. ${steps[index] ?? ''}`, (inner) =>
          describeResult(inner, result, full ? Infinity : SHOWN),
        )
      to.line(`Played from revision ${resourceVersion}. Nothing was changed.`, 'faint')
      return to.text()
    },
  }
}

function describeResult(to: Description, result: WhatIfResult, most: number): void {
  const { brokenGuarantees, impactCounts, impacts, moveCount, moves, report, shortages } = result
  const bad = brokenGuarantees.length > 0 || shortages.length > 0
  to.line(result.summary, bad ? 'bad' : 'plain')
  const all = impactCounts.reduce((sum, { count }) => sum + count, 0)
  to.section(`Impacts (${impactCounts.map(countText).join(', ')}):`, (inner) => {
    inner.table(impactColumns, impacts.slice(0, most))
    moreLine(inner, all - Math.min(most, impacts.length))
  })
  const toCopy = result.copiedBytes > 0n ? `, ${size(result.copiedBytes)} to copy` : ''
  to.section(`Moves (${moveCount}${toCopy}):`, (inner) => {
    inner.table(moveColumns, moves.slice(0, most))
    moreLine(inner, moveCount - Math.min(most, moves.length))
  })
  to.section('Shortages:', (inner) => inner.table(shortageColumns, shortages))
  to.section('Guarantees that no longer hold:', (inner) =>
    inner.table<(typeof brokenGuarantees)[number]>(
      [
        { title: 'LOSS OF', cell: nameOf },
        { title: 'WHY', cell: ({ summary }) => summary.slice(summary.indexOf(': ') + 2) },
      ],
      brokenGuarantees,
    ),
  )
  if (report) to.section('The last one:', (inner) => describeReport(inner, report))
}

function moreLine(to: Description, more: number): void {
  if (more > 0) to.line(`… and ${more} more (--full lists them)`, 'faint')
}

function countText({ count, kind }: ImpactCount): string {
  return `${count} ${word(impactKindToJSON(kind), 'IMPACT_KIND_')}`
}

const moveColumns: readonly Column<Move>[] = [
  { title: '#', cell: ({ number }) => String(number), right: true },
  { title: 'MOVE', cell: ({ kind }) => word(moveKindToJSON(kind), 'MOVE_KIND_') },
  { title: 'SUBJECT', cell: ({ subject }) => subject },
  { title: 'FROM', cell: ({ fromNode, fromPool }) => placeText(fromNode, fromPool) },
  { title: 'TO', cell: ({ toNode, toPool }) => placeText(toNode, toPool) },
  {
    title: 'COPIES',
    cell: ({ copiedBytes }) => (copiedBytes === 0n ? '' : size(copiedBytes)),
    right: true,
  },
  { title: 'AFTER', cell: ({ after }) => after.join(','), wide: true },
  { title: 'WHY', cell: ({ reason }) => reason, wide: true },
]

function placeText(node: string, pool: string): string {
  return pool === '' ? node : `${node}/${pool}`
}
