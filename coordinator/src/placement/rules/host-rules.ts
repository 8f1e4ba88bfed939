/** Rules about hosts that volumes and machines share. */
import {
  type PlacementRules,
  parseSelector,
  type Taint,
  type Toleration,
} from '@keelson/shared/model'
import type { FleetView, Rule } from '../view/index.ts'

/** A rule that is only preferred. */
export interface Preference {
  readonly weight: number
  readonly keeps: (host: number) => boolean
}

/** Names and labels the demand asks for. */
export function selectionRules(view: FleetView, rules: PlacementRules): Rule[] {
  const { excludedNodes, nodeSelector, nodes } = rules
  const { hosts } = view.fleet
  const found: Rule[] = []
  if (nodes.length > 0) {
    const wanted = new Set(nodes)
    const reason = `only ${listed(nodes)} may be used`
    found.push({
      name: 'selected-node',
      check: (host) => (wanted.has(hosts[host]!.name) ? null : reason),
    })
  }
  if (excludedNodes.length > 0) {
    const excluded = new Set(excludedNodes)
    found.push({
      name: 'excluded-node',
      check: (host) => (excluded.has(hosts[host]!.name) ? 'node is excluded by the demand' : null),
    })
  }
  if (nodeSelector !== '') {
    const selects = parseSelector(nodeSelector)
    const reason = `node labels do not match "${nodeSelector}"`
    found.push({
      name: 'node-labels',
      check: (host) => (selects(hosts[host]!.labels) ? null : reason),
    })
  }
  return found
}

/** Whether hosts take anything new at all. */
export function hostRules({ nodes }: FleetView, tolerations: readonly Toleration[]): Rule[] {
  return [
    {
      name: 'node-online',
      check(host) {
        const node = nodes[host]
        if (node?.status.phase === 'Online') return null
        return node ? `node is ${node.status.phase}` : 'node is gone'
      },
    },
    {
      name: 'node-schedulable',
      check: (host) =>
        nodes[host]?.spec.schedulable === false ? 'node is not schedulable (cordoned)' : null,
    },
    {
      name: 'taint',
      check(host) {
        const taints = nodes[host]?.spec.taints
        const taint = taints?.find(
          (one) => one.effect !== 'PreferNoSchedule' && !isTolerated(one, tolerations),
        )
        return taint ? `taint ${shown(taint)} is not tolerated` : null
      },
    },
  ]
}

/** Hosts without taints that ask, but do not demand, to be left alone. */
export function taintPreferences(
  { nodes, tainted }: FleetView,
  tolerations: readonly Toleration[],
): Preference[] {
  const disliked = new Set<number>()
  for (const host of tainted)
    for (const taint of nodes[host]?.spec.taints ?? [])
      if (taint.effect === 'PreferNoSchedule' && !isTolerated(taint, tolerations))
        disliked.add(host)
  return disliked.size === 0 ? [] : [{ weight: 1, keeps: (host) => !disliked.has(host) }]
}

function isTolerated(taint: Taint, tolerations: readonly Toleration[]): boolean {
  return tolerations.some(
    ({ effect, key, value }) =>
      (key === '' || key === taint.key) &&
      (value === undefined || value === taint.value) &&
      (effect === undefined || effect === taint.effect),
  )
}

function shown({ effect, key, value }: Taint): string {
  return `${key}${value === '' ? '' : `=${value}`}:${effect}`
}

/** Some names: "a, b, c and 7 more". */
export function listed(names: readonly string[], most = 5): string {
  const more = names.length - most
  return more > 0 ? `${names.slice(0, most).join(', ')} and ${more} more` : names.join(', ')
}
