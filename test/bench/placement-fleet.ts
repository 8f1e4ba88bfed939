/** A seeded fleet of five kinds of hosts in racks and zones, and machines for it. */
import {
  createFleet,
  type DomainRule,
  type Fleet,
  type MachineRequest,
} from '../../coordinator/src/placement/fleet/index.ts'

/** A kind of host. */
interface Profile {
  readonly name: string
  readonly cores: number
  readonly memoryGib: number
  readonly disk: DiskClass
  readonly diskGib: number
  /** Share of all hosts. */
  readonly share: number
}

type DiskClass = 'nvme' | 'ssd' | 'hdd'

const PROFILES: readonly Profile[] = [
  { name: 'general', cores: 64, memoryGib: 256, disk: 'ssd', diskGib: 4_000, share: 0.3 },
  { name: 'fast', cores: 64, memoryGib: 512, disk: 'nvme', diskGib: 6_000, share: 0.2 },
  { name: 'small', cores: 32, memoryGib: 128, disk: 'ssd', diskGib: 2_000, share: 0.2 },
  { name: 'large', cores: 128, memoryGib: 1_024, disk: 'ssd', diskGib: 8_000, share: 0.15 },
  { name: 'storage', cores: 32, memoryGib: 128, disk: 'hdd', diskGib: 40_000, share: 0.15 },
]

const RACK_SIZE = 40
const ZONES = 3
/** Virtual processors that a host may promise for each of its threads. */
const CPU_RATIO = 4
/** Memory that a host keeps for itself. */
const SYSTEM_GIB = 4

/** Sizes of the machines that arrive. */
export type StreamKind = 'easy' | 'hard'

/** Pseudo-random numbers in [0, 1). */
export function createChance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
}

/** An empty fleet; each rack has hosts of all kinds, the zone of a rack goes round. */
export function createBenchFleet(hostCount: number, seed: number): Fleet {
  const chance = createChance(seed)
  const profiles = Array.from({ length: hostCount }, () => pick(PROFILES, chance))
  const hosts = profiles.map(({ cores, memoryGib, name }, row) => {
    const rack = Math.floor(row / RACK_SIZE)
    return {
      name: `${name}-${row}`,
      labels: { rack: `rack-${rack}`, zone: `zone-${rack % ZONES}` },
      capacity: { memory: (memoryGib - SYSTEM_GIB) * 2 ** 30, cpu: cores * CPU_RATIO * 1000 },
    }
  })
  const pools = profiles.map(({ disk, diskGib }, host) => ({
    name: disk,
    host,
    capacityBytes: diskGib * 2 ** 30,
  }))
  return createFleet({ hosts, pools, standbyColumns: ['memory'], lossLabel: '' })
}

function pick<T extends { readonly share: number }>(from: readonly T[], chance: () => number): T {
  let left = chance() * from.reduce((sum, { share }) => sum + share, 0)
  for (const item of from) {
    left -= item.share
    if (left < 0) return item
  }
  return from.at(-1)!
}

const SIZES = {
  easy: [1, 2, 2, 4, 4, 4, 8, 8, 16, 32],
  hard: [2, 2, 4, 4, 8, 8, 16, 16, 32, 64],
} satisfies Record<StreamKind, number[]>

const MEMORY_PER_CPU = [
  { gib: 2, share: 0.25 },
  { gib: 4, share: 0.5 },
  { gib: 8, share: 0.25 },
]

/** What volumes ask for, and the most memory of a machine with such volumes. */
interface DiskWish {
  readonly classes: readonly DiskClass[]
  readonly mostGib: number
  readonly share: number
}

const DISKS: readonly DiskWish[] = [
  { classes: ['nvme', 'ssd', 'hdd'], mostGib: 512, share: 0.35 },
  { classes: ['nvme', 'ssd'], mostGib: 512, share: 0.35 },
  { classes: ['nvme'], mostGib: 256, share: 0.22 },
  { classes: ['hdd'], mostGib: 32, share: 0.08 },
]

/** How machines of a stream are made. */
export interface StreamOptions {
  readonly kind: StreamKind
  readonly seed: number
  readonly standby: MachineRequest['standby']
  /** New volumes of each machine. */
  readonly volumes: number
  /** Replicas of each volume; two or three by chance if absent. */
  readonly replicas?: number
}

/** Machines one after another: each on the host of a replica of its volumes. */
export function createStream(fleet: Fleet, options: StreamOptions): () => MachineRequest {
  const chance = createChance(options.seed)
  const rules: Record<'rack' | 'zone', DomainRule> = {
    rack: { domains: fleet.domainsOf('rack'), mode: 'Different', maximumPerDomain: 1 },
    zone: { domains: fleet.domainsOf('zone'), mode: 'Different', maximumPerDomain: 1 },
  }
  const wishes = DISKS.map(({ classes, ...wish }) => ({
    ...wish,
    pools: Uint8Array.from(fleet.pools, ({ name }) => Number(classes.includes(name as DiskClass))),
  }))
  let last = 0
  return () => {
    const name = `machine-${++last}`
    const cpus = SIZES[options.kind][Math.floor(chance() * SIZES[options.kind].length)]!
    const { mostGib, pools } = pick(wishes, chance)
    const memoryGib = Math.min(mostGib, cpus * pick(MEMORY_PER_CPU, chance).gib)
    const rule = chance() < 0.7 ? rules.rack : rules.zone
    const replicas = options.replicas ?? (chance() < 0.5 ? 2 : 3)
    return {
      name,
      amounts: [
        { column: 0, amount: memoryGib * 2 ** 30 },
        { column: 1, amount: cpus * 1000 },
      ],
      hosts: undefined,
      volumes: Array.from({ length: options.volumes }, (_, index) => ({
        name: `${name}-${index}`,
        sizeBytes: Math.max(8, cpus * 10) * 2 ** 30,
        replicas,
        pools,
        spread: [rule],
        preference: undefined,
      })),
      attached: [],
      locality: 'Required',
      standby: options.standby,
      numa: undefined,
      preference: undefined,
      seed: Math.floor(chance() * 2 ** 31),
    }
  }
}
