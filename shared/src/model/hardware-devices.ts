/**
 * The device sections of a hardware report: disks, network links, PCI. Meanings and units of the
 * single fields stand in proto/keelson/v1/hardware.proto.
 */

/** Disks, in order of kernel name. */
export interface DiskFacts {
  readonly disks: readonly PhysicalDisk[]
}

/** How a disk is reached. */
export type DiskTransport =
  | 'NVME'
  | 'NVME_FABRIC'
  | 'SATA'
  | 'SAS'
  | 'RAID'
  | 'VIRTIO'
  | 'USB'
  | 'ISCSI'
  | 'FC'
  | 'MMC'
  | 'PMEM'
  | 'SCSI'

/**
 * What a disk is used for. FREE is a promise: nothing holds it, no signature is on it and both its
 * ends read as zeros. A disk that could not be examined has no usage at all.
 */
export type DiskUsage =
  | 'FREE'
  | 'OS'
  | 'LVM_PV'
  | 'ZFS'
  | 'MD'
  | 'DRBD_META'
  | 'CEPH'
  | 'MULTIPATH'
  | 'FOREIGN'

/** Where a disk's identity comes from, the best first. */
export type DiskIdentity = 'LABEL' | 'SERIAL' | 'WWID' | 'PATH'

/** Zones of a disk. */
export type DiskZoning = 'NONE' | 'HOST_AWARE' | 'HOST_MANAGED'

/** One disk, with every path to it. */
export interface PhysicalDisk {
  /** Unique on the host, stable over reboots and moves as far as `identity` promises. */
  readonly uid: string
  readonly identity: DiskIdentity
  readonly kernelName: string
  readonly paths: readonly DiskPath[]
  readonly links: readonly string[]
  readonly vendor?: string
  readonly model?: string
  readonly serial?: string
  readonly wwid?: string
  readonly firmware?: string
  readonly transport?: DiskTransport
  readonly sizeBytes?: number
  readonly logicalBlockBytes?: number
  readonly physicalBlockBytes?: number
  readonly optimalIoBytes?: number
  readonly rotational?: boolean
  readonly rpm?: number
  readonly discard?: boolean
  readonly volatileWriteCache?: boolean
  readonly zoning?: DiskZoning
  readonly removable?: boolean
  readonly readOnly?: boolean
  readonly numaNode?: number
  readonly bay?: DiskBay
  readonly raid?: RaidVolume
  readonly namespaceId?: number
  readonly partitions: readonly DiskPartition[]
  readonly holders: readonly DiskHolder[]
  readonly usage?: DiskUsage
  /** What led to the usage; empty for a free disk. */
  readonly signature: string
  readonly mountPoint?: string
}

/** One way to a disk. */
export interface DiskPath {
  readonly kernelName: string
  /** "8:16". */
  readonly deviceNumber?: string
  readonly pciAddress?: string
  readonly scsiAddress?: string
  readonly state?: string
}

/** Bay of a disk. */
export interface DiskBay {
  readonly enclosure: string
  readonly slot: string
}

/** Logical volume of a hardware RAID controller. */
export interface RaidVolume {
  readonly driver?: string
  readonly level?: string
}

/** One partition; `content` is in the words of blkid. */
export interface DiskPartition {
  readonly number: number
  readonly kernelName: string
  readonly startBytes?: number
  readonly sizeBytes?: number
  readonly type?: string
  readonly uuid?: string
  readonly label?: string
  readonly content?: string
  readonly mountPoint?: string
  readonly holders: readonly DiskHolder[]
}

/** Kind of a device that holds another. */
export type DiskHolderKind =
  | 'LVM'
  | 'MD'
  | 'MULTIPATH'
  | 'CRYPT'
  | 'DRBD'
  | 'BCACHE'
  | 'SWAP'
  | 'OTHER'

/** What holds a disk or partition; a volume group counts once, however many volumes it has. */
export interface DiskHolder {
  readonly kind: DiskHolderKind
  readonly name: string
}

/** Network links, in order of name. */
export interface NicFacts {
  readonly links: readonly NetworkLink[]
}

/** Kind of a network link. */
export type LinkKind =
  | 'PHYSICAL'
  | 'VIRTUAL_FUNCTION'
  | 'BOND'
  | 'BRIDGE'
  | 'VLAN'
  | 'OVS_INTERNAL'
  | 'TUNNEL'
  | 'LOOPBACK'
  | 'VIRTUAL'

/** Duplex of a link. */
export type LinkDuplex = 'FULL' | 'HALF'

/** One network link. */
export interface NetworkLink {
  readonly name: string
  readonly kind: LinkKind
  readonly mac?: string
  readonly permanentMac?: string
  readonly mtu?: number
  readonly adminUp?: boolean
  readonly carrier?: boolean
  readonly operstate?: string
  readonly speedMbps?: number
  readonly duplex?: LinkDuplex
  readonly pciAddress?: string
  readonly numaNode?: number
  readonly driver?: string
  readonly driverVersion?: string
  readonly firmware?: string
  readonly vendorId?: string
  readonly deviceId?: string
  readonly portName?: string
  readonly master?: string
  readonly bond?: LinkBond
  readonly bridge?: LinkBridge
  readonly vlan?: LinkVlan
  readonly ovs?: LinkOvsPort
  readonly sriov?: LinkSriov
  readonly physicalFunction?: string
}

/** Settings of a bond. */
export interface LinkBond {
  readonly mode?: string
  readonly slaves: readonly string[]
  readonly activeSlave?: string
  readonly partnerMac?: string
  readonly lacpRate?: string
  readonly transmitHashPolicy?: string
  readonly minLinks?: number
}

/** Settings of a bridge. */
export interface LinkBridge {
  readonly ports: readonly string[]
  readonly spanningTree?: boolean
  readonly vlanFiltering?: boolean
}

/** Settings of a VLAN. */
export interface LinkVlan {
  readonly id: number
  readonly parent?: string
}

/** An Open vSwitch port. */
export interface LinkOvsPort {
  readonly bridge?: string
  readonly port?: string
  readonly tag?: number
}

/** SR-IOV of an adapter. */
export interface LinkSriov {
  readonly totalFunctions: number
  readonly enabledFunctions?: number
}

/** PCI devices, in order of address. */
export interface PciFacts {
  readonly devices: readonly PciDevice[]
  readonly iommu?: boolean
  readonly gpus: readonly Gpu[]
}

/** One PCI device; ids are hex text as the kernel writes it ("0x8086"). */
export interface PciDevice {
  readonly address: string
  readonly class?: string
  readonly vendorId?: string
  readonly deviceId?: string
  readonly subsystemVendorId?: string
  readonly subsystemDeviceId?: string
  readonly revision?: string
  readonly driver?: string
  readonly iommuGroup?: number
  readonly numaNode?: number
  readonly slot?: string
  readonly linkGts?: number
  readonly linkWidth?: number
  readonly maxLinkGts?: number
  readonly maxLinkWidth?: number
  readonly sriovTotalFunctions?: number
  readonly sriovEnabledFunctions?: number
  readonly physicalFunction?: string
}

/** One graphics or compute adapter. */
export interface Gpu {
  readonly pciAddress: string
  readonly vendor?: string
  readonly model?: string
  readonly memoryBytes?: number
  readonly driverVersion?: string
}
