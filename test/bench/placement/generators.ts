/**
 * Made clusters for measuring placement. Everything follows from the arguments; the families that
 * other measurements of Ganeti use are byte for byte what those use. Sizes are MiB.
 */
import { assert } from '@keelson/shared/errors'
import {
  type GanetiCluster,
  type GanetiGroup,
  type GanetiInstance,
  type GanetiNode,
  type InstanceSpec,
  newInstance,
  type Request,
} from './ganeti.ts'
import { createLedger, type Ledger, withInstances } from './ledger.ts'

/** A stream of numbers in [0, 1). */
export type Draw = () => number

/** The mulberry32 generator: 32 bits of state, the same numbers everywhere. */
export function mulberry32(seed: number): Draw {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Hardware of a node. */
export interface NodeShape {
  readonly memMib: number
  /** What the host's own system takes. */
  readonly systemMib: number
  readonly diskMib: number
  readonly cores: number
}

const shape = (memMib: number, systemMib: number, diskMib: number, cores: number): NodeShape => ({
  ...{ memMib, systemMib, diskMib, cores },
})
/** An instance of this size. */
export const request = (memMib: number, diskMib: number, vcpus: number): Request => ({
  ...{ memMib, diskMib, vcpus },
})

const GROUP = '11111111-2222-4333-8444-555555555555'
const OTHER_GROUP = '66666666-7777-4888-8999-aaaaaaaaaaaa'

/** Which resource of a homogeneous cluster runs out first. */
export const HOMOGENEOUS = {
  mem: { node: shape(65536, 1500, 4194304, 32), std: request(4096, 51200, 2) },
  disk: { node: shape(262144, 3000, 2097152, 32), std: request(8192, 102400, 2) },
  cpu: { node: shape(262144, 3000, 16777216, 16), std: request(4096, 51200, 4) },
} as const

/** A kind of node, with the letter its name ends in. */
type NodeClass = readonly [letter: string, shape: NodeShape]
/** 40 % of the nodes, 40 % and 20 %. */
type Classes = readonly [NodeClass, NodeClass, NodeClass]

const SIZES: Classes = [
  ['s', shape(65536, 1500, 2097152, 16)],
  ['m', shape(196608, 2500, 4194304, 32)],
  ['l', shape(524288, 4500, 8388608, 64)],
]
const SHAPES: Classes = [
  ['c', shape(393216, 3500, 2097152, 64)],
  ['b', shape(196608, 2500, 4194304, 32)],
  ['t', shape(98304, 2000, 16777216, 16)],
]
/** Memory without disk, disk without memory, and processors without either. */
const EXTREMES: Classes = [
  ['m', shape(786432, 6000, 1048576, 48)],
  ['d', shape(65536, 1500, 33554432, 24)],
  ['p', shape(131072, 2000, 3145728, 128)],
]
const LARGE = shape(524288, 4500, 16777216, 64)
const MEDIUM = shape(262144, 3000, 8388608, 32)
const STD = request(8192, 81920, 4)
const WIDE_STD = request(8192, 122880, 4)

const FLAVOURS: readonly (readonly [Request, weight: number])[] = [
  [request(2048, 20480, 1), 30],
  [request(4096, 40960, 2), 30],
  [request(8192, 81920, 4), 20],
  [request(16384, 163840, 4), 12],
  [request(32768, 327680, 8), 8],
]

/** One instance of the mixed sequence: five sizes from 2 to 32 GiB, small ones more often. */
export function flavour(draw: Draw): Request {
  let left = draw() * FLAVOURS.reduce((total, [, weight]) => total + weight, 0)
  for (const [size, weight] of FLAVOURS) {
    left -= weight
    if (left < 0) return size
  }
  return FLAVOURS.at(-1)![0]
}

/** The first `count` instances of the mixed sequence of a seed. */
export function flavours(seed: number, count: number): Request[] {
  const draw = mulberry32(seed)
  return Array.from({ length: count }, () => flavour(draw))
}

/** `count` equal empty nodes on which the named resource runs out first. */
export function homogeneous(kind: keyof typeof HOMOGENEOUS, count: number): GanetiCluster {
  const { node, std } = HOMOGENEOUS[kind]
  return emptyCluster(
    numbered(count, () => ['', node]),
    std,
  )
}

/** Nodes of three sizes, filled at random to a share of their memory. */
export function hetero(count: number, seed: number, share = 0.3): GanetiCluster {
  return mixed(count, seed, share, SIZES, STD)
}

/** Nodes whose shapes conflict: much memory and little disk, or the other way round. */
export function skewed(count: number, seed: number, share = 0.3): GanetiCluster {
  return mixed(count, seed, share, SHAPES, WIDE_STD)
}

/** The same idea with other, more extreme shapes. */
export function extremes(count: number, seed: number, share = 0.1): GanetiCluster {
  return mixed(count, seed, share, EXTREMES, request(6144, 98304, 3))
}

/** Large equal nodes with `each` mixed instances on average. */
export function dense(count: number, each: number, seed: number): GanetiCluster {
  const nodes = numbered(count, () => ['', LARGE])
  const draw = mulberry32(seed * 1000003 + count * 131 + each)
  return scatter(emptyCluster(nodes, STD), draw, { instances: count * each })
}

/** Ten instances for each node, all of them on the first 60 % of the nodes. */
export function lopsided(count: number, seed: number): GanetiCluster {
  return partlyUsed(count, seed, Math.floor((count * 6) / 10))
}

/** Ten instances for each node; the last tenth of the nodes was just added and is empty. */
export function newNodes(count: number, seed: number): GanetiCluster {
  return partlyUsed(count, seed, count - Math.max(1, Math.floor(count / 10)))
}

/** Filled to 60 % with small instances, of which every other was deleted: holes everywhere. */
export function fragmented(count: number, seed: number): GanetiCluster {
  const small = request(3072, 36864, 2)
  const nodes = numbered(count, (index) => SIZES[classOf(index)])
  const draw = mulberry32(seed * 1000003 + count * 17)
  const full = scatter(emptyCluster(nodes, request(49152, 491520, 8)), draw, {
    memShare: 0.6,
    draw: () => small,
  })
  return withInstances(
    full,
    full.instances.filter(() => draw() < 0.5),
  )
}

/** Four racks as failure domains, an anti-affine service in each ten instances, one rack apart. */
export function racks(count: number, seed: number): GanetiCluster {
  const nodes = numbered(count, () => ['', MEDIUM])
  const cluster = emptyCluster(nodes, STD)
  const tagged = cluster.nodes.map((node, index) => ({ ...node, tags: [`rack:r${index % 4}`] }))
  const draw = mulberry32(seed * 1000003 + count * 29)
  const filled = scatter({ ...cluster, nodes: tagged }, draw, { instances: count * 4 })
  const services = Math.max(1, Math.floor(count / 10))
  const used = new Set<string>()
  const instances = filled.instances.map((instance, index) => {
    const tag = `service:s${index % services}`
    // Two of a service never share a primary, as Ganeti refuses to make such a cluster.
    if (index % 3 !== 0 || used.has(`${tag} ${instance.primary}`)) return instance
    used.add(`${tag} ${instance.primary}`)
    return { ...instance, tags: [tag] }
  })
  const tags = ['htools:iextags:service', 'htools:nlocation:rack']
  return { ...filled, instances, tags }
}

/** Two groups of different nodes, an offline node in each, and some instances without a mirror. */
export function groups(count: number, seed: number): GanetiCluster {
  const nodes = numbered(count, (index) => (index % 2 === 0 ? ['', MEDIUM] : ['', LARGE]))
  const cluster = emptyCluster(nodes, STD)
  const other: GanetiGroup = { ...cluster.groups[0]!, name: 'large', uuid: OTHER_GROUP }
  const parted: GanetiCluster = {
    ...cluster,
    groups: [...cluster.groups, other],
    nodes: cluster.nodes.map((node, index) => ({
      ...node,
      group: index % 2 === 0 ? GROUP : OTHER_GROUP,
    })),
    policies: [...cluster.policies, { ...cluster.policies[0]!, owner: 'large' }],
  }
  const draw = mulberry32(seed * 1000003 + count * 31)
  const filled = scatter(parted, draw, { instances: count * 5 })
  const instances = filled.instances.map((instance, index) =>
    index % 9 === 0 ? { ...instance, secondary: '', template: 'plain' as const } : instance,
  )
  const result = withInstances(filled, instances)
  const dead = new Set([2, 3])
  return {
    ...result,
    nodes: result.nodes.map((node, index) =>
      dead.has(index) ? { ...node, role: 'offline' } : node,
    ),
  }
}

function classOf(index: number): 0 | 1 | 2 {
  return index % 5 < 2 ? 0 : index % 5 < 4 ? 1 : 2
}

function mixed(
  count: number,
  seed: number,
  memShare: number,
  classes: Classes,
  std: Request,
): GanetiCluster {
  const nodes = numbered(count, (index) => classes[classOf(index)])
  return scatter(emptyCluster(nodes, std), mulberry32(seed * 1000003 + count), { memShare })
}

function partlyUsed(count: number, seed: number, used: number): GanetiCluster {
  const nodes = numbered(count, () => ['', MEDIUM])
  const draw = mulberry32(seed * 1000003 + count)
  return scatter(emptyCluster(nodes, STD), draw, { instances: count * 10, nodes: used })
}

function numbered(count: number, classOfNode: (index: number) => NodeClass): GanetiNode[] {
  return Array.from({ length: count }, (_, index) => {
    const [letter, { memMib, systemMib, diskMib, cores }] = classOfNode(index)
    return {
      name: `node-${String(index + 1).padStart(4, '0')}${letter}`,
      totalMemMib: memMib,
      nodeMemMib: systemMib,
      freeMemMib: memMib - systemMib,
      ...{ totalDiskMib: diskMib, freeDiskMib: diskMib, cores },
      role: index === 0 ? 'M' : 'N',
      group: GROUP,
      // With the default of one spindle a node would be full at 32 instances.
      spindles: 1000,
      tags: [],
      ...{ exclusiveStorage: false, freeSpindles: 0, nodeVcpus: 0, cpuSpeed: 1 },
    }
  })
}

function emptyCluster(nodes: readonly GanetiNode[], std: Request): GanetiCluster {
  const spec = (size: Request, disks: number, nics: number, spindleUse: number): InstanceSpec => ({
    ...{ ...size, disks, nics, spindleUse },
  })
  const policy = {
    std: spec(std, 1, 1, 1),
    bounds: [
      {
        min: spec(request(128, 1024, 1), 1, 1, 1),
        max: spec(request(262144, 4194304, 64), 16, 8, 12),
      },
    ],
    templates: ['drbd', 'plain'] as const,
    ...{ vcpuRatio: 4, spindleRatio: 32 },
  }
  return {
    groups: [{ name: 'default', uuid: GROUP, allocPolicy: 'preferred', tags: [], networks: [] }],
    nodes,
    instances: [],
    tags: [],
    policies: ['', 'default'].map((owner) => ({ owner, ...policy })),
  }
}

interface Scatter {
  /** Stop at so many instances, */
  readonly instances?: number
  /** or when so much of all memory is used. */
  readonly memShare?: number
  /** Only the first so many nodes. */
  readonly nodes?: number
  readonly draw?: (draw: Draw) => Request
}

const MOST_MISSES = 2000

/** Puts instances on random pairs that have room. */
function scatter(cluster: GanetiCluster, draw: Draw, limits: Scatter): GanetiCluster {
  const ledger = createLedger(cluster)
  const count = limits.nodes ?? cluster.nodes.length
  const total = cluster.nodes.reduce((sum, { totalMemMib }) => sum + totalMemMib, 0)
  const instances: GanetiInstance[] = []
  let memMib = 0
  let misses = 0
  while (misses < MOST_MISSES) {
    if (instances.length >= (limits.instances ?? Number.POSITIVE_INFINITY)) break
    if (memMib >= (limits.memShare ?? Number.POSITIVE_INFINITY) * total) break
    const wanted = (limits.draw ?? flavour)(draw)
    const primary = Math.floor(draw() * count)
    const secondary = Math.floor(draw() * count)
    if (!ledger.fits(primary, secondary, wanted)) misses++
    else {
      misses = 0
      memMib += wanted.memMib
      ledger.put(primary, secondary, wanted)
      instances.push(nextInstance(ledger, instances.length, wanted, primary, secondary))
    }
  }
  assert(misses < MOST_MISSES, 'a generated cluster has room for what it is to hold')
  return withInstances(cluster, instances)
}

function nextInstance(
  { nodes }: Ledger,
  count: number,
  wanted: Request,
  primary: number,
  secondary: number,
): GanetiInstance {
  const name = `vm-${String(count + 1).padStart(5, '0')}`
  return newInstance(name, wanted, nodes[primary]!.node.name, nodes[secondary]!.node.name)
}
