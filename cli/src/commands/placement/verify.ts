import {
  type GuaranteeCheck,
  GuaranteeMode,
  type Impact,
  impactKindToJSON,
  PlacementServiceService,
  type Shortage,
  VerifyGuaranteesResponse,
} from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { type Column, describe, type Tone, type View, word } from '../../output/index.ts'
import { listJson } from '../../resource/index.ts'
import { defineVerb, text, texts, toggle, wholeNumber } from '../../verb/index.ts'
import { labelOf, shortLabel } from './label.ts'
import { shortageColumns } from './shortage.ts'

/** Domains that hold and are shown unless all are asked for. */
const SHOWN = 20

/** Domains that do not hold and whose breaks are listed unless all are asked for. */
const DETAILED = 3

/** `placement verify`. */
export const verify = defineVerb({
  name: 'verify',
  summary: 'prove for every failure domain that its loss is survived',
  description:
    'Without --domain the guarantees of the policies are checked. The exit code is 4 when the ' +
    'loss of some domain would stop something for good. Nothing is changed.',
  flags: {
    domain: texts('label', 'node, rack, zone or a node label; may be repeated'),
    losses: wholeNumber('count', 'how many domains may be lost at once (1)', [1, 8]),
    tenant: text('name', 'only what this tenant owns'),
    full: toggle('every domain, and everything that would break'),
  },
  examples: [
    'placement verify',
    'placement verify --domain rack',
    'placement verify --domain node --losses 2 --full',
  ],
  async run({ flags, session }) {
    const client = await session.client()
    const response = await client.call(PlacementServiceService.verifyGuarantees, {
      guarantees: flags.domain.map((name) => ({
        failureDomain: labelOf(name),
        losses: flags.losses ?? 1,
        mode: GuaranteeMode.GUARANTEE_MODE_WARN,
      })),
      tenant: flags.tenant ?? '',
      full: flags.full,
    })
    await session.print(proofView(response, flags.full))
    const broken = response.checks.filter(({ holds }) => !holds).length
    if (broken > 0)
      throw new KeelsonError(
        'FAILED_PRECONDITION',
        `${broken} of ${response.checks.length} losses would stop something for good`,
        { reason: 'breaks-redundancy' },
      )
  },
})

function proofView(response: VerifyGuaranteesResponse, full: boolean): View {
  const { checks, resourceVersion } = response
  return {
    json: listJson('checks', VerifyGuaranteesResponse.toJSON(response)),
    names: checks.map(nameOf),
    human({ paint, wide }) {
      const to = describe(paint, wide)
      if (checks.length === 0) {
        to.line('No guarantee is in force. Ask for one: placement verify --domain rack')
        return to.text()
      }
      const broken = checks.filter(({ holds }) => !holds)
      const holding = checks.filter(({ holds }) => holds)
      const shown = full ? holding : holding.slice(0, SHOWN)
      to.table(checkColumns, [...broken, ...shown])
      if (shown.length < holding.length)
        to.line(
          `… and ${holding.length - shown.length} more that hold (--full lists them)`,
          'faint',
        )
      const detailed = full ? broken : broken.slice(0, DETAILED)
      for (const check of detailed)
        to.section(`${nameOf(check)} would break ${check.breakCount}:`, (inner) => {
          inner.table(impactColumns, check.breaks)
          const left = check.breakCount - check.breaks.length
          if (left > 0) inner.line(`… and ${left} more (--full lists them)`, 'faint')
          inner.table<Shortage>(shortageColumns, check.shortages)
        })
      if (detailed.length < broken.length)
        to.line(
          `… and what ${broken.length - detailed.length} more would break (--full lists it)`,
          'faint',
        )
      const held = broken.length === 0 ? 'All hold' : `${holding.length} of ${checks.length} hold`
      to.line(`${held} at revision ${resourceVersion}.`, broken.length === 0 ? 'good' : 'bad')
      return to.text()
    },
  }
}

/** "rack=a", "rack=a+rack=b", or the name of a host. */
export function nameOf({ domains, guarantee }: GuaranteeCheck): string {
  const label = shortLabel(guarantee?.failureDomain ?? '')
  const name = (value: string) => {
    if (label === 'node') return value
    return value === '' ? `no-${label}` : `${label}=${value}`
  }
  return domains.map(name).join('+')
}

const checkColumns: readonly Column<GuaranteeCheck>[] = [
  { title: 'LOSS OF', cell: nameOf },
  { title: 'HOLDS', cell: ({ holds }) => (holds ? 'yes' : 'NO'), tone: toneOfHolds },
  { title: 'BREAKS', cell: ({ breakCount }) => String(breakCount), right: true },
  { title: 'PROOF', cell: ({ summary }) => summary.slice(summary.indexOf(': ') + 2) },
]

function toneOfHolds(text: string): Tone {
  return text === 'yes' ? 'good' : 'bad'
}

/** Columns of what happens to volumes and machines. */
export const impactColumns: readonly Column<Impact>[] = [
  { title: 'SUBJECT', cell: ({ subject }) => subject },
  {
    title: 'WHAT',
    cell: ({ kind }) => word(impactKindToJSON(kind), 'IMPACT_KIND_'),
    tone: toneOfImpact,
  },
  { title: 'WHY', cell: ({ reason }) => reason },
]

function toneOfImpact(text: string): Tone {
  return text === 'Restarts' || text === 'RedundancyReduced' ? 'warning' : 'bad'
}
