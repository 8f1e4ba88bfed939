import type { Condition, ObjectMeta } from './meta.ts'
import type { ComputeDemand, PlacementRules, VolumeLocality } from './placement-demand.ts'
import type { VolumeSpec } from './volume.ts'

/** When a machine runs; KubeVirt's run strategies. */
export type RunPolicy = 'Always' | 'Halted' | 'Manual' | 'RerunOnFailure' | 'Once'

/** What becomes of a machine when its host is emptied. */
export type EvictionPolicy = 'Migrate' | 'MigrateOrRestart' | 'Restart' | 'Block'

/** Life of a machine; see the contract for the moves it may make. */
export type VirtualMachinePhase =
  | 'Pending'
  | 'Starting'
  | 'Running'
  | 'Migrating'
  | 'Stopping'
  | 'Stopped'
  | 'Failed'
  | 'Unknown'
  | 'Deleting'

/** How a guest reaches a disk. */
export type DiskBus = 'Virtio' | 'Scsi' | 'Sata'

/** A volume made together with a machine. */
export interface NewVolume {
  /** Empty means the machine's name, '-', and the disk's. */
  readonly name: string
  readonly spec: VolumeSpec
  /** Whether it stays when the machine is deleted. */
  readonly keep: boolean
}

/** A disk of a machine: an existing volume, or one made with the machine. */
export interface VirtualMachineDisk {
  /** DNS label, unique within the machine. */
  readonly name: string
  readonly source:
    | { readonly type: 'Volume'; readonly volume: string }
    | { readonly type: 'NewVolume'; readonly newVolume: NewVolume }
  readonly bus: DiskBus
  readonly readOnly: boolean
}

/** A network interface of a machine. */
export interface VirtualMachineInterface {
  /** DNS label, unique within the machine. */
  readonly name: string
  readonly network: string
  /** Empty lets the coordinator choose. */
  readonly macAddress: string
  readonly ipAddresses: readonly string[]
}

/** What is wanted of a machine. */
export interface VirtualMachineSpec {
  readonly runPolicy: RunPolicy
  readonly compute: ComputeDemand
  readonly rules: PlacementRules
  /** In boot order. */
  readonly disks: readonly VirtualMachineDisk[]
  readonly interfaces: readonly VirtualMachineInterface[]
  readonly volumeLocality: VolumeLocality
  readonly evictionPolicy: EvictionPolicy
  /** Who gets room first when not all can have it; higher goes first. */
  readonly priority: number
}

/** What one NUMA node of a host sets aside for a machine. */
export interface NumaReservation {
  readonly numaNode: number
  /** Dedicated logical CPUs; empty for shared ones. */
  readonly cpuIds: readonly number[]
  /** Memory or hugepages. */
  readonly memoryBytes: number
}

/** A device a host gives to a machine. */
export interface DeviceReservation {
  /** Which demand of the spec it serves, by position. */
  readonly demandIndex: number
  /** Empty while nobody has chosen it. */
  readonly pciAddress: string
}

/** What a host sets aside for a machine. */
export interface HostReservation {
  readonly cpuMillis: number
  /** Ordinary memory, `overheadBytes` included. */
  readonly memoryBytes: number
  /** Part of `memoryBytes` the hypervisor needs, by KubeVirt's formula. */
  readonly overheadBytes: number
  readonly hugepageBytes: number
  readonly hugepageSizeBytes: number
  readonly numaNodes: readonly NumaReservation[]
  readonly devices: readonly DeviceReservation[]
}

/** How a disk fares. */
export interface VirtualMachineDiskStatus {
  readonly name: string
  readonly volume: string
  /** Whether the host has an up-to-date diskful replica. */
  readonly local: boolean
  readonly message: string
}

/** How an interface fares. */
export interface VirtualMachineInterfaceStatus {
  readonly name: string
  readonly network: string
  readonly macAddress: string
  readonly ipAddresses: readonly string[]
  readonly observedIpAddresses: readonly string[]
  readonly message: string
}

/** Where a machine is and how it fares. */
export interface VirtualMachineStatus {
  readonly phase: VirtualMachinePhase
  readonly conditions: readonly Condition[]
  /** Empty if it has no place. */
  readonly node: string
  /** Empty unless it migrates. */
  readonly targetNode: string
  readonly reserved?: HostReservation
  readonly targetReserved?: HostReservation
  readonly disks: readonly VirtualMachineDiskStatus[]
  readonly interfaces: readonly VirtualMachineInterfaceStatus[]
  readonly startedAt?: number
  /** Host that keeps room for it should its own be lost; empty if none does. */
  readonly standbyNode: string
  /** Host it had before it was halted; absent if it never had one. */
  readonly lastNode?: string
}

/** A machine that KubeVirt runs where Keelson says. */
export interface VirtualMachine {
  readonly meta: ObjectMeta
  readonly spec: VirtualMachineSpec
  readonly status: VirtualMachineStatus
}
