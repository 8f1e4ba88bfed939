import {
  ClusterServiceService,
  ListUserTokensResponse,
  roleToJSON,
  type UserToken,
} from '@keelson/shared/api'
import { age, type Column, renderTable, until, word } from '../../../output/index.ts'
import { listJson } from '../../../resource/index.ts'
import { defineVerb } from '../../../verb/index.ts'

/** `cluster token list`. */
export const list = defineVerb({
  name: 'list',
  summary: 'list tokens of users, without their secrets',
  examples: ['cluster token list', 'cluster token list -o json'],
  async run({ session }) {
    const client = await session.client()
    const response = await client.call(ClusterServiceService.listUserTokens, {})
    await session.print({
      json: listJson('userTokens', ListUserTokensResponse.toJSON(response)),
      names: response.userTokens.map(({ id }) => `userToken/${id}`),
      human: (style) => renderTable(columns(style.nowMs), response.userTokens, style),
    })
  },
})

function columns(nowMs: number): readonly Column<UserToken>[] {
  return [
    { title: 'ID', cell: ({ id }) => id },
    { title: 'USER', cell: ({ user }) => user },
    { title: 'ROLE', cell: ({ role }) => word(roleToJSON(role), 'ROLE_').toLowerCase() },
    { title: 'AGE', cell: ({ createdAt }) => age(createdAt, nowMs) },
    { title: 'ENDS', cell: ({ expiresAt }) => until(expiresAt, nowMs) || 'never' },
  ]
}
