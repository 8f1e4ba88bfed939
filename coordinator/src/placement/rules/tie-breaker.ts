import type { ReplicaRule, VolumeDemand } from '@keelson/shared/model'
import type { DomainRule } from '../fleet/index.ts'
import type { FleetView, Mask } from '../view/index.ts'
import { domainRule, replicationRule, withClass } from './compile-volume.ts'
import { hostRules, selectionRules, taintPreferences } from './host-rules.ts'

/** A tie-breaker against a view; rows are hosts. */
export interface TieBreakerRequest {
  /** Hosts that may vote: the volume's own rules allow them, they take newcomers and replicate. */
  readonly mask: Mask
  /** Hosts that would rather be left alone. */
  readonly dislikes: (host: number) => boolean
  /** How the volume stands to failure domains. */
  readonly spread: readonly (DomainRule & { readonly label: string })[]
  /** Domains whose loss is to be survived by all means, by host row; -1 where nobody knows. */
  readonly guarded: readonly Int32Array[]
}

/**
 * What a volume asks of its tie-breaker; undefined if none is wanted: its replicas are odd in
 * number, or it wants to go without. Affinities say nothing of it, for it has no data. Raises
 * NOT_FOUND for a class that does not exist.
 */
export function compileTieBreaker(
  view: FleetView,
  demand: VolumeDemand,
): TieBreakerRequest | undefined {
  const wanted = withClass(view, demand)
  const { replicaRules, replicas, rules, tieBreakerMode } = wanted
  if (tieBreakerMode === 'Never' || replicas < 2 || replicas % 2 === 1) return undefined
  const { nodeSelector, nodes, excludedNodes, tolerations } = rules
  const key = JSON.stringify(['tie-breaker', nodeSelector, nodes, excludedNodes, tolerations])
  const mask = view.hostMasks.get(key, [
    ...selectionRules(view, rules),
    ...hostRules(view, tolerations),
    replicationRule(view, wanted),
  ])
  const preferences = taintPreferences(view, tolerations)
  const { guarantees, missingLabelAction } = view.policy(demand)
  const shared = missingLabelAction === 'Warn'
  return {
    mask,
    dislikes: (host) => !preferences.every(({ keeps }) => keeps(host)),
    spread: replicaRules.map((rule: ReplicaRule) => ({
      ...domainRule(view, rule, shared),
      label: rule.failureDomain,
    })),
    guarded: guarantees.flatMap(({ failureDomain, mode }) =>
      mode === 'Enforce' ? view.domains(failureDomain, false) : [],
    ),
  }
}
