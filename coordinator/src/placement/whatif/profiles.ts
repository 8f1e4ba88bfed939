/** Hosts that do not exist yet: by the name of their hardware, or like one that exists. */
import { KeelsonError } from '@keelson/shared/errors'
import type { HardwareSection, Node, StoragePool } from '@keelson/shared/model'
import { poolId, type StateView } from '../../state/index.ts'
import type { Overlay } from './overlay.ts'

/** A host as it is bought. */
export interface Profile {
  /** Processor and disks, for people. */
  readonly description: string
  readonly logicalCpus: number
  readonly memoryGib: number
  readonly disks: number
  /** Of each disk; as its maker counts, in thousands. */
  readonly diskGigabytes: number
}

/** Shapes that are known by name. Their disks are one pool, "nvme", without redundancy below it. */
export const PROFILES: Readonly<Record<string, Profile>> = {
  ax42: {
    description: 'AMD Ryzen 7 PRO 8700GE, 8 cores, 64 GiB, 2 × 512 GB NVMe',
    ...{ logicalCpus: 16, memoryGib: 64, disks: 2, diskGigabytes: 512 },
  },
  ax102: {
    description: 'AMD Ryzen 9 7950X3D, 16 cores, 128 GiB, 2 × 1.92 TB NVMe',
    ...{ logicalCpus: 32, memoryGib: 128, disks: 2, diskGigabytes: 1920 },
  },
  ax162: {
    description: 'AMD EPYC 9454P, 48 cores, 256 GiB, 2 × 1.92 TB NVMe',
    ...{ logicalCpus: 96, memoryGib: 256, disks: 2, diskGigabytes: 1920 },
  },
  ex130: {
    description: 'Intel Xeon Gold 5412U, 24 cores, 256 GiB, 2 × 1.92 TB NVMe',
    ...{ logicalCpus: 48, memoryGib: 256, disks: 2, diskGigabytes: 1920 },
  },
}

/** What in place of a profile's name means "like this host". */
export const LIKE = 'like:'

/** What new hosts are. */
export interface NewHosts {
  readonly names: readonly string[]
  /** A name of `PROFILES`, or "like:" and the name of a host. */
  readonly profile: string
  readonly labels: Readonly<Record<string, string>>
}

/**
 * The records of new hosts, ready and empty. Raises INVALID_ARGUMENT for an unknown profile and
 * NOT_FOUND for an unknown host.
 */
export function newHosts(state: StateView, { labels, names, profile }: NewHosts): Overlay {
  const model = profile.startsWith(LIKE)
    ? likeHost(state, profile.slice(LIKE.length))
    : ofProfile(profile)
  const nodes = new Map<string, Node>()
  const pools = new Map<string, StoragePool>()
  const inventory = new Map<string, HardwareSection>()
  for (const name of names) {
    const { meta } = model.node
    const own = { ...meta, name, uid: name, labels: { ...meta.labels, ...labels } }
    nodes.set(name, { ...model.node, meta: own })
    for (const pool of model.pools)
      pools.set(poolId(name, pool.meta.name), { ...pool, spec: { ...pool.spec, node: name } })
    for (const section of model.sections) inventory.set(`${name}/${section.name}`, section)
  }
  return { nodes, pools, inventory }
}

interface Model {
  readonly node: Node
  readonly pools: readonly StoragePool[]
  readonly sections: readonly HardwareSection[]
}

function likeHost(state: StateView, name: string): Model {
  const node = state.nodes.get(name)
  if (!node) throw new KeelsonError('NOT_FOUND', `node "${name}" not found`)
  const pools = [...state.hosts.poolsOn(name)].map((id) => state.pools.get(id)!)
  const sections = state.inventory.idsWithPrefix(`${name}/`).map((id) => state.inventory.get(id)!)
  return {
    node: {
      ...node,
      spec: { ...node.spec, schedulable: true },
      status: { ...node.status, phase: 'Online' },
    },
    pools: pools.map((pool) => ({
      ...pool,
      status: { ...pool.status, phase: 'Ready', freeBytes: pool.status.totalBytes },
    })),
    sections,
  }
}

function ofProfile(name: string): Model {
  const profile = Object.hasOwn(PROFILES, name) ? PROFILES[name] : undefined
  if (!profile)
    throw new KeelsonError('INVALID_ARGUMENT', `there is no hardware profile "${name}"`, {
      details: Object.entries(PROFILES).map(
        ([known, { description }]) => `${known}: ${description}`,
      ),
    })
  const { diskGigabytes, disks, logicalCpus, memoryGib } = profile
  const storageBytes = disks * diskGigabytes * 1e9
  const capacity = { cpuMillis: logicalCpus * 1000, memoryBytes: memoryGib * 2 ** 30, storageBytes }
  return {
    node: {
      meta: emptyMeta(name, { 'kubernetes.io/arch': 'amd64' }),
      spec: { schedulable: true, profile: name },
      status: {
        ...{ phase: 'Online', conditions: [], capacity, agentVersion: '', address: '', os: '' },
        ...{ desiredGeneration: 0, appliedGeneration: 0, simulated: false, bootId: '' },
        capabilities: ['file', 'drbd', 'kvm'],
      },
    },
    pools: [
      {
        meta: emptyMeta('nvme', {}),
        spec: { node: '', kind: 'LVM_THIN', path: '', overcommitPercent: 100 },
        status: {
          ...{ phase: 'Ready', conditions: [], totalBytes: storageBytes, freeBytes: storageBytes },
          ...{ promisedBytes: 0, replicaCount: 0, reflink: false, foreignFiles: [] },
        },
      },
    ],
    sections: [],
  }
}

function emptyMeta(name: string, labels: Readonly<Record<string, string>>): Node['meta'] {
  return { name, uid: name, labels, generation: 1, resourceVersion: 0, createdAt: 0 }
}
