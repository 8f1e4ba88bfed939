/** For tests of placement: a state written record by record. */
import {
  type ComputeDemand,
  type FactsBySection,
  NO_RULES,
  type Node,
  type PlacementPolicy,
  type PlacementRules,
  RACK_LABEL,
  type SectionName,
  type StorageClassSpec,
  type StoragePool,
  type VirtualMachine,
  type VirtualMachineDemand,
  type Volume,
  type VolumeDemand,
} from '@keelson/shared/model'
import { type ClusterState, createClusterState, policyId, type Write } from '../state/index.ts'
import { reservationFor } from './view/index.ts'

/** Bytes of a GiB. */
export const GIB = 2 ** 30

/** What a host of a scene differs in. */
export interface HostChanges {
  readonly labels?: Readonly<Record<string, string>>
  readonly spec?: Partial<Node['spec']>
  readonly status?: Partial<Node['status']>
}

/** A state and short ways to write to it. */
export interface Scene {
  readonly state: ClusterState
  write(...writes: readonly Write[]): void
  /** An online host of 16 CPUs and 64 GiB in a rack, "" for none, with one pool "p" of 100 GiB. */
  host(name: string, rack: string, changes?: HostChanges): void
  pool(node: string, name: string, sizeGib: number, changes?: Partial<StoragePool['spec']>): void
  facts<N extends SectionName>(node: string, section: N, facts: FactsBySection[N]): void
  storageClass(name: string, spec: Partial<StorageClassSpec>): void
  policy(policy: Partial<PlacementPolicy>): void
  /** A volume on pools "p" of these hosts, all of it made. */
  volume(name: string, sizeGib: number, nodes: readonly string[], rules?: VolumeRules): void
  /** A machine that runs on the host. */
  machine(name: string, node: string, compute?: Partial<ComputeDemand>, rules?: Rules): void
}

type Rules = Partial<PlacementRules>
type VolumeRules = Rules & { readonly tenant?: string }

/** A machine of 4 shared vCPUs and 4 GiB unless changed. */
export function computeOf(changes: Partial<ComputeDemand> = {}): ComputeDemand {
  return {
    vcpus: 4,
    cpuPolicy: 'Shared',
    isolateEmulatorThread: false,
    memoryBytes: 4 * GIB,
    hugepageSizeBytes: 0,
    numaPolicy: 'Any',
    devices: [],
    cpuModel: 'host-model',
    cpuFeatures: [],
    architecture: 'amd64',
    tpm: false,
    headless: false,
    ...changes,
  }
}

/** A machine without volumes unless changed. */
export function machineDemand(
  changes: Partial<Omit<VirtualMachineDemand, 'compute' | 'rules'>> & {
    readonly compute?: Partial<ComputeDemand>
    readonly rules?: Rules
  } = {},
): VirtualMachineDemand {
  const { compute, rules, ...rest } = changes
  return {
    networks: [],
    volumes: [],
    newVolumes: [],
    volumeLocality: 'Preferred',
    tenant: '',
    ...rest,
    compute: computeOf(compute),
    rules: { ...NO_RULES, ...rules },
  }
}

/** A volume of 10 GiB in one copy unless changed. */
export function volumeDemand(
  changes: Partial<Omit<VolumeDemand, 'rules'>> & { readonly rules?: Rules } = {},
): VolumeDemand {
  const { rules, ...rest } = changes
  return {
    sizeBytes: 10 * GIB,
    storageClass: '',
    pool: '',
    poolKinds: [],
    replicas: 1,
    replicaRules: [],
    tieBreakerMode: 'Auto',
    tenant: '',
    ...rest,
    rules: { ...NO_RULES, ...rules },
  }
}

/** An empty scene. */
export function createScene(): Scene {
  const state = createClusterState()
  const write = (...writes: readonly Write[]) => state.apply(writes, state.revision + 1)
  const scene: Scene = {
    state,
    write,
    host(name, rack, changes = {}) {
      write({ kind: 'node', id: name, value: nodeOf(name, rack, changes) })
      scene.pool(name, 'p', 100)
    },
    pool(node, name, sizeGib, changes = {}) {
      write({ kind: 'pool', id: `${node}/${name}`, value: poolOf(node, name, sizeGib, changes) })
    },
    facts(node, section, facts) {
      const meta = {
        name: section,
        sha256: '',
        collectMs: 1,
        status: 'OK',
        gaps: [],
        collectedAt: 1,
      }
      const value = { name: section, meta, facts } as never
      write({ kind: 'inventory', id: `${node}/${section}`, value })
    },
    storageClass(name, spec) {
      const defaults = {
        replicas: 1,
        pool: '',
        poolKinds: [],
        poolSelector: '',
        failureDomain: RACK_LABEL,
        failureDomainMode: 'PreferDifferent' as const,
      }
      const value = { meta: metaOf(name), spec: { ...defaults, ...spec } }
      write({ kind: 'class', id: name, value })
    },
    policy(changes) {
      const policy: PlacementPolicy = {
        scope: 'Cluster',
        name: '',
        version: 1,
        weights: {},
        guarantees: [],
        ...changes,
      }
      const id = policyId(policy.scope, policy.name)
      write({ kind: 'policy', id, value: { versions: [policy] } })
    },
    volume(name, sizeGib, nodes, rules = {}) {
      write({ kind: 'volume', id: name, value: volumeOf(name, sizeGib, nodes, rules) })
    },
    machine(name, node, compute = {}, rules = {}) {
      write({ kind: 'virtualMachine', id: name, value: machineOf(name, node, compute, rules) })
    },
  }
  return scene
}

function metaOf(name: string, labels: Readonly<Record<string, string>> = {}) {
  const rest = { generation: 1, resourceVersion: 0, createdAt: 0 }
  return { name, uid: `uid of ${name}`, labels, ...rest }
}

function nodeOf(name: string, rack: string, { labels, spec, status }: HostChanges): Node {
  return {
    meta: metaOf(name, { ...(rack !== '' && { [RACK_LABEL]: rack }), ...labels }),
    spec: { schedulable: true, profile: '', ...spec },
    status: {
      phase: 'Online',
      conditions: [],
      capacity: { cpuMillis: 16_000, memoryBytes: 64 * GIB, storageBytes: 0 },
      agentVersion: '',
      address: '',
      desiredGeneration: 0,
      appliedGeneration: 0,
      capabilities: ['drbd', 'kvm'],
      os: '',
      simulated: true,
      bootId: '',
      ...status,
    },
  }
}

function poolOf(
  node: string,
  name: string,
  sizeGib: number,
  changes: Partial<StoragePool['spec']>,
): StoragePool {
  return {
    meta: { ...metaOf(name), uid: `uid of ${node}/${name}` },
    spec: { node, kind: 'FILE', path: `/srv/${name}`, overcommitPercent: 100, ...changes },
    status: {
      phase: 'Ready',
      conditions: [],
      totalBytes: sizeGib * GIB,
      freeBytes: sizeGib * GIB,
      promisedBytes: 0,
      replicaCount: 0,
      reflink: false,
      foreignFiles: [],
    },
  }
}

function volumeOf(
  name: string,
  sizeGib: number,
  nodes: readonly string[],
  { tenant, ...rules }: VolumeRules,
): Volume {
  const sizeBytes = sizeGib * GIB
  return {
    meta: { ...metaOf(name), ...(tenant !== undefined && { tenant }) },
    spec: {
      sizeBytes,
      storageClass: '',
      pool: '',
      replicas: nodes.length,
      nodes: [],
      sourceSnapshot: '',
      rules: { ...NO_RULES, ...rules },
    },
    status: {
      phase: 'Ready',
      conditions: [],
      replicas: nodes.map((node, index) => ({
        node,
        pool: 'p',
        role: 'Diskful',
        phase: 'Ready',
        devicePath: '',
        kernelDevice: '',
        allocatedBytes: 0,
        sizeBytes,
        message: '',
        ...(nodes.length > 1 && { drbdNodeId: index, drbdMinor: 1000, drbdPort: 7000 }),
      })),
      actualSizeBytes: sizeBytes,
    },
  }
}

function machineOf(
  name: string,
  node: string,
  compute: Partial<ComputeDemand>,
  rules: Rules,
): VirtualMachine {
  const wanted = computeOf(compute)
  return {
    meta: metaOf(name),
    spec: {
      runPolicy: 'Always',
      compute: wanted,
      rules: { ...NO_RULES, ...rules },
      disks: [],
      interfaces: [],
      volumeLocality: 'Preferred',
      evictionPolicy: 'Migrate',
      priority: 0,
    },
    status: {
      phase: 'Running',
      conditions: [],
      node,
      targetNode: '',
      reserved: reservationFor(wanted, 400),
      disks: [],
      interfaces: [],
      standbyNode: '',
    },
  }
}
