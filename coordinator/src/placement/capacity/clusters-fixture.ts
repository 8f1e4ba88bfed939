/**
 * Seeded clusters with replicated disks, for which the most machines that fit are known from an
 * exact solver. Sizes are MiB; a host may use all but one of what is free, because the peer that
 * these numbers compare with counts that way.
 */
import { createFleet, type Fleet, type MachineRequest } from '../fleet/index.ts'

const MIB = 1024 ** 2
const CPU_RATIO = 4

/** Memory, what the host's own system takes of it, disk, and cores. */
type Shape = readonly [memory: number, system: number, disk: number, cores: number]
/** Memory, disk and cores of a machine. */
export type Size = readonly [memory: number, disk: number, cores: number]

/** Two hosts of five have the first shape, two the second, one the third. */
const SHAPES = {
  memory: [[65536, 1500, 4194304, 32]],
  disk: [[262144, 3000, 2097152, 32]],
  cpu: [[262144, 3000, 16777216, 16]],
  hetero: [
    [65536, 1500, 2097152, 16],
    [196608, 2500, 4194304, 32],
    [524288, 4500, 8388608, 64],
  ],
  skewed: [
    [393216, 3500, 2097152, 64],
    [196608, 2500, 4194304, 32],
    [98304, 2000, 16777216, 16],
  ],
} as const satisfies Record<string, readonly Shape[]>

/** Kinds of clusters: all hosts alike, of three sizes, or of three shapes that conflict. */
export type ClusterKind = keyof typeof SHAPES

/** The machine that is counted in each kind of cluster. */
export const STANDARD: Record<ClusterKind, Size> = {
  memory: [4096, 51200, 2],
  disk: [8192, 102400, 2],
  cpu: [4096, 51200, 4],
  hetero: [8192, 81920, 4],
  skewed: [8192, 122880, 4],
}

const FLAVOURS: readonly (readonly [...Size, weight: number])[] = [
  [2048, 20480, 1, 30],
  [4096, 40960, 2, 30],
  [8192, 81920, 4, 20],
  [16384, 163840, 4, 12],
  [32768, 327680, 8, 8],
]

/** The mulberry32 generator. */
function numbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** How a cluster is made. */
export interface ClusterOptions {
  readonly kind: ClusterKind
  readonly count: number
  readonly seed?: number
  /** Share of all memory that is taken at random before; 0 if not given. */
  readonly filled?: number
  /** Number of racks that are lost as a whole; without it, hosts are lost one by one. */
  readonly racks?: number
}

/** A cluster of so many hosts with one pool each. */
export function createCluster(options: ClusterOptions): Fleet {
  const { count, filled = 0, kind, racks, seed = 1 } = options
  const shapes: readonly Shape[] = SHAPES[kind]
  const shapeOf = (row: number) => shapes[row % 5 < 2 ? 0 : row % 5 < 4 ? 1 : 2] ?? shapes[0]!
  const rows = Array.from({ length: count }, (_, row) => row)
  const fleet = createFleet({
    hosts: rows.map((row) => {
      const [memory, system, , cores] = shapeOf(row)
      return {
        name: `h${row}`,
        labels: { rack: `r${row % (racks ?? count)}` },
        capacity: { memory: (memory - system - 1) * MIB, cpu: CPU_RATIO * cores * 1000 },
      }
    }),
    pools: rows.map((host) => ({
      name: `p${host}`,
      host,
      capacityBytes: (shapeOf(host)[2] - 1) * MIB,
    })),
    standbyColumns: ['memory'],
    lossLabel: racks === undefined ? '' : 'rack',
  })
  const memory = rows.reduce((sum, row) => sum + shapeOf(row)[0], 0)
  scatter(fleet, numbers(seed * 1000003 + count), filled * memory * MIB)
  return fleet
}

/** Puts machines of mixed sizes on random pairs of hosts, until they take so many bytes. */
function scatter(fleet: Fleet, random: () => number, bytes: number): void {
  const [memory, cpu] = fleet.columns
  const { reserve } = memory!.standby!
  let taken = 0
  while (taken < bytes) {
    const request = pairOf(draw(random), `old-${fleet.machines.size}`)
    const host = Math.floor(random() * fleet.hostCount)
    const standby = Math.floor(random() * fleet.hostCount)
    const needs = request.amounts[0]!.amount
    const { name, sizeBytes } = request.volumes[0]!
    const after = memory!.standby!.inbound(standby, fleet.lossDomains[host]!) + needs
    const fits =
      fleet.lossDomains[host] !== fleet.lossDomains[standby] &&
      memory!.used[host]! + reserve[host]! + needs <= memory!.capacity[host]! &&
      memory!.used[standby]! + Math.max(reserve[standby]!, after) <= memory!.capacity[standby]! &&
      cpu!.used[host]! + request.amounts[1]!.amount <= cpu!.capacity[host]! &&
      [host, standby].every(
        (pool) => fleet.poolPromised[pool]! + sizeBytes <= fleet.poolCapacity[pool]!,
      )
    if (!fits) continue
    fleet.putVolume({ name, sizeBytes, pools: [host, standby], pinned: false })
    fleet.putMachine({ ...request, host, standby, volumes: [name], pinned: false })
    taken += needs
  }
}

function draw(random: () => number): Size {
  let left = random() * FLAVOURS.reduce((sum, flavour) => sum + flavour[3], 0)
  for (const [memory, disk, cores, weight] of FLAVOURS) {
    left -= weight
    if (left < 0) return [memory, disk, cores]
  }
  return [32768, 327680, 8]
}

/** A machine of this size with its disk on two hosts, the other of which keeps room for it. */
export function pairOf([memory, disk, cores]: Size, name = 'new'): MachineRequest {
  const sizeBytes = disk * MIB
  return {
    name,
    amounts: [
      { column: 0, amount: memory * MIB },
      { column: 1, amount: cores * 1000 },
    ],
    hosts: undefined,
    volumes: [
      {
        name: `${name}-disk`,
        sizeBytes,
        replicas: 2,
        pools: undefined,
        spread: [],
        preference: undefined,
      },
    ],
    attached: [],
    locality: 'Required',
    standby: 'Replica',
    numa: undefined,
    preference: undefined,
    seed: 1,
  }
}
