/**
 * Ganeti's own choice for one instance, computed in this process: of all pairs that have room the
 * one with the lowest score. It makes the decisions of hail and hspace without their cost, so that
 * a long sequence can be compared.
 */
import type { OnlinePlacer, Pair } from './contender.ts'
import { type GanetiCluster, locationTags, type Request } from './ganeti.ts'
import { createLedger, type Ledger, type NodeLedger } from './ledger.ts'

/** One evenness in the score. */
interface Measure {
  readonly weight: number
  readonly value: (node: NodeLedger) => number
  /** What the value grows by on a node that becomes primary, and on one that becomes secondary. */
  readonly onPrimary: (node: NodeLedger, wanted: Request) => number
  readonly onSecondary: (node: NodeLedger, wanted: Request) => number
}

const none = () => 0
const one = () => 1
const disk = ({ node }: NodeLedger, { diskMib }: Request) => -diskMib / node.totalDiskMib
const spindle = ({ spindleLimit }: NodeLedger) => 1 / spindleLimit

const MEASURES: readonly Measure[] = [
  {
    weight: 1,
    value: ({ freeMemMib, node }) => freeMemMib / node.totalMemMib,
    onPrimary: ({ node }, { memMib }) => -memMib / node.totalMemMib,
    onSecondary: none,
  },
  {
    weight: 1,
    value: ({ usedVcpus, node }) => usedVcpus / node.cores / node.cpuSpeed,
    onPrimary: ({ node }, { vcpus }) => vcpus / node.cores / node.cpuSpeed,
    onSecondary: none,
  },
  { weight: 3, value: ({ primaries }) => primaries, onPrimary: one, onSecondary: none },
  {
    weight: 1,
    value: ({ freeDiskMib, node }) => freeDiskMib / node.totalDiskMib,
    onPrimary: disk,
    onSecondary: disk,
  },
  {
    weight: 1,
    value: ({ primaries, secondaries }) => primaries + secondaries,
    onPrimary: one,
    onSecondary: one,
  },
  {
    weight: 1,
    value: ({ spindleUse, spindleLimit }) => spindleUse / spindleLimit,
    onPrimary: spindle,
    onSecondary: spindle,
  },
]

const RESERVED_TOTAL = 0.25

/** Places one by one as Ganeti would. */
export function createGanetiGreedy(cluster: GanetiCluster): OnlinePlacer {
  const ledger = createLedger(cluster)
  const locations = cluster.nodes.map((node) => locationTags(cluster, node))
  const shared = (first: number, second: number) =>
    locations[first]!.filter((tag) => locations[second]!.includes(tag)).length
  return {
    allocate(wanted) {
      const found = bestPair(ledger, wanted, shared)
      if (found === null) return null
      ledger.put(found[0], found[1], wanted)
      return namesOf(ledger, found)
    },
  }
}

function namesOf({ nodes }: Ledger, [primary, secondary]: readonly [number, number]): Pair {
  return { primary: nodes[primary]!.node.name, secondary: nodes[secondary]!.node.name }
}

/**
 * Every failure domain that both nodes share adds 1. Equal scores: the pair that stands last in the
 * file.
 */
function bestPair(
  ledger: Ledger,
  wanted: Request,
  shared: (first: number, second: number) => number,
): [number, number] | null {
  const nodes = ledger.nodes.filter(({ online }) => online)
  const spreads = MEASURES.map((measure) => ({ measure, ...spreadOf(nodes, measure.value) }))
  const reserved = spreadOf(nodes, (node) => node.reservedMib / node.node.totalMemMib)
  let [best, found]: [number, [number, number] | null] = [Number.POSITIVE_INFINITY, null]
  for (const first of nodes) {
    const half = spreads.map(({ measure, sum, squares }) => {
      const value = measure.value(first)
      const grown = value + measure.onPrimary(first, wanted)
      return { measure, sum: sum + grown - value, squares: squares + grown ** 2 - value ** 2 }
    })
    for (const second of nodes) {
      if (!ledger.fits(first.index, second.index, wanted)) continue
      const score = scoreOf(half, second, wanted, nodes.length)
      const total =
        score +
        reserveScore(reserved, first, second, wanted, nodes.length) +
        shared(first.index, second.index)
      if (total > best) continue
      best = total
      found = [first.index, second.index]
    }
  }
  return found
}

interface Spread {
  readonly sum: number
  readonly squares: number
}

function spreadOf(nodes: readonly NodeLedger[], value: (node: NodeLedger) => number): Spread {
  let [sum, squares] = [0, 0]
  for (const node of nodes) {
    const at = value(node)
    sum += at
    squares += at ** 2
  }
  return { sum, squares }
}

function deviation(sum: number, squares: number, count: number): number {
  return Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2))
}

function scoreOf(
  half: readonly (Spread & { readonly measure: Measure })[],
  second: NodeLedger,
  wanted: Request,
  count: number,
): number {
  let score = 0
  for (const { measure, sum, squares } of half) {
    const value = measure.value(second)
    const grown = value + measure.onSecondary(second, wanted)
    score +=
      measure.weight * deviation(sum + grown - value, squares + grown ** 2 - value ** 2, count)
  }
  return score
}

/** Reserved memory depends on both: it is kept on the second node for the first. */
function reserveScore(
  { sum, squares }: Spread,
  first: NodeLedger,
  second: NodeLedger,
  { memMib }: Request,
  count: number,
): number {
  const { node, reservedMib, reservedMibByPeer } = second
  const before = reservedMib / node.totalMemMib
  const forPeer = (reservedMibByPeer.get(first.index) ?? 0) + memMib
  const after = Math.max(reservedMib, forPeer) / node.totalMemMib
  const total = sum + after - before
  return deviation(total, squares + after ** 2 - before ** 2, count) + RESERVED_TOTAL * total
}
