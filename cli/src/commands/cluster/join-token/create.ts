import { ClusterServiceService, CreateJoinTokenResponse } from '@keelson/shared/api'
import { count } from '../../../output/index.ts'
import { outcomeView } from '../../../resource/index.ts'
import { defineVerb, durationMs, mutating, text, wholeNumber } from '../../../verb/index.ts'
import { secretView } from '../secret.ts'

/** `cluster join-token create`. */
export const create = defineVerb({
  name: 'create',
  summary: 'make a token that hosts join with',
  description: "The token is shown this once. It pins the cluster's authority.",
  flags: {
    validFor: durationMs('how long it works (1h)'),
    uses: wholeNumber('count', 'how many hosts may join with it (any number)', [1, 1_000_000]),
    node: text('name', 'the only host that may join with it'),
    ...mutating,
  },
  examples: [
    'cluster join-token create',
    'cluster join-token create --uses 24 --valid-for 8h',
    'cluster join-token create --node n7 --uses 1',
  ],
  async run({ flags, session }) {
    if (flags.dryRun) return session.print(outcomeView('joinToken', 'would be made', {}))
    const client = await session.client()
    const response = await client.call(ClusterServiceService.createJoinToken, {
      validForSeconds: Math.ceil((flags.validFor ?? 0) / 1_000),
      uses: flags.uses ?? 0,
      node: flags.node ?? '',
    })
    const { token, joinToken } = response
    await session.print(
      secretView({
        json: CreateJoinTokenResponse.toJSON(response),
        name: `joinToken/${joinToken?.id ?? ''}`,
        secret: token,
        fields: (end) => [
          ['Id', joinToken?.id ?? ''],
          ['Host', joinToken?.node || 'any'],
          ['Uses', count(joinToken?.usesLeft) || 'any number'],
          ['Ends', end(joinToken?.expiresAt)],
        ],
      }),
    )
  },
})
