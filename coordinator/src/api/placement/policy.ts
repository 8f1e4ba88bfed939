/** Policies of placement. */
import type { PlacementServiceService } from '@keelson/shared/api'
import { int64, placementPolicyCodec, policyScopeCodec, required } from '@keelson/shared/codec'
import { KeelsonError } from '@keelson/shared/errors'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import type { PlacementPolicy, PolicyScope } from '@keelson/shared/model'
import { found } from '../../decide/index.ts'
import { effectivePolicy } from '../../placement/index.ts'
import { policyId, type StateView } from '../../state/index.ts'
import { admin, reader } from '../access.ts'
import type { CurrentTerm } from '../term.ts'

/** GetPolicy; and SetPolicy, but for the guarantees it breaks: those are for whoever serves it. */
export function policyHandlers(
  current: CurrentTerm,
): Required<Pick<ServiceHandlers<typeof PlacementServiceService>, 'getPolicy' | 'setPolicy'>> {
  return {
    async getPolicy(request, context) {
      reader(context)
      const { pipeline } = current()
      const scope = policyScopeCodec.read(request.scope, 'scope')
      const version = int64.read(request.version, 'version')
      const { effective, name } = request
      if (effective && version !== 0)
        throw new KeelsonError('INVALID_ARGUMENT', 'effective: needs version 0')
      const policy = effective
        ? effectiveOf(pipeline.state, scope, name)
        : versionOf(pipeline.state, scope, name, version)
      await pipeline.settled()
      return { policy: placementPolicyCodec.write(policy) }
    },

    async setPolicy(request, context) {
      const actor = admin(context)
      const { admission, pipeline } = current()
      const policy = required(placementPolicyCodec).read(request.policy, 'policy')
      const { record } = await pipeline.submit({
        type: 'SetPolicy',
        stamp: admission.stamp(actor),
        policy,
        expectedVersion: int64.read(request.expectedVersion, 'expected_version'),
        dryRun: request.dryRun,
      })
      const id = policyId(policy.scope, policy.name)
      const { versions } = found(
        record('policy', id) ?? pipeline.state.policies.get(id),
        'policy',
        id,
      )
      return { policy: placementPolicyCodec.write(versions.at(-1)!), brokenGuarantees: [] }
    },
  }
}

function effectiveOf(state: StateView, scope: PolicyScope, name: string): PlacementPolicy {
  if (scope === 'StorageClass') found(state.classes.get(name), 'class', name)
  const policy = effectivePolicy(state, {
    storageClass: scope === 'StorageClass' ? name : '',
    tenant: scope === 'Tenant' ? name : '',
  })
  return { ...policy, scope, name }
}

function versionOf(
  state: StateView,
  scope: PolicyScope,
  name: string,
  version: number,
): PlacementPolicy {
  const id = policyId(scope, name)
  const { versions } = found(state.policies.get(id), 'policy', id)
  if (version === 0) return versions.at(-1)!
  const policy = versions.find((one) => one.version === version)
  if (policy) return policy
  throw new KeelsonError(
    'NOT_FOUND',
    `version ${version} of policy ${id} is not kept: ${versions[0]!.version} to ${versions.at(-1)!.version} are`,
  )
}
