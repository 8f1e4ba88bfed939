/** What exists already, as the demand that would make it. */
import {
  NO_RULES,
  type PlacementRules,
  type VirtualMachine,
  type VirtualMachineDemand,
  type Volume,
  type VolumeDemand,
  type VolumeSpec,
} from '@keelson/shared/model'

/** The demand behind a volume. */
export function demandOfVolume({
  meta,
  spec,
}: {
  readonly meta: Pick<Volume['meta'], 'tenant'>
  readonly spec: VolumeSpec
}): VolumeDemand {
  return {
    sizeBytes: spec.sizeBytes,
    storageClass: spec.storageClass,
    pool: spec.pool,
    poolKinds: [],
    replicas: spec.replicas,
    rules: withNodes(spec.rules ?? NO_RULES, spec.nodes),
    replicaRules: spec.replicaRules ?? [],
    tieBreakerMode: spec.tieBreakerMode ?? 'Auto',
    tenant: meta.tenant ?? '',
  }
}

/** Hosts named twice have to be named by both. */
function withNodes(rules: PlacementRules, nodes: readonly string[]): PlacementRules {
  if (nodes.length === 0) return rules
  if (rules.nodes.length === 0) return { ...rules, nodes }
  const both = nodes.filter((node) => rules.nodes.includes(node))
  const excluded = both.length > 0 ? [] : nodes
  return {
    ...rules,
    nodes: both.length > 0 ? both : nodes,
    excludedNodes: [...rules.excludedNodes, ...excluded],
  }
}

/** The demand behind a machine; its volumes exist, so all of them are attached. */
export function demandOfMachine({ meta, spec, status }: VirtualMachine): VirtualMachineDemand {
  return {
    compute: spec.compute,
    rules: spec.rules,
    networks: [...new Set(spec.interfaces.map(({ network }) => network))],
    volumes: status.disks.map(({ volume }) => volume),
    newVolumes: [],
    volumeLocality: spec.volumeLocality,
    tenant: meta.tenant ?? '',
  }
}
