/** What cannot be kept whatever else the cluster has, in sentences. */
import { formatSize, type PlacementRules, type ReplicaRule } from '@keelson/shared/model'
import type { FleetView } from '../view/index.ts'
import type { CompiledVolume } from './compiled.ts'
import { listed } from './host-rules.ts'
import { shortLabel } from './neighbours.ts'

/** What the rules of one demand say against each other. */
export function ruleContradictions(
  rules: PlacementRules,
  replicaRules: readonly ReplicaRule[] = [],
): string[] {
  return [
    ...nodeContradictions(rules),
    ...affinityContradictions(rules),
    ...rules.groups.flatMap(({ maximumPerDomain, name, relation }) =>
      relation === 'Apart' && maximumPerDomain < 1
        ? [`group "${name}" allows ${maximumPerDomain} members in a domain`]
        : [],
    ),
    ...replicaContradictions(replicaRules),
  ]
}

function nodeContradictions({ excludedNodes, nodes }: PlacementRules): string[] {
  if (nodes.length === 0 || !nodes.every((node) => excludedNodes.includes(node))) return []
  return [`node ${listed(nodes)} is both required and excluded`]
}

function affinityContradictions({ affinities }: PlacementRules): string[] {
  const required = affinities.filter(({ strength }) => strength === 'Required')
  return required.flatMap((a, index) =>
    required.slice(index + 1).flatMap((b) => {
      if (a.relation === b.relation || a.target !== b.target) return []
      if (a.failureDomain !== b.failureDomain || a.labelSelector !== b.labelSelector) return []
      const both = a.names.filter((name) => b.names.includes(name))
      if (both.length === 0 && a.names.length + b.names.length > 0) return []
      const whom = both.length > 0 ? both.join(', ') : `"${a.labelSelector}"`
      const domain = a.failureDomain === '' ? 'node' : shortLabel(a.failureDomain)
      return [`it must be on the same ${domain} as ${whom}, and on another one`]
    }),
  )
}

function replicaContradictions(rules: readonly ReplicaRule[]): string[] {
  return rules.flatMap(({ failureDomain, mode }, index) => {
    if (mode === 'PreferDifferent') return []
    const other = rules
      .slice(index + 1)
      .find((rule) => rule.failureDomain === failureDomain && rule.mode !== mode)
    if (!other || other.mode === 'PreferDifferent') return []
    return [`its replicas must be on the same and on different ${shortLabel(failureDomain)}s`]
  })
}

/** What hosts, domains and pools of the cluster cannot give, however empty they were. */
export function volumeContradictions(view: FleetView, volume: CompiledVolume): string[] {
  const { fleet } = view
  const { replicas, request } = volume
  const hosts = new Set(fleet.poolHost)
  if (hosts.size === 0) return []
  const found: string[] = []
  if (replicas > hosts.size)
    found.push(`${replicas} replicas need ${replicas} nodes with pools, there are ${hosts.size}`)
  return [
    ...found,
    ...domainContradictions(view, volume, hosts),
    ...sizeContradictions(view, request.sizeBytes),
  ]
}

function domainContradictions(
  view: FleetView,
  { replicas, request }: CompiledVolume,
  hosts: ReadonlySet<number>,
): string[] {
  if (replicas < 2) return []
  return request.spread.flatMap(({ domains, maximumPerDomain, mode }) => {
    const counts = new Map<number, number>()
    for (const host of hosts)
      if (domains[host]! >= 0) counts.set(domains[host]!, (counts.get(domains[host]!) ?? 0) + 1)
    const label = labelOf(view, domains)
    if (mode === 'Different') {
      const places = [...counts.values()].reduce((sum, n) => sum + Math.min(n, maximumPerDomain), 0)
      if (places >= replicas) return []
      const needed = Math.ceil(replicas / maximumPerDomain)
      return [
        counts.size < needed
          ? `${replicas} replicas need ${needed} ${label}s, ${counts.size} exist`
          : `${replicas} replicas with at most ${maximumPerDomain} in one ${label} need more nodes: ${places} places exist`,
      ]
    }
    const largest = Math.max(0, ...counts.values())
    if (mode !== 'Same' || largest >= replicas) return []
    return [
      `${replicas} replicas in one ${label} need ${replicas} nodes there, the largest has ${largest}`,
    ]
  })
}

/** Name of the label that gave these domains. */
function labelOf(view: FleetView, domains: Int32Array): string {
  const labels = new Set(view.fleet.hosts.flatMap(({ labels }) => Object.keys(labels)))
  for (const label of labels)
    if (view.domains(label, true) === domains || view.domains(label, false) === domains)
      return shortLabel(label)
  return 'domain'
}

function sizeContradictions({ fleet }: FleetView, sizeBytes: number): string[] {
  let largest = 0
  let sum = 0
  for (const [row, capacity] of fleet.poolCapacity.entries()) {
    if (capacity > fleet.poolCapacity[largest]!) largest = row
    sum += Math.max(0, capacity)
  }
  const capacity = fleet.poolCapacity[largest]!
  if (sizeBytes <= capacity) return []
  const { host, name } = fleet.pools[largest]!
  const where = `${fleet.hosts[host]!.name}/${name} with ${formatSize(Math.max(0, capacity))}`
  const together =
    sizeBytes <= sum
      ? `; all pools together have ${formatSize(sum)}, but a replica lies in one`
      : ''
  return [`${formatSize(sizeBytes)} is more than the largest pool can promise, ${where}${together}`]
}
