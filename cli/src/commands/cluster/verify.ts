import { ClusterServiceService, VerifyClusterResponse, type Violation } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { type Column, renderTable } from '../../output/index.ts'
import { listJson } from '../../resource/index.ts'
import { defineVerb } from '../../verb/index.ts'

const columns: readonly Column<Violation>[] = [
  { title: 'RULE', cell: ({ rule }) => rule, tone: () => 'bad' },
  { title: 'SUBJECT', cell: ({ subject }) => subject },
  { title: 'MESSAGE', cell: ({ message }) => message },
]

/** `cluster verify`. */
export const verify = defineVerb({
  name: 'verify',
  summary: 'check every invariant over the whole state and the store',
  description: 'The exit code is 0 only if nothing is broken. Nothing is changed.',
  examples: ['cluster verify', 'cluster verify -o json', 'cluster verify --timeout 5m'],
  async run({ session }) {
    const client = await session.client()
    const response = await client.call(ClusterServiceService.verifyCluster, {})
    const { violations, recordsChecked, resourceVersion } = response
    const checked = `${recordsChecked} records checked at revision ${resourceVersion}`
    await session.print({
      json: listJson('violations', VerifyClusterResponse.toJSON(response)),
      names: violations.map(({ subject }) => subject),
      human: (style) =>
        violations.length === 0
          ? `${style.paint('sound', 'good')}: ${checked}\n`
          : renderTable(columns, violations, style),
    })
    if (violations.length > 0)
      throw new KeelsonError('DATA_LOSS', `${violations.length} invariants are broken`, {
        details: [checked],
      })
  },
})
