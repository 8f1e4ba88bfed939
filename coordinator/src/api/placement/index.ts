/** PlacementService: explain, count, simulate, prove, rebalance, and the policies behind it all. */
import type { PlacementServiceService } from '@keelson/shared/api'
import { guaranteeCheckCodec, placementPolicyCodec, required } from '@keelson/shared/codec'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import type { CurrentTerm } from '../term.ts'
import { capacityHandlers } from './capacity.ts'
import { explainHandlers } from './explain.ts'
import { brokenUnder, guaranteeHandlers } from './guarantees.ts'
import { policyHandlers } from './policy.ts'
import { rebalanceHandlers } from './rebalance.ts'
import { whatIfHandlers } from './what-if.ts'

/** PlacementService; methods without a handler yet answer UNIMPLEMENTED. */
export function placementHandlers(
  current: CurrentTerm,
): ServiceHandlers<typeof PlacementServiceService> {
  const policies = policyHandlers(current)
  return {
    ...explainHandlers(current),
    ...capacityHandlers(current),
    ...whatIfHandlers(current),
    ...guaranteeHandlers(current),
    ...rebalanceHandlers(current),
    ...policies,
    async setPolicy(request, context) {
      const response = await policies.setPolicy!(request, context)
      const policy = required(placementPolicyCodec).read(response.policy, 'policy')
      const broken = brokenUnder(current().pipeline.state, policy)
      return { ...response, brokenGuarantees: broken.map(guaranteeCheckCodec.write) }
    },
  }
}
