/** Ganeti's own measure of how uneven a cluster is, as hbal and hinfo print it; less is better. */
import {
  exclusionTags,
  type GanetiCluster,
  type GanetiInstance,
  locationTags,
  suffixesOf,
  usesLocalDisks,
  usesMemory,
  usesVcpus,
} from './ganeti.ts'
import { createLedger, type Ledger, type NodeLedger } from './ledger.ts'

/** The score of a cluster. A cluster without nodes that are online has none, which is zero. */
export function ganetiScore(cluster: GanetiCluster): number {
  const ledger = createLedger(cluster)
  const online = ledger.nodes.filter((one) => one.online)
  const offline = ledger.nodes.filter((one) => !one.online)
  const spread = (value: (one: NodeLedger) => number) => deviation(online.map(value))
  const planned = planOf(cluster, ledger)
  const reserved = (one: NodeLedger) => one.reservedMib / one.node.totalMemMib
  const failing = online.filter((one) => one.node.freeMemMib < one.reservedMib)
  return (
    0.5 * spread((one) => one.freeMemMib / one.node.totalMemMib) +
    0.5 * spread((one) => planned[one.index]!.freeMemMib / one.node.totalMemMib) +
    0.5 * spread((one) => freeDisk(one, one.freeDiskMib)) +
    0.5 * spread((one) => freeDisk(one, planned[one.index]!.freeDiskMib)) +
    0.5 * spread((one) => perCore(one, one.usedVcpus)) +
    0.5 * spread((one) => perCore(one, planned[one.index]!.usedVcpus)) +
    0.5 * spread((one) => one.spindleUse / one.spindleLimit) +
    0.5 * spread((one) => planned[one.index]!.spindleUse / one.spindleLimit) +
    spread(reserved) +
    // Without measured load every instance counts as 1 for processor, memory and network.
    3 * spread((one) => one.primaries) +
    spread((one) => one.primaries + one.secondaries) +
    0.25 * sum(online.map(reserved)) +
    sum(failing.map((one) => one.primaries + one.secondaries)) +
    4 * sum(offline.map((one) => one.primaries + one.secondaries)) +
    16 * sum(offline.map((one) => one.primaries)) +
    tagScore(cluster, ledger)
  )
}

/** Figures with those instances counted that are only planned. */
function planOf(cluster: GanetiCluster, { nodes, indexOf }: Ledger) {
  const planned = nodes.map(({ node, freeDiskMib, usedVcpus, spindleUse }) => ({
    freeMemMib: node.freeMemMib,
    ...{ freeDiskMib, usedVcpus, spindleUse },
  }))
  for (const instance of cluster.instances) {
    const primary = planned[indexOf.get(instance.primary)!]!
    // Also for one that is stopped: it may be started.
    if (!usesMemory(instance)) primary.freeMemMib -= instance.memMib
    if (!instance.forthcoming) continue
    if (usesVcpus({ ...instance, forthcoming: false })) primary.usedVcpus += instance.vcpus
    if (!usesLocalDisks(instance)) continue
    for (const name of [instance.primary, instance.secondary]) {
      const node = planned[indexOf.get(name) ?? -1]
      if (node === undefined) continue
      node.freeDiskMib -= instance.diskMib
      node.spindleUse += instance.spindleUse
    }
  }
  return planned
}

/** Twice the instances beside one they should keep away from, and what failure domains cost. */
function tagScore(cluster: GanetiCluster, { nodes, indexOf }: Ledger): number {
  const locations = nodes.map(({ node }) => locationTags(cluster, node))
  const onNode = new Map<string, number>()
  const inLocation = new Map<string, number>()
  let score = 0
  for (const instance of cluster.instances) {
    const primary = indexOf.get(instance.primary)!
    if (!nodes[primary]!.online) continue
    const second = locations[indexOf.get(instance.secondary) ?? -1] ?? []
    const here = locations[primary]!
    if (!instance.forthcoming) {
      score += here.filter((tag) => second.includes(tag)).length
      score += desired(cluster, instance).filter((tag) => !here.includes(tag)).length
    }
    for (const tag of exclusionTags(cluster, instance)) {
      score += 2 * again(onNode, `${primary} ${tag}`)
      if (instance.forthcoming) continue
      for (const location of here) score += again(inLocation, `${location} ${tag}`)
    }
  }
  return score
}

function desired(cluster: GanetiCluster, { tags }: GanetiInstance): string[] {
  const prefixes = suffixesOf(cluster.tags, 'htools:desiredlocation:')
  return [...new Set(tags)].filter((tag) => prefixes.some((one) => tag.startsWith(`${one}:`)))
}

/** 1 when the key was there before, else 0. */
function again(seen: Map<string, number>, key: string): number {
  const times = seen.get(key) ?? 0
  seen.set(key, times + 1)
  return Math.min(times, 1)
}

function freeDisk({ node }: NodeLedger, freeMib: number): number {
  if (node.exclusiveStorage) return node.spindles === 0 ? 1 : node.freeSpindles / node.spindles
  return node.totalDiskMib === 0 ? 1 : freeMib / node.totalDiskMib
}

function perCore({ node }: NodeLedger, vcpus: number): number {
  return vcpus / node.cores / node.cpuSpeed
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** Of the population. */
function deviation(values: readonly number[]): number {
  if (values.length === 0) return 0
  const mean = sum(values) / values.length
  return Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / values.length)
}
