import { KeelsonError } from '@keelson/shared/errors'
import { eventId, type StateView } from '../state/index.ts'
import type { CommandOf } from './command.ts'
import { createDraft, type Decision, MAXIMUM_WRITES } from './draft.ts'
import { found } from './lookup.ts'

/** Gives an empty store its cluster id and authority; nothing if it has them. */
export function decideInitializeCluster(
  state: StateView,
  command: CommandOf<'InitializeCluster'>,
): Decision {
  const { clusterId, authority, stamp } = command
  const draft = createDraft(state, stamp)
  const existing = state.cluster.get('info')
  if (existing) return draft.decision({ name: existing.clusterId })
  draft.put('cluster', 'info', { clusterId, createdAt: stamp.now })
  draft.put('authority', 'ca', authority)
  draft.event('Normal', 'ClusterCreated', 'cluster/info', `cluster ${clusterId}`)
  return draft.decision({ name: clusterId })
}

/** Expired join tokens stay this long, so that a late host hears "expired", not "unknown". */
const KEEP_DEAD_TOKENS_MS = 24 * 3600 * 1000

/** Makes a join token; the secret itself never comes here, only its hash. */
export function decideCreateJoinToken(
  state: StateView,
  command: CommandOf<'CreateJoinToken'>,
): Decision {
  const { id, secretSha256, expiresAt, uses, node, stamp } = command
  const draft = createDraft(state, stamp)
  draft.put('joinToken', id, {
    id,
    secretSha256,
    expiresAt,
    node,
    ...(uses !== undefined && { usesLeft: uses }),
  })
  draft.event('Normal', 'JoinTokenCreated', `joinToken/${id}`, `for ${node || 'any node'}`)
  return draft.decision({ name: id })
}

/** Revokes a join token; hosts that joined with it stay. */
export function decideDeleteJoinToken(
  state: StateView,
  command: CommandOf<'DeleteJoinToken'>,
): Decision {
  found(state.joinTokens.get(command.id), 'join token', command.id)
  const draft = createDraft(state, command.stamp)
  draft.remove('joinToken', command.id)
  draft.event('Normal', 'JoinTokenDeleted', `joinToken/${command.id}`, 'revoked')
  return draft.decision({ name: command.id })
}

/** Makes a user token; only the hash of its secret comes here. */
export function decideCreateUserToken(
  state: StateView,
  command: CommandOf<'CreateUserToken'>,
): Decision {
  const { id, secretSha256, user, role, expiresAt, stamp } = command
  const draft = createDraft(state, stamp)
  draft.put('userToken', id, {
    id,
    secretSha256,
    user,
    role,
    createdAt: stamp.now,
    ...(expiresAt !== undefined && { expiresAt }),
  })
  draft.event('Normal', 'UserTokenCreated', `userToken/${id}`, `${role} token for ${user}`)
  return draft.decision({ name: id })
}

/** Revokes a user token; the last admin's stays, or nobody could get in any more. */
export function decideDeleteUserToken(
  state: StateView,
  command: CommandOf<'DeleteUserToken'>,
): Decision {
  const token = found(state.userTokens.get(command.id), 'user token', command.id)
  const admins = [...state.userTokens.values()].filter(
    (other) => other.role === 'admin' && (other.expiresAt ?? Infinity) > command.stamp.now,
  )
  if (admins.length === 1 && admins[0] === token)
    throw new KeelsonError('FAILED_PRECONDITION', `token ${command.id} is the last admin token`)
  const draft = createDraft(state, command.stamp)
  draft.remove('userToken', command.id)
  draft.event('Normal', 'UserTokenDeleted', `userToken/${command.id}`, `of ${token.user} revoked`)
  return draft.decision({ name: command.id })
}

/** Names of finished operations past the limit, those that ended first. */
function surplusOperations(state: StateView, keep: number): string[] {
  if (state.operations.size <= keep) return []
  const finished = [...state.operations.values()]
    .filter((operation) => operation.phase !== 'Running')
    .sort((a, b) => (a.finishedAt ?? 0) - (b.finishedAt ?? 0))
  // A rebalance goes with its operation, so each may be two writes.
  const surplus = Math.min(Math.max(0, finished.length - keep), MAXIMUM_WRITES / 4)
  return finished.slice(0, surplus).map((operation) => operation.meta.name)
}

/**
 * Removes the oldest events and operations past the limits and dead tokens, a transaction's worth.
 */
export function decidePruneHistory(state: StateView, command: CommandOf<'PruneHistory'>): Decision {
  const draft = createDraft(state, command.stamp)
  // The newest event always stays: it is what the numbers go on from after a restart.
  const spare = Math.max(0, state.events.size - Math.max(1, command.keepEvents))
  const oldest = state.events.sortedIds().slice(0, Math.min(spare, MAXIMUM_WRITES / 3))
  for (const id of oldest) draft.remove('event', id)
  for (const name of surplusOperations(state, command.keepOperations)) {
    draft.remove('operation', name)
    if (state.rebalances.has(name)) draft.remove('rebalance', name)
  }
  const dead = [...state.joinTokens.values()].filter(
    (token) => token.expiresAt + KEEP_DEAD_TOKENS_MS < command.stamp.now,
  )
  for (const token of dead.slice(0, 10)) draft.remove('joinToken', token.id)
  return draft.decision({ name: eventId(state.lastEventSequence) })
}
