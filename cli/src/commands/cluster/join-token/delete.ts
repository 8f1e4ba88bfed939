import { ClusterServiceService, DeleteJoinTokenResponse } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { deletionView } from '../../../resource/index.ts'
import { argument, defineVerb, mutating } from '../../../verb/index.ts'

/** `cluster join-token delete`. */
export const remove = defineVerb({
  name: 'delete',
  summary: 'revoke a token that hosts join with',
  description: 'Hosts that have joined with it stay.',
  args: { id: argument('id of the token', 'join-token') },
  flags: mutating,
  examples: ['cluster join-token delete 5f3a9c'],
  async run({ args: { id }, flags: { dryRun }, session }) {
    const client = await session.client()
    if (dryRun) {
      const { joinTokens } = await client.call(ClusterServiceService.listJoinTokens, {})
      if (!joinTokens.some((each) => each.id === id))
        throw new KeelsonError('NOT_FOUND', `join token "${id}" does not exist`)
      return session.print(deletionView(`joinToken/${id}`, {}, { dryRun, gone: false }))
    }
    const response = await client.call(ClusterServiceService.deleteJoinToken, { id })
    const json = DeleteJoinTokenResponse.toJSON(response)
    await session.print(deletionView(`joinToken/${id}`, json, { dryRun, gone: true }))
  },
})
