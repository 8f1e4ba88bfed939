/** Which policy holds: the narrower scope wins, and what nobody says is filled with defaults. */
import type { Guarantee, GuaranteeMode, PlacementPolicy, PolicyScope } from '@keelson/shared/model'
import { policyId, type StateView } from '../../state/index.ts'
import { DEFAULT_WEIGHTS } from '../choose/index.ts'

/** A policy in which nothing is left open. */
export type EffectivePolicy = PlacementPolicy &
  Required<
    Pick<
      PlacementPolicy,
      | 'cpuOvercommitPercent'
      | 'minFreeDataPercent'
      | 'minFreeMetadataPercent'
      | 'maxWearPercent'
      | 'missingLabelAction'
    >
  > & {
    /**
     * Share of a thick pool that stays free, in hundredths: 0 unless a policy sets
     * `minFreeDataPercent`, since a thick pool never promises more than it has.
     */
    readonly minFreeThickPercent: number
  }

/** Whose policy is asked for. */
export interface PolicySubject {
  /** Name of a class; empty or absent for none. */
  readonly storageClass?: string
  /** Name of a tenant; empty or absent for the operator. */
  readonly tenant?: string
}

/** Four shared virtual CPUs per logical one. */
export const DEFAULT_CPU_OVERCOMMIT_PERCENT = 400
/** Part of a thin pool that must really be free for new volumes to be promised there. */
export const DEFAULT_MIN_FREE_DATA_PERCENT = 5
/** Part of a thin pool's metadata space that stays free. */
export const DEFAULT_MIN_FREE_METADATA_PERCENT = 10
/** Disks are used whatever their wear. */
export const DEFAULT_MAX_WEAR_PERCENT = 0

/** The newest policy of a scope; undefined if it has none of its own. */
export function newestPolicy(
  state: StateView,
  scope: PolicyScope,
  name: string,
): PlacementPolicy | undefined {
  return state.policies.get(policyId(scope, name))?.versions.at(-1)
}

/** What holds for a volume of this class and tenant; without either, what holds for the cluster. */
export function effectivePolicy(state: StateView, subject: PolicySubject = {}): EffectivePolicy {
  const { storageClass = '', tenant = '' } = subject
  return mergePolicies([
    newestPolicy(state, 'Cluster', ''),
    storageClass === '' ? undefined : newestPolicy(state, 'StorageClass', storageClass),
    tenant === '' ? undefined : newestPolicy(state, 'Tenant', tenant),
  ])
}

/** Several policies as one, the widest scope first; what none of them says becomes a default. */
export function mergePolicies(
  widestFirst: readonly (PlacementPolicy | undefined)[],
): EffectivePolicy {
  const policies = widestFirst.filter((policy) => policy !== undefined)
  const said = <K extends keyof PlacementPolicy>(key: K) =>
    policies.findLast((policy) => policy[key] !== undefined)?.[key]
  const narrowest = policies.at(-1)
  const limits = policies[0]?.rebalanceLimits
  return {
    scope: narrowest?.scope ?? 'Cluster',
    name: narrowest?.name ?? '',
    version: narrowest?.version ?? 0,
    ...(narrowest?.updatedAt !== undefined && { updatedAt: narrowest.updatedAt }),
    weights: Object.assign({ ...DEFAULT_WEIGHTS }, ...policies.map(({ weights }) => weights)),
    guarantees: strictest(policies.flatMap(({ guarantees }) => guarantees)),
    cpuOvercommitPercent: said('cpuOvercommitPercent') ?? DEFAULT_CPU_OVERCOMMIT_PERCENT,
    minFreeDataPercent: said('minFreeDataPercent') ?? DEFAULT_MIN_FREE_DATA_PERCENT,
    minFreeThickPercent: said('minFreeDataPercent') ?? 0,
    minFreeMetadataPercent: said('minFreeMetadataPercent') ?? DEFAULT_MIN_FREE_METADATA_PERCENT,
    maxWearPercent: said('maxWearPercent') ?? DEFAULT_MAX_WEAR_PERCENT,
    missingLabelAction: said('missingLabelAction') ?? 'Refuse',
    ...(limits && { rebalanceLimits: limits }),
  }
}

const STRICTNESS: Readonly<Record<GuaranteeMode, number>> = { Off: 0, Warn: 1, Enforce: 2 }

/** One guarantee per failure domain: the strictest mode and the most losses that are asked for. */
function strictest(guarantees: readonly Guarantee[]): Guarantee[] {
  const byDomain = new Map<string, Guarantee>()
  for (const guarantee of guarantees) {
    const { failureDomain, losses, mode } = guarantee
    const other = byDomain.get(failureDomain)
    byDomain.set(failureDomain, {
      failureDomain,
      losses: Math.max(losses, other?.losses ?? 0),
      mode: other && STRICTNESS[other.mode] > STRICTNESS[mode] ? other.mode : mode,
    })
  }
  return [...byDomain.values()]
}
