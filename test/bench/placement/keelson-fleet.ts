/**
 * A Ganeti cluster as Keelson's engine counts it. A node becomes a host with one pool; a mirrored
 * instance a machine with a volume of two replicas, whose second host keeps room for it. Ganeti's
 * rules are strict inequalities in MiB, so everything a host has is one MiB less.
 */
import {
  CPU,
  createFleet,
  type Fleet,
  MEMORY,
} from '../../../coordinator/src/placement/fleet/index.ts'
import {
  exclusionTags,
  type GanetiCluster,
  type GanetiInstance,
  type Request,
  reservesMemory,
  usesMemory,
  usesVcpus,
} from './ganeti.ts'
import { createLedger, type NodeLedger } from './ledger.ts'

/** Bytes of a MiB. */
export const MIB = 2 ** 20

/** A cluster as the engine sees it. Host, pool and node have the same row. */
export interface Loaded {
  readonly fleet: Fleet
  readonly nodes: readonly NodeLedger[]
  /** Uses of spindles, which the fleet does not know, by host. */
  readonly spindleUse: number[]
}

/**
 * Loads a cluster. The fleet knows no spindles: where only instances of one size come, `alike`, a
 * pool has no more room than the spindles of its node allow of them.
 */
export function loadCluster(cluster: GanetiCluster, alike?: Request): Loaded {
  const { nodes, indexOf } = createLedger(cluster)
  const memMib = nodes.map(({ freeMemMib }) => freeMemMib - 1)
  const diskMib = nodes.map(({ freeDiskMib }) => freeDiskMib - 1)
  const vcpus = nodes.map(({ vcpuLimit, usedVcpus }) => vcpuLimit - usedVcpus)
  const mirrored = cluster.instances.filter(({ template }) => template === 'drbd')
  if (alike !== undefined)
    for (const [index, { spindleLimit, spindleUse }] of nodes.entries())
      diskMib[index] = Math.min(
        diskMib[index]!,
        Math.max(0, Math.floor(spindleLimit - spindleUse)) * alike.diskMib,
      )
  // What an instance takes in the fleet is given to its host before; others stay subtracted.
  for (const instance of mirrored) {
    const [first, second] = [indexOf.get(instance.primary)!, indexOf.get(instance.secondary)!]
    memMib[first]! += instance.memMib
    if (!usesMemory(instance) && !reservesMemory(instance)) memMib[first]! -= instance.memMib
    if (usesVcpus(instance)) vcpus[first]! += instance.vcpus
    for (const index of [first, second]) diskMib[index]! += instance.diskMib
  }
  const fleet = createFleet({
    hosts: nodes.map(({ node }, index) => ({
      name: node.name,
      labels: {},
      capacity: { memory: memMib[index]! * MIB, cpu: Math.floor(vcpus[index]! * 1000) },
    })),
    pools: nodes.map((_, host) => ({
      ...{ name: 'disk', host },
      capacityBytes: diskMib[host]! * MIB,
    })),
    standbyColumns: ['memory'],
    lossLabel: '',
  })
  for (const instance of mirrored)
    putInstance(fleet, instance, exclusionTags(cluster, instance).length > 0)
  const spindleUse = nodes.map((one) => one.spindleUse)
  return { fleet, nodes, spindleUse }
}

/** Puts a mirrored instance where it is. */
export function putInstance(fleet: Fleet, instance: GanetiInstance, pinned = false): void {
  const { diskMib, memMib, name, primary, secondary, vcpus } = instance
  const [host, second] = [fleet.hostRow(primary), fleet.hostRow(secondary)]
  const takesMemory = usesMemory(instance) || reservesMemory(instance)
  fleet.putVolume({
    ...{ name, sizeBytes: diskMib * MIB },
    ...{ pools: [host, second], pinned },
  })
  fleet.putMachine({
    ...{ name, host, standby: reservesMemory(instance) ? second : -1 },
    amounts: [
      { column: MEMORY, amount: takesMemory ? memMib * MIB : 0 },
      { column: CPU, amount: usesVcpus(instance) ? vcpus * 1000 : 0 },
    ],
    ...{ volumes: [name], pinned },
  })
}
