/** What decides where a volume or a machine can live: the words of `placement_demand.proto`. */

import type { FailureDomainMode } from './storage-class.ts'
import type { StoragePoolKind } from './storage-pool.ts'

/** Whether CPUs are shared, or each virtual one has a logical one to itself. */
export type CpuPolicy = 'Shared' | 'Dedicated'

/** How a machine lies on NUMA nodes: anywhere, on one, or in equal parts over several. */
export type NumaPolicy = 'Any' | 'Single' | 'Spread'

/** Encryption of a machine's memory against its host. */
export type ConfidentialMode = 'SEV' | 'SEV_ES' | 'SEV_SNP' | 'TDX'

/** Host devices of one sort, given to the guest as a whole. */
export interface DeviceDemand {
  /** Name of the sort, such as "nvidia.com/TU104GL_Tesla_T4"; empty if `pciId` tells it. */
  readonly resource: string
  /** PCI vendor and product id, such as "10de:1eb8"; empty if `resource` tells it. */
  readonly pciId: string
  /** At least 1. */
  readonly count: number
}

/** CPU, memory and devices the guest of a machine gets. */
export interface ComputeDemand {
  /** 1 to 1024. */
  readonly vcpus: number
  readonly cpuPolicy: CpuPolicy
  /** Whether the emulator gets a dedicated CPU of its own besides. */
  readonly isolateEmulatorThread: boolean
  readonly memoryBytes: number
  /** 2 MiB, 1 GiB, or 0 for ordinary memory. */
  readonly hugepageSizeBytes: number
  readonly numaPolicy: NumaPolicy
  readonly devices: readonly DeviceDemand[]
  /** "host-model", "host-passthrough" or a name such as "EPYC-Milan". */
  readonly cpuModel: string
  readonly cpuFeatures: readonly string[]
  /** As in kubernetes.io/arch. */
  readonly architecture: string
  readonly tpm: boolean
  readonly confidentialMode?: ConfidentialMode
  readonly headless: boolean
}

/** Whether a rule binds. */
export type RuleStrength = 'Required' | 'Preferred'

/** In the same failure domain, or in different ones. */
export type RuleRelation = 'Together' | 'Apart'

/** What an affinity refers to. */
export type AffinityTarget = 'Volume' | 'VirtualMachine' | 'Tenant'

/** What a taint does, as in Kubernetes. */
export type TaintEffect = 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute'

/** What keeps work away that does not put up with it. */
export interface Taint {
  readonly key: string
  readonly value: string
  readonly effect: TaintEffect
}

/** A taint that is put up with. */
export interface Toleration {
  /** Empty means every key. */
  readonly key: string
  /** Absent means every value. */
  readonly value?: string
  /** Absent means every effect. */
  readonly effect?: TaintEffect
}

/** How something stands to others. */
export interface AffinityRule {
  readonly target: AffinityTarget
  /** Names of the others; with `labelSelector` both must match. */
  readonly names: readonly string[]
  /** Kubernetes selector over the labels of the others. */
  readonly labelSelector: string
  readonly relation: RuleRelation
  /** Node label; empty means single hosts. */
  readonly failureDomain: string
  readonly strength: RuleStrength
  /** How much a preferred rule counts, above 0. */
  readonly weight: number
}

/** Membership in a group that is spread or packed. */
export interface GroupRule {
  /** Unique within the tenant. */
  readonly name: string
  readonly relation: RuleRelation
  /** Node label; empty means single hosts. */
  readonly failureDomain: string
  readonly strength: RuleStrength
  /** With Apart, most members in one domain; at least 1. */
  readonly maximumPerDomain: number
}

/** Where something may live and beside what, whatever its size. */
export interface PlacementRules {
  /** Kubernetes selector over node labels; empty allows all. */
  readonly nodeSelector: string
  /** Only these hosts; empty allows all. */
  readonly nodes: readonly string[]
  readonly excludedNodes: readonly string[]
  readonly tolerations: readonly Toleration[]
  readonly affinities: readonly AffinityRule[]
  readonly groups: readonly GroupRule[]
  /** It stays where it is. */
  readonly pinned: boolean
}

/** Rules that bind to nothing. */
export const NO_RULES: PlacementRules = {
  nodeSelector: '',
  nodes: [],
  excludedNodes: [],
  tolerations: [],
  affinities: [],
  groups: [],
  pinned: false,
}

/** Whether an even number of replicas gets a witness without data. */
export type TieBreakerMode = 'Auto' | 'Never'

/** How the replicas of one volume stand to one sort of failure domain. */
export interface ReplicaRule {
  /** Node label. */
  readonly failureDomain: string
  readonly mode: FailureDomainMode
  /** With the first two modes, most replicas in one domain; at least 1. */
  readonly maximumPerDomain: number
}

/** What of a volume decides where it can live. */
export interface VolumeDemand {
  /** Multiple of 4096. */
  readonly sizeBytes: number
  /** Empty for none. */
  readonly storageClass: string
  /** Only pools of this name; empty leaves it to the class. */
  readonly pool: string
  /** Only pools of these kinds; empty leaves it to the class. */
  readonly poolKinds: readonly StoragePoolKind[]
  /** 1 to 8; 0 leaves it to the class. */
  readonly replicas: number
  readonly rules: PlacementRules
  readonly replicaRules: readonly ReplicaRule[]
  readonly tieBreakerMode: TieBreakerMode
  /** Empty for the operator. */
  readonly tenant: string
}

/** How close a machine is to the data of its volumes. */
export type VolumeLocality = 'Preferred' | 'Required' | 'Ignored'

/** What of a machine decides where it can live, its new volumes included. */
export interface VirtualMachineDemand {
  readonly compute: ComputeDemand
  readonly rules: PlacementRules
  /** Networks the host must reach. */
  readonly networks: readonly string[]
  /** Names of existing volumes it uses. */
  readonly volumes: readonly string[]
  /** Volumes to be made with it, in the same decision. */
  readonly newVolumes: readonly VolumeDemand[]
  readonly volumeLocality: VolumeLocality
  /** Empty for the operator. */
  readonly tenant: string
}
