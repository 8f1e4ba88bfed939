import { ClusterServiceService, type JoinToken, ListJoinTokensResponse } from '@keelson/shared/api'
import { type Column, count, renderTable, until } from '../../../output/index.ts'
import { listJson } from '../../../resource/index.ts'
import { defineVerb } from '../../../verb/index.ts'

/** `cluster join-token list`. */
export const list = defineVerb({
  name: 'list',
  summary: 'list tokens that hosts join with, without their secrets',
  examples: ['cluster join-token list'],
  async run({ session }) {
    const client = await session.client()
    const response = await client.call(ClusterServiceService.listJoinTokens, {})
    await session.print({
      json: listJson('joinTokens', ListJoinTokensResponse.toJSON(response)),
      names: response.joinTokens.map(({ id }) => `joinToken/${id}`),
      human: (style) => renderTable(columns(style.nowMs), response.joinTokens, style),
    })
  },
})

function columns(nowMs: number): readonly Column<JoinToken>[] {
  return [
    { title: 'ID', cell: ({ id }) => id },
    { title: 'NODE', cell: ({ node }) => node || 'any' },
    { title: 'USES', cell: ({ usesLeft }) => count(usesLeft) || 'any' },
    { title: 'ENDS', cell: ({ expiresAt }) => until(expiresAt, nowMs) },
  ]
}
