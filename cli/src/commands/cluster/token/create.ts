import { ClusterServiceService, CreateUserTokenResponse, Role } from '@keelson/shared/api'
import { outcomeView } from '../../../resource/index.ts'
import { choice, defineVerb, durationMs, mutating, required, text } from '../../../verb/index.ts'
import { secretView } from '../secret.ts'

const ROLES = { admin: Role.ROLE_ADMIN, viewer: Role.ROLE_VIEWER } as const

/** `cluster token create`. */
export const create = defineVerb({
  name: 'create',
  summary: 'make a token for a user',
  description: 'The token is shown this once; the cluster keeps only its hash.',
  flags: {
    user: required(text('name', 'name of the user, for events')),
    role: required(choice(['admin', 'viewer'], 'what the user may do')),
    validFor: durationMs('how long it works, such as 30d (until it is deleted)'),
    ...mutating,
  },
  examples: [
    'cluster token create --user ada --role admin',
    'cluster token create --user grafana --role viewer --valid-for 30d',
  ],
  async run({ flags, session }) {
    if (flags.dryRun) return session.print(outcomeView('userToken', 'would be made', {}))
    const client = await session.client()
    const response = await client.call(ClusterServiceService.createUserToken, {
      user: flags.user,
      role: ROLES[flags.role],
      validForSeconds: Math.ceil((flags.validFor ?? 0) / 1_000),
    })
    const { token, userToken } = response
    await session.print(
      secretView({
        json: CreateUserTokenResponse.toJSON(response),
        name: `userToken/${userToken?.id ?? ''}`,
        secret: token,
        fields: (end) => [
          ['Id', userToken?.id ?? ''],
          ['User', flags.user],
          ['Role', flags.role],
          ['Ends', end(userToken?.expiresAt) || 'when it is deleted'],
        ],
      }),
    )
  },
})
