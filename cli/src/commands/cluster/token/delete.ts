import { ClusterServiceService, DeleteUserTokenResponse } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { deletionView } from '../../../resource/index.ts'
import { argument, defineVerb, mutating } from '../../../verb/index.ts'

/** `cluster token delete`. */
export const remove = defineVerb({
  name: 'delete',
  summary: 'revoke a token of a user at once',
  description: "Refused for the last admin's token: nobody could come in again.",
  args: { id: argument('id of the token', 'user-token') },
  flags: mutating,
  examples: ['cluster token delete 5f3a9c'],
  async run({ args: { id }, flags: { dryRun }, session }) {
    const client = await session.client()
    if (dryRun) {
      const { userTokens } = await client.call(ClusterServiceService.listUserTokens, {})
      if (!userTokens.some((each) => each.id === id))
        throw new KeelsonError('NOT_FOUND', `user token "${id}" does not exist`)
      return session.print(deletionView(`userToken/${id}`, {}, { dryRun, gone: false }))
    }
    const response = await client.call(ClusterServiceService.deleteUserToken, { id })
    const json = DeleteUserTokenResponse.toJSON(response)
    await session.print(deletionView(`userToken/${id}`, json, { dryRun, gone: true }))
  },
})
