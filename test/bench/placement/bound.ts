/**
 * Proven upper bounds on how many identical mirrored instances still fit, under Ganeti's rules.
 * Two relaxations; the tighter one counts. Nothing can place more, however clever it is.
 */
import { type GanetiCluster, groupTakes, type Request } from './ganeti.ts'
import { createLedger, type NodeLedger } from './ledger.ts'
import { type LinearProgram, solveMaximum } from './linear-program.ts'

/** A bound and how it was found. */
export interface Bound {
  /** No more instances than this. */
  readonly count: number
  /** `nodes`: each node for itself, balanced by a price; `pairs`: all pairs at once. */
  readonly from: 'nodes' | 'pairs'
}

/** Pairs are N², so larger groups get only the bound from nodes. */
export const MOST_NODES_FOR_PAIRS = 45
/** Sums of floating point numbers may end a little below a whole number they mean. */
const SLACK = 1e-6

/** Bound of a cluster: groups add up, as an instance does not span two. */
export async function upperBound(
  cluster: GanetiCluster,
  wanted: Request,
  mostNodesForPairs: number = MOST_NODES_FOR_PAIRS,
): Promise<Bound> {
  let bound: Bound = { count: 0, from: 'nodes' }
  for (const group of usableGroups(cluster, wanted)) {
    const price = boundFromNodes(group, wanted)
    const tighter =
      group.length <= mostNodesForPairs && price > 0
        ? Math.min(price, await boundFromPairs(group, wanted))
        : price
    bound = {
      count: bound.count + tighter,
      from: tighter < price ? 'pairs' : bound.from,
    }
  }
  return bound
}

/** Online nodes of each group that takes such instances, numbered within their group. */
function usableGroups(cluster: GanetiCluster, wanted: Request): Room[][] {
  const { nodes } = createLedger(cluster)
  return cluster.groups
    .filter((group) => groupTakes(cluster, group, wanted))
    .map(({ uuid }) => nodes.filter(({ node, online }) => online && node.group === uuid))
    .map((group) => group.map((one) => roomOf(one, group)))
}

/** What a node has left, in numbers of the wanted kind of thing. */
interface Room {
  readonly freeMemMib: number
  readonly freeDiskMib: number
  readonly freeVcpus: number
  readonly freeSpindles: number
  readonly reservedMib: number
  /** Reserved for each other node of the group; zero for itself. */
  readonly reservedMibByPeer: readonly number[]
}

function roomOf(one: NodeLedger, group: readonly NodeLedger[]): Room {
  return {
    freeMemMib: one.freeMemMib,
    freeDiskMib: one.freeDiskMib,
    freeVcpus: one.vcpuLimit - one.usedVcpus,
    freeSpindles: one.node.exclusiveStorage ? 0 : one.spindleLimit - one.spindleUse,
    reservedMib: one.reservedMib,
    reservedMibByPeer: group.map(({ index }) => one.reservedMibByPeer.get(index) ?? 0),
  }
}

/** So many whole instances of this size leave more than nothing free. */
function countBelow(freeMib: number, sizeMib: number): number {
  if (sizeMib === 0) return freeMib > 0 ? Number.POSITIVE_INFINITY : 0
  return Math.max(0, Math.floor((freeMib - 1) / sizeMib))
}

/** Most disks on a node, of primaries and secondaries together. */
function mostDisks(room: Room, { diskMib }: Request): number {
  const spindles = Math.max(0, Math.floor(room.freeSpindles))
  return Math.min(countBelow(room.freeDiskMib, diskMib), spindles)
}

function mostPrimaries(room: Room, wanted: Request): number {
  const { memMib, vcpus } = wanted
  return Math.max(
    0,
    Math.min(
      countBelow(room.freeMemMib - room.reservedMib, memMib),
      vcpus === 0 ? Number.POSITIVE_INFINITY : Math.floor(room.freeVcpus / vcpus),
      mostDisks(room, wanted),
    ),
  )
}

/**
 * For each node all pairs (primaries x, most secondaries y). Every instance needs one of each, so
 * for any price p in [0, 1] their number is at most the sum over nodes of the largest
 * p·x + (1-p)·y. The least of these over p is convex in p, so a search by thirds finds it.
 */
function boundFromNodes(group: readonly Room[], wanted: Request): number {
  if (group.length < 2) return 0
  const frontiers = group.map((room, self) => frontier(room, self, wanted))
  const value = (price: number) =>
    frontiers.reduce(
      (sum, points) => sum + Math.max(...points.map(([x, y]) => price * x + (1 - price) * y)),
      0,
    )
  let [low, high] = [0, 1]
  for (let round = 0; round < 60; round++) {
    const [left, right] = [low + (high - low) / 3, high - (high - low) / 3]
    if (value(left) <= value(right)) high = right
    else low = left
  }
  return Math.floor(Math.min(value((low + high) / 2), value(0), value(1)) + SLACK)
}

function frontier(room: Room, self: number, wanted: Request): [number, number][] {
  const disks = mostDisks(room, wanted)
  return Array.from({ length: mostPrimaries(room, wanted) + 1 }, (_, x) => {
    const left = room.freeMemMib - wanted.memMib * x
    let y = 0
    for (const [peer, reserved] of room.reservedMibByPeer.entries())
      if (peer !== self) y += countBelow(left - reserved, wanted.memMib)
    // A node whose memory is already promised to others takes no secondary.
    if (left <= room.reservedMib) y = 0
    return [x, Math.min(y, disks - x)]
  })
}

/** The relaxation over all pairs k[p][s], which knows that a reserve is for one peer at a time. */
async function boundFromPairs(group: readonly Room[], wanted: Request): Promise<number> {
  const best = await solveMaximum(pairProgram(group, [wanted], []))
  return Math.floor(best + SLACK)
}

/**
 * Most large instances beside exactly `smallCount` small ones, on the online nodes of the cluster
 * as they are, by the same relaxation; undefined when the small ones alone do not fit.
 */
export async function boundBeside(
  cluster: GanetiCluster,
  small: Request,
  smallCount: number,
  large: Request,
): Promise<number | undefined> {
  const groups = usableGroups(cluster, large)
  if (groups.length !== 1) return undefined
  const best = await solveMaximum(pairProgram(groups[0]!, [large, small], [[1, smallCount]]))
  return Number.isNaN(best) ? undefined : Math.floor(best + SLACK)
}

/**
 * Variables are, for each size, the count on each ordered pair and the primaries on each node. The
 * first size is to be maximised; `exactly` fixes the totals of others. Memory is divided by the
 * greatest common divisor of all sizes and rounded down, which is exact for whole instances.
 */
function pairProgram(
  group: readonly Room[],
  sizes: readonly Request[],
  exactly: readonly (readonly [size: number, count: number])[],
): LinearProgram {
  const count = group.length
  const perSize = count * count
  // Where s is p the column holds the primaries of p.
  const column = (size: number, p: number, s: number) => size * perSize + p * count + s
  const unitMem = divisor(sizes.map(({ memMib }) => memMib))
  const unitDisk = divisor(sizes.map(({ diskMib }) => diskMib))
  const rows: LinearProgram['rows'][number][] = []
  const others = (node: number) => [...group.keys()].filter((one) => one !== node)
  for (const [n, room] of group.entries()) {
    for (const size of sizes.keys())
      rows.push({
        terms: [
          ...others(n).map((s) => [column(size, n, s), 1] as const),
          [column(size, n, n), -1],
        ],
        least: 0,
        most: 0,
      })
    const primaries = (weight: (size: Request) => number) =>
      sizes.map((size, at) => [column(at, n, n), weight(size)] as const)
    const from = (p: number, weight: (size: Request) => number) =>
      sizes.map((size, at) => [column(at, p, n), weight(size)] as const)
    const disk = ({ diskMib }: Request) => diskMib / unitDisk
    const mem = ({ memMib }: Request) => memMib / unitMem
    const most = (terms: LinearProgram['rows'][number]['terms'], limit: number) =>
      rows.push({ terms, least: Number.NEGATIVE_INFINITY, most: Math.max(0, limit) })
    most(
      [...primaries(disk), ...others(n).flatMap((p) => from(p, disk))],
      countBelow(room.freeDiskMib, unitDisk),
    )
    most([...primaries(() => 1), ...others(n).flatMap((p) => from(p, () => 1))], room.freeSpindles)
    most(
      primaries(({ vcpus }) => vcpus),
      room.freeVcpus,
    )
    most(primaries(mem), countBelow(room.freeMemMib - room.reservedMib, unitMem))
    for (const p of others(n))
      most(
        [...primaries(mem), ...from(p, mem)],
        countBelow(room.freeMemMib - room.reservedMibByPeer[p]!, unitMem),
      )
  }
  for (const [size, total] of exactly)
    rows.push({
      terms: [...group.keys()].map((n) => [column(size, n, n), 1] as const),
      least: total,
      most: total,
    })
  const gain = new Array<number>(sizes.length * perSize).fill(0)
  for (const n of group.keys()) gain[column(0, n, n)] = 1
  return { gain, rows }
}

function divisor(sizes: readonly number[]): number {
  const common = (a: number, b: number): number => (b === 0 ? a : common(b, a % b))
  return sizes.reduce(common, 0) || 1
}
