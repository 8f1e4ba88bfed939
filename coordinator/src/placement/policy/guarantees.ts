/** Which guarantees hold for whom, and what they ask of replicas. */
import type { Guarantee, GuaranteeMode, ReplicaRule } from '@keelson/shared/model'
import type { StateView } from '../../state/index.ts'
import { type EffectivePolicy, effectivePolicy } from './effective.ts'

type Guarantees = Pick<EffectivePolicy, 'guarantees'>

/** Labels of the guarantees in this mode; empty stands for single hosts. */
export function guaranteedLabels({ guarantees }: Guarantees, wanted: GuaranteeMode): string[] {
  return guarantees.flatMap(({ failureDomain, mode }) => (mode === wanted ? failureDomain : []))
}

/** Whether some guarantee is enforced. */
export function isEnforced({ guarantees }: Guarantees): boolean {
  return guarantees.some(({ mode }) => mode === 'Enforce')
}

/**
 * Every guarantee that covers machines, by tenant; the empty one stands for all machines. Policies
 * of classes are about volumes and not among them.
 */
export function machineGuarantees(state: StateView): ReadonlyMap<string, readonly Guarantee[]> {
  const found = new Map([['', effectivePolicy(state).guarantees]])
  for (const { versions } of state.policies.values()) {
    const policy = versions.at(-1)
    if (policy?.scope === 'Tenant') found.set(policy.name, policy.guarantees)
  }
  return found
}

/**
 * Most replicas that one failure domain may hold so that what is left has the data and more than
 * half of the votes, whether a tie-breaker stands beside them or not.
 */
export function mostPerDomain(replicas: number): number {
  return Math.max(1, Math.floor((replicas - 1) / 2))
}

/**
 * What enforced guarantees ask of the replicas of a volume. One replica has no other to go on with:
 * no guarantee covers it. Replicas have hosts of their own anyway.
 */
export function guaranteeRules(policy: Guarantees, replicas: number): ReplicaRule[] {
  if (replicas < 2) return []
  const maximumPerDomain = mostPerDomain(replicas)
  return guaranteedLabels(policy, 'Enforce').flatMap((failureDomain) =>
    failureDomain === '' ? [] : { failureDomain, mode: 'Different' as const, maximumPerDomain },
  )
}
