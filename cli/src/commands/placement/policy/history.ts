import { PlacementPolicy, PlacementServiceService } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { renderTable, timestamp } from '../../../output/index.ts'
import { present } from '../../../resource/index.ts'
import { defineVerb } from '../../../verb/index.ts'
import { explainAbsence, scopeFlags, scopeOf, subjectOf } from './scope.ts'

/** `placement policy history`. */
export const history = defineVerb({
  name: 'history',
  summary: 'list the versions of a policy that are kept, the newest first',
  flags: scopeFlags,
  examples: ['placement policy history', 'placement policy history --class fast'],
  async run({ flags, session }) {
    const client = await session.client()
    const whose = scopeOf(flags)
    const get = async (version: bigint) => {
      const request = { ...whose, version, effective: false }
      const response = await client.call(PlacementServiceService.getPolicy, request)
      return present(response.policy, `policy of ${subjectOf(whose)}`)
    }
    const versions = [await get(0n).catch(explainAbsence)]
    for (let version = versions[0]!.version - 1n; version > 0n; version--) {
      const older = await get(version).catch(absentAsUndefined)
      if (!older) break
      versions.push(older)
    }
    await session.print({
      json: { versions: versions.map((policy) => PlacementPolicy.toJSON(policy)) },
      names: versions.map(
        ({ version }) => `policy/${subjectOf(whose).replace(' ', '/')}/${version}`,
      ),
      human: ({ headers, paint, wide }) =>
        renderTable(
          [
            { title: 'VERSION', cell: ({ version }) => String(version), right: true },
            { title: 'SET', cell: ({ updatedAt }) => timestamp(updatedAt) },
            {
              title: 'GUARANTEES',
              cell: ({ guarantees }) => String(guarantees.length),
              right: true,
            },
            {
              title: 'WEIGHTS',
              cell: ({ weights }) => String(Object.keys(weights).length),
              right: true,
            },
          ],
          versions,
          { wide, headers, paint },
        ),
    })
  },
})

/** Versions past the oldest that is kept are gone, which ends the list. */
function absentAsUndefined(error: unknown): undefined {
  if (error instanceof KeelsonError && error.code === 'NOT_FOUND') return undefined
  throw error
}
