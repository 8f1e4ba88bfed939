/**
 * Judges a result cluster against the cluster it was made from. It counts everything anew from the
 * list of instances and shares no code with the sides it judges, only the format of the files.
 */
import type { GanetiCluster, GanetiInstance, GanetiNode, GanetiPolicy } from './ganeti.ts'
import { DEFAULT_POLICY } from './ganeti.ts'

/** One broken rule, with numbers. */
export interface Violation {
  readonly rule: string
  /** The node or instance. */
  readonly subject: string
  readonly message: string
  /** How much too much; 1 where there is nothing to count. */
  readonly excess: number
}

/** The judgement. */
export interface Verdict {
  /** Broken by the result. */
  readonly violations: readonly Violation[]
  /** Broken by the start already, and not worse now. */
  readonly inherited: readonly Violation[]
  /** Instances that were not there before. */
  readonly placed: number
  readonly placedMemMib: number
  /** Old instances whose primary is another node now. */
  readonly movedPrimaries: number
  /** Old instances that are on other nodes now, or changed their roles. */
  readonly touched: number
  /** Disks of old instances on nodes that did not have them. */
  readonly copiedGib: number
}

/** Compares and checks every rule. */
export function checkResult(start: GanetiCluster, result: GanetiCluster): Verdict {
  const old = new Map(start.instances.map((instance) => [instance.name, instance] as const))
  const broken = [
    ...checkIdentity(start, result),
    ...checkColumns(start, result),
    ...checkInstances(result, old),
    ...checkNodes(result),
  ]
  const before = new Map(
    [...checkInstances(start, old), ...checkNodes(start)].map((one) => [keyOf(one), one.excess]),
  )
  const isInherited = (one: Violation) => (before.get(keyOf(one)) ?? 0) >= one.excess
  const added = result.instances.filter(({ name }) => !old.has(name))
  const kept = result.instances.flatMap((now) => {
    const was = old.get(now.name)
    return was === undefined ? [] : [{ was, now }]
  })
  return {
    violations: broken.filter((one) => !isInherited(one)),
    inherited: broken.filter(isInherited),
    placed: added.length,
    placedMemMib: added.reduce((sum, { memMib }) => sum + memMib, 0),
    movedPrimaries: kept.filter(({ was, now }) => was.primary !== now.primary).length,
    touched: kept.filter(
      ({ was, now }) => was.primary !== now.primary || was.secondary !== now.secondary,
    ).length,
    copiedGib: kept.reduce((sum, { was, now }) => sum + copied(was, now), 0) / 1024,
  }
}

function keyOf({ rule, subject }: Violation): string {
  return `${rule} ${subject}`
}

function copied(was: GanetiInstance, now: GanetiInstance): number {
  const had = [was.primary, was.secondary]
  const fresh = [now.primary, now.secondary].filter((node) => node !== '' && !had.includes(node))
  return fresh.length * now.diskMib
}

function violation(rule: string, subject: string, message: string, excess = 1): Violation {
  return { rule, subject, message: `${subject}: ${message}`, excess }
}

/** Nothing is lost, doubled or changed but the nodes of an instance. */
function* checkIdentity(start: GanetiCluster, result: GanetiCluster): Iterable<Violation> {
  const found = new Map<string, GanetiInstance[]>()
  for (const one of result.instances) found.set(one.name, [...(found.get(one.name) ?? []), one])
  for (const [name, all] of found)
    if (all.length > 1)
      yield violation('duplicate', name, `is there ${all.length} times`, all.length)
  const place = (one: GanetiInstance) => JSON.stringify({ ...one, primary: '', secondary: '' })
  for (const was of start.instances) {
    const now = found.get(was.name)?.[0]
    if (now === undefined) yield violation('lost', was.name, 'is missing')
    else if (place(now) !== place(was))
      yield violation('changed', was.name, `was ${place(was)}, is ${place(now)}`)
    else if ((now.secondary === '') !== (was.secondary === ''))
      yield violation('changed', was.name, 'gained or lost its mirror')
  }
  const fixed = ({ groups, tags, policies, nodes }: GanetiCluster) =>
    JSON.stringify([
      groups,
      tags,
      policies,
      nodes.map(({ name, role, group }) => [name, role, group]),
    ])
  if (fixed(start) !== fixed(result))
    yield violation('cluster', 'cluster', 'groups, nodes, tags or policies changed')
}

/** Free memory and disk have to change by exactly what instances came and went. */
function* checkColumns(start: GanetiCluster, result: GanetiCluster): Iterable<Violation> {
  const now = new Map(result.nodes.map((node) => [node.name, node] as const))
  for (const was of start.nodes) {
    const node = now.get(was.name)
    if (node === undefined) continue
    const difference = (used: (cluster: GanetiCluster) => number) => used(start) - used(result)
    const mem = was.freeMemMib + difference((cluster) => memoryOn(cluster, was.name))
    if (node.freeMemMib !== mem)
      yield violation('column', was.name, `free memory is ${node.freeMemMib}, should be ${mem}`)
    const disk = was.freeDiskMib + difference((cluster) => diskOn(cluster, was.name))
    if (node.freeDiskMib !== disk)
      yield violation('column', was.name, `free disk is ${node.freeDiskMib}, should be ${disk}`)
  }
}

/** Each instance is where it may be. */
function* checkInstances(
  cluster: GanetiCluster,
  old: ReadonlyMap<string, GanetiInstance>,
): Iterable<Violation> {
  const nodes = new Map(cluster.nodes.map((node) => [node.name, node] as const))
  for (const instance of cluster.instances) {
    const { name, primary, secondary } = instance
    const was = old.get(name)
    const [first, second] = [nodes.get(primary), nodes.get(secondary)]
    if (first === undefined)
      yield violation('unknown', name, `is on "${primary}", which is no node`)
    if (instance.template === 'drbd') {
      if (second === undefined)
        yield violation('mirror', name, `has no second node: "${secondary}"`)
      if (primary === secondary) yield violation('mirror', name, `has ${primary} twice`)
      if (first && second && first.group !== second.group)
        yield violation('group', name, `is in two groups, on ${primary} and ${secondary}`)
    }
    for (const node of [first, second])
      if (node?.role === 'offline')
        yield violation(`offline ${node.name}`, name, `is on ${node.name}, which is offline`)
    if (was === undefined && first) yield* checkPolicy(cluster, instance, first)
  }
}

/** A new instance has a size its group allows. */
function* checkPolicy(
  cluster: GanetiCluster,
  instance: GanetiInstance,
  node: GanetiNode,
): Iterable<Violation> {
  const group = cluster.groups.find(({ uuid }) => uuid === node.group)
  if (group?.allocPolicy === 'unallocable')
    yield violation('policy', instance.name, `is new in ${group.name}, which is closed`)
  const { bounds } = policyFor(cluster, node)
  const allowed = bounds.some(
    ({ min, max }) =>
      between(min.memMib, instance.memMib, max.memMib) &&
      between(min.diskMib, instance.diskMib, max.diskMib) &&
      between(min.vcpus, instance.vcpus, max.vcpus),
  )
  if (!allowed) yield violation('policy', instance.name, 'has a size its group does not allow')
}

function between(least: number, value: number, most: number): boolean {
  return least <= value && value <= most
}

function policyFor(cluster: GanetiCluster, node: GanetiNode): GanetiPolicy {
  const name = cluster.groups.find(({ uuid }) => uuid === node.group)?.name
  const own = cluster.policies.filter(({ owner }) => owner !== '' && owner === name)
  return own.at(-1) ?? DEFAULT_POLICY
}

const STOPPED = new Set(['ADMIN_down', 'ADMIN_offline', 'USER_down', 'ERROR_down'])
const LOCAL = new Set(['drbd', 'plain'])

function memoryOn({ instances }: GanetiCluster, node: string): number {
  let sum = 0
  for (const { primary, status, forthcoming, memMib } of instances)
    if (primary === node && !STOPPED.has(status) && !forthcoming) sum += memMib
  return sum
}

function localOn({ instances }: GanetiCluster, node: string): GanetiInstance[] {
  return instances.filter(
    ({ primary, secondary, template, forthcoming }) =>
      !forthcoming && LOCAL.has(template) && (primary === node || secondary === node),
  )
}

function diskOn(cluster: GanetiCluster, node: string): number {
  return localOn(cluster, node).reduce((sum, { diskMib }) => sum + diskMib, 0)
}

/** Each node that is online has room for what it holds, and for the failure of one other. */
function* checkNodes(cluster: GanetiCluster): Iterable<Violation> {
  for (const node of cluster.nodes) {
    if (node.role === 'offline') continue
    yield* checkMemory(cluster, node)
    yield* checkDisk(cluster, node)
    const policy = policyFor(cluster, node)
    const primaries = cluster.instances.filter(
      ({ primary, forthcoming }) => primary === node.name && !forthcoming,
    )
    const vcpus = primaries
      .filter(({ status }) => status !== 'ADMIN_offline')
      .reduce((sum, one) => sum + one.vcpus, node.nodeVcpus)
    const most = policy.vcpuRatio * node.cores
    if (vcpus > most && primaries.length > 0)
      yield violation('vcpus', node.name, `${vcpus} vcpus, at most ${most}`, vcpus - most)
    yield* checkExclusion(cluster, node, primaries)
  }
}

function* checkMemory(cluster: GanetiCluster, node: GanetiNode): Iterable<Violation> {
  const { name, totalMemMib, nodeMemMib } = node
  const free = Math.min(totalMemMib - nodeMemMib - memoryOn(cluster, name), node.freeMemMib)
  const comingFrom = new Map<string, number>()
  let holds = cluster.instances.some(({ primary }) => primary === name)
  for (const one of cluster.instances) {
    if (one.secondary !== name || one.forthcoming) continue
    holds = true
    if (!one.autoBalance || one.status === 'ADMIN_offline') continue
    comingFrom.set(one.primary, (comingFrom.get(one.primary) ?? 0) + one.memMib)
  }
  const [peer, reserve] = [...comingFrom].reduce(
    (most, one) => (one[1] > most[1] ? one : most),
    ['nobody', 0],
  )
  if (holds && free <= reserve)
    yield violation(
      'n+1',
      name,
      `${free} MiB free, more than ${reserve} needed when ${peer} dies`,
      reserve - free + 1,
    )
}

function* checkDisk(cluster: GanetiCluster, node: GanetiNode): Iterable<Violation> {
  const local = localOn(cluster, node.name)
  if (local.length === 0) return
  if (node.freeDiskMib <= 0)
    yield violation('disk', node.name, `${node.freeDiskMib} MiB free`, 1 - node.freeDiskMib)
  if (node.exclusiveStorage) {
    if (node.freeSpindles < 0)
      yield violation('spindles', node.name, `${node.freeSpindles} free`, -node.freeSpindles)
    return
  }
  const use = local.reduce((sum, { spindleUse }) => sum + spindleUse, 0)
  const most = policyFor(cluster, node).spindleRatio * node.spindles
  if (use > most) yield violation('spindles', node.name, `${use} used of ${most}`, use - most)
}

function* checkExclusion(
  { tags }: GanetiCluster,
  node: GanetiNode,
  primaries: readonly GanetiInstance[],
): Iterable<Violation> {
  const marker = 'htools:iextags:'
  const prefixes = tags.filter((tag) => tag.startsWith(marker) && tag !== marker)
  const seen = new Map<string, string>()
  for (const instance of primaries)
    for (const tag of instance.tags) {
      if (!prefixes.some((prefix) => tag.startsWith(prefix.slice(marker.length)))) continue
      const other = seen.get(tag)
      if (other !== undefined)
        yield violation(
          `exclusion ${tag} ${node.name}`,
          instance.name,
          `shares ${node.name} with ${other}`,
        )
      seen.set(tag, instance.name)
    }
}
