import { KeelsonError } from '@keelson/shared/errors'
import type { PlacementPolicy } from '@keelson/shared/model'
import { checkPolicy } from '../placement/index.ts'
import { KEPT_POLICIES, policyId, type StateView } from '../state/index.ts'
import type { CommandOf } from './command.ts'
import { createDraft, type Decision } from './draft.ts'
import { found } from './lookup.ts'

/**
 * Puts a policy as the next version of its scope; setting what holds already changes nothing.
 * ABORTED if the newest version is not the one expected, INVALID_ARGUMENT for a policy that makes
 * no sense, NOT_FOUND for a class that does not exist.
 */
export function decideSetPolicy(state: StateView, command: CommandOf<'SetPolicy'>): Decision {
  const { expectedVersion, policy, stamp } = command
  checkPolicy(policy)
  if (policy.scope === 'StorageClass') found(state.classes.get(policy.name), 'class', policy.name)
  const id = policyId(policy.scope, policy.name)
  const versions = state.policies.get(id)?.versions ?? []
  const newest = versions.at(-1)
  const version = newest?.version ?? 0
  if (expectedVersion !== version)
    throw new KeelsonError(
      'ABORTED',
      `the policy of ${id} has version ${version}, not ${expectedVersion}`,
      { details: ['read it again, and set it with the version that was read'] },
    )
  const draft = createDraft(state, stamp)
  const next: PlacementPolicy = { ...policy, version: version + 1, updatedAt: stamp.now }
  if (newest && contentOf(newest) === contentOf(next)) return draft.decision({ name: id })
  draft.put('policy', id, { versions: [...versions, next].slice(-KEPT_POLICIES) })
  draft.event('Normal', 'PolicySet', `policy/${id}`, `version ${next.version}`)
  return draft.decision({ name: id })
}

/** What a policy says, without which version of it says so. */
function contentOf({ updatedAt: _, version: __, ...content }: PlacementPolicy): string {
  return JSON.stringify(content, (_key, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
}
