/**
 * What a host is made of, as the rest of the project sees it. An absent key always means "not
 * known"; where it should have been readable, the section carries a gap that says why. Facts are
 * hashed and stored; readings move by themselves and are neither.
 *
 * Meanings and units of the single fields stand in proto/keelson/v1/hardware.proto.
 */
import type { DiskFacts, NicFacts, PciFacts } from './hardware-devices.ts'
import type { Gap } from './hardware-readings.ts'

export * from './hardware-devices.ts'
export * from './hardware-readings.ts'

/** Facts by name of their section. */
export interface FactsBySection {
  readonly system: SystemFacts
  readonly cpu: CpuFacts
  readonly numa: NumaFacts
  readonly memory: MemoryFacts
  readonly disks: DiskFacts
  readonly nics: NicFacts
  readonly pci: PciFacts
  readonly os: OsFacts
}

/** Name of a section. */
export type SectionName = keyof FactsBySection

/** Every section, in the order of a report. */
export const SECTION_NAMES = [
  'system',
  'cpu',
  'numa',
  'memory',
  'disks',
  'nics',
  'pci',
  'os',
] as const satisfies readonly SectionName[]

/** How far a section could be read. STALE: reading it anew did not end in time. */
export type SectionStatus = 'OK' | 'PARTIAL' | 'UNAVAILABLE' | 'STALE'

/** How a section was read; not part of its hash. */
export interface SectionMeta {
  readonly name: SectionName
  /** SHA-256 of the canonical JSON of the facts, lower-case hex. */
  readonly sha256: string
  readonly collectMs: number
  readonly status: SectionStatus
  readonly gaps: readonly Gap[]
  readonly collectedAt: number
}

/** One section; `facts` is absent when it is UNAVAILABLE. */
export type HardwareSection = {
  readonly [N in SectionName]: {
    readonly name: N
    readonly meta: SectionMeta
    readonly facts?: FactsBySection[N]
  }
}[SectionName]

/** The report of one host. */
export interface HardwareInventory {
  readonly node: string
  readonly collectedAt: number
  readonly sections: readonly HardwareSection[]
}

/** The facts of one section, or undefined if the report lacks them. */
export function sectionFacts<N extends SectionName>(
  inventory: HardwareInventory,
  name: N,
): FactsBySection[N] | undefined {
  const section = inventory.sections.find((candidate) => candidate.name === name)
  return section?.facts as FactsBySection[N] | undefined
}

/** How the machine was started. */
export type BootMode = 'UEFI' | 'BIOS'

/** The machine as its maker describes it. */
export interface SystemFacts {
  readonly vendor?: string
  readonly product?: string
  readonly version?: string
  readonly sku?: string
  readonly family?: string
  readonly serial?: string
  readonly uuid?: string
  readonly bios?: Bios
  readonly board?: Board
  readonly chassis?: Chassis
  readonly bootMode?: BootMode
  readonly secureBoot?: boolean
  /** Empty if the kernel sees no TPM. */
  readonly tpmVersion?: string
  readonly lockdown?: string
  /** Empty on bare metal. */
  readonly hypervisor?: string
}

/** Firmware of the machine; the date is YYYY-MM-DD. */
export interface Bios {
  readonly vendor?: string
  readonly version?: string
  readonly date?: string
}

/** Main board. */
export interface Board {
  readonly vendor?: string
  readonly name?: string
  readonly version?: string
  readonly serial?: string
  readonly assetTag?: string
}

/** Case of the machine. */
export interface Chassis {
  readonly vendor?: string
  readonly type?: string
  readonly serial?: string
  readonly assetTag?: string
}

/** Processors; the three counts are of online ones. */
export interface CpuFacts {
  readonly architecture?: string
  readonly sockets: number
  readonly cores: number
  readonly threads: number
  readonly packages: readonly CpuPackage[]
  readonly cpus: readonly CpuThread[]
  readonly caches: readonly CpuCache[]
  /** Features every online CPU has, sorted. */
  readonly flags: readonly string[]
  readonly vulnerabilities: Readonly<Record<string, string>>
  readonly smt?: string
  readonly physicalAddressBits?: number
  readonly virtualAddressBits?: number
}

/** One socket. */
export interface CpuPackage {
  readonly id: number
  readonly vendor?: string
  readonly modelName?: string
  readonly family?: number
  readonly model?: number
  readonly stepping?: number
  readonly microcode?: string
  readonly cores: number
  readonly threads: number
  readonly baseKhz?: number
  readonly maxKhz?: number
}

/** One logical CPU. */
export interface CpuThread {
  readonly id: number
  readonly online: boolean
  readonly package?: number
  readonly die?: number
  readonly core?: number
  readonly numaNode?: number
  readonly isolated: boolean
  readonly tickless: boolean
  readonly governor?: string
}

/** What a cache holds. */
export type CpuCacheKind = 'DATA' | 'INSTRUCTION' | 'UNIFIED'

/** One cache and the logical CPUs that share it ("0-3,8"). */
export interface CpuCache {
  readonly level: number
  readonly kind: CpuCacheKind
  readonly sizeBytes?: number
  readonly sharedCpus: string
}

/** Memory and CPUs by distance. */
export interface NumaFacts {
  readonly nodes: readonly NumaNode[]
}

/** One NUMA node. */
export interface NumaNode {
  readonly id: number
  readonly cpus: string
  readonly memoryBytes?: number
  readonly distances: readonly number[]
  readonly hugePages: readonly HugePages[]
}

/** Reserved huge pages of one size. */
export interface HugePages {
  readonly pageBytes: number
  readonly total: number
}

/** Memory and the modules it is made of. */
export interface MemoryFacts {
  readonly totalBytes?: number
  readonly installedBytes?: number
  readonly slots?: number
  readonly errorCorrection?: string
  readonly dimms: readonly Dimm[]
  readonly emptySlots: readonly string[]
  readonly hugePages: readonly HugePages[]
}

/** One memory module. */
export interface Dimm {
  readonly locator: string
  readonly bank?: string
  readonly sizeBytes?: number
  readonly type?: string
  readonly formFactor?: string
  readonly ecc?: boolean
  /** Mega-transfers per second. */
  readonly speedMts?: number
  readonly configuredMts?: number
  readonly manufacturer?: string
  readonly partNumber?: string
  readonly serial?: string
  readonly rank?: number
}

/** The running system. */
export interface OsFacts {
  readonly hostname?: string
  readonly distribution?: string
  readonly distributionVersion?: string
  readonly prettyName?: string
  readonly kernelRelease?: string
  readonly commandLine?: string
  readonly bootId?: string
  readonly machineId?: string
  readonly taints: readonly string[]
  readonly modules: readonly KernelModule[]
  readonly kvmDevice?: boolean
  readonly kvmNested?: boolean
  readonly clock?: ClockFacts
  readonly watchdogs: readonly string[]
}

/** How a kernel module is present. */
export type KernelModuleState = 'LOADED' | 'BUILT_IN' | 'AVAILABLE' | 'MISSING'

/** One kernel module. */
export interface KernelModule {
  readonly name: string
  readonly state?: KernelModuleState
  readonly version?: string
}

/** How the clock is kept; `service` is empty if none is seen. */
export interface ClockFacts {
  readonly source?: string
  readonly service?: string
  readonly synchronized?: boolean
}
