/** What every node holds and has left, by htools's rules; and how a changed cluster is written. */
import {
  type GanetiCluster,
  type GanetiInstance,
  type GanetiNode,
  policyOfGroup,
  type Request,
  reservesMemory,
  usesLocalDisks,
  usesMemory,
  usesVcpus,
} from './ganeti.ts'

/** The state of one node. */
export interface NodeLedger {
  readonly node: GanetiNode
  readonly index: number
  readonly online: boolean
  /** Free for instances, less what the host is missing for unknown reasons. */
  freeMemMib: number
  freeDiskMib: number
  usedVcpus: number
  readonly vcpuLimit: number
  spindleUse: number
  readonly spindleLimit: number
  primaries: number
  secondaries: number
  /** Memory to keep free, for each node whose death would bring instances here. */
  readonly reservedMibByPeer: Map<number, number>
  /** The most of them: one node dies at a time. */
  reservedMib: number
}

/** All nodes, in the order of the file. */
export interface Ledger {
  readonly nodes: readonly NodeLedger[]
  readonly indexOf: ReadonlyMap<string, number>
  /** Whether a mirrored instance may be placed on this pair. */
  fits(primary: number, secondary: number, wanted: Request): boolean
  /** Places it. */
  put(primary: number, secondary: number, wanted: Request): void
}

/** Counts what the instances of a cluster take. */
export function createLedger(cluster: GanetiCluster): Ledger {
  const nodes = cluster.nodes.map((node, index) => emptyNode(cluster, node, index))
  const indexOf = new Map(cluster.nodes.map(({ name }, index) => [name, index] as const))
  const memMib = nodes.map(() => 0)
  for (const instance of cluster.instances) {
    const primary = indexOf.get(instance.primary)!
    if (usesMemory(instance)) memMib[primary]! += instance.memMib
    count(nodes, primary, indexOf.get(instance.secondary), instance)
  }
  for (const [index, one] of nodes.entries()) {
    const { totalMemMib, nodeMemMib, freeMemMib } = one.node
    // More free than the books say does not count; less free is memory nobody can account for.
    one.freeMemMib = Math.min(totalMemMib - nodeMemMib - memMib[index]!, freeMemMib)
  }
  return {
    nodes,
    indexOf,
    fits: (primary, secondary, wanted) => fits(nodes[primary]!, nodes[secondary]!, wanted),
    put(primary, secondary, { memMib, diskMib, vcpus }) {
      const [first, second] = [nodes[primary]!, nodes[secondary]!]
      first.freeMemMib -= memMib
      first.freeDiskMib -= diskMib
      first.usedVcpus += vcpus
      first.primaries++
      first.spindleUse++
      second.freeDiskMib -= diskMib
      second.secondaries++
      second.spindleUse++
      reserve(second, primary, memMib)
    },
  }
}

/** The same cluster with other instances; what nodes report as free changes by what they hold. */
export function withInstances(
  cluster: GanetiCluster,
  instances: readonly GanetiInstance[],
): GanetiCluster {
  const [before, after] = [holdings(cluster.instances), holdings(instances)]
  const none = { memMib: 0, diskMib: 0, spindles: 0 }
  const nodes = cluster.nodes.map((node) => {
    const [old, now] = [before.get(node.name) ?? none, after.get(node.name) ?? none]
    return {
      ...node,
      freeMemMib: node.freeMemMib + old.memMib - now.memMib,
      freeDiskMib: node.freeDiskMib + old.diskMib - now.diskMib,
      freeSpindles: node.exclusiveStorage
        ? node.freeSpindles + old.spindles - now.spindles
        : node.freeSpindles,
    }
  })
  return { ...cluster, nodes, instances }
}

function holdings(instances: readonly GanetiInstance[]) {
  const held = new Map<string, { memMib: number; diskMib: number; spindles: number }>()
  const at = (name: string) => {
    const found = held.get(name) ?? { memMib: 0, diskMib: 0, spindles: 0 }
    held.set(name, found)
    return found
  }
  for (const instance of instances) {
    if (usesMemory(instance)) at(instance.primary).memMib += instance.memMib
    if (!usesLocalDisks(instance) || instance.forthcoming) continue
    for (const name of [instance.primary, instance.secondary]) {
      if (name === '') continue
      at(name).diskMib += instance.diskMib
      at(name).spindles += instance.diskSpindles ?? 0
    }
  }
  return held
}

function emptyNode(cluster: GanetiCluster, node: GanetiNode, index: number): NodeLedger {
  const { vcpuRatio, spindleRatio } = policyOfGroup(cluster, node.group)
  return {
    ...{ node, index },
    online: node.role !== 'offline',
    freeMemMib: 0,
    freeDiskMib: node.freeDiskMib,
    usedVcpus: node.nodeVcpus,
    vcpuLimit: vcpuRatio * node.cores,
    spindleUse: 0,
    spindleLimit: spindleRatio * node.spindles,
    ...{ primaries: 0, secondaries: 0 },
    reservedMibByPeer: new Map(),
    reservedMib: 0,
  }
}

function count(
  nodes: readonly NodeLedger[],
  primary: number,
  secondary: number | undefined,
  instance: GanetiInstance,
): void {
  if (instance.forthcoming) return
  // Where spindles belong to one instance each, there is no use to share.
  const spindlesOn = ({ node }: NodeLedger) =>
    usesLocalDisks(instance) && !node.exclusiveStorage ? instance.spindleUse : 0
  const first = nodes[primary]!
  first.primaries++
  first.spindleUse += spindlesOn(first)
  if (usesVcpus(instance)) first.usedVcpus += instance.vcpus
  const second = secondary === undefined ? undefined : nodes[secondary]
  if (second === undefined) return
  second.secondaries++
  second.spindleUse += spindlesOn(second)
  if (reservesMemory(instance)) reserve(second, primary, instance.memMib)
}

function reserve(node: NodeLedger, peer: number, memMib: number): void {
  const reserved = (node.reservedMibByPeer.get(peer) ?? 0) + memMib
  node.reservedMibByPeer.set(peer, reserved)
  node.reservedMib = Math.max(node.reservedMib, reserved)
}

/**
 * Every inequality is strict: a node never becomes quite full. A request names no spindles of its
 * own, so it cannot go where they are exclusive.
 */
function fits(first: NodeLedger, second: NodeLedger, wanted: Request): boolean {
  const { memMib, diskMib, vcpus } = wanted
  const reserved = (second.reservedMibByPeer.get(first.index) ?? 0) + memMib
  return (
    first !== second &&
    first.node.group === second.node.group &&
    first.online &&
    second.online &&
    !first.node.exclusiveStorage &&
    !second.node.exclusiveStorage &&
    first.freeMemMib - memMib > first.reservedMib &&
    first.freeDiskMib - diskMib > 0 &&
    first.usedVcpus + vcpus <= first.vcpuLimit &&
    first.spindleUse + 1 <= first.spindleLimit &&
    second.freeMemMib > memMib &&
    second.freeMemMib > Math.max(second.reservedMib, reserved) &&
    second.freeDiskMib - diskMib > 0 &&
    second.spindleUse + 1 <= second.spindleLimit
  )
}
