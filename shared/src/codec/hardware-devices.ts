import type * as pb from '../gen/keelson/v1/hardware.ts'
import type {
  DiskBay,
  DiskFacts,
  DiskHolder,
  DiskHolderKind,
  DiskIdentity,
  DiskPartition,
  DiskPath,
  DiskTransport,
  DiskUsage,
  DiskZoning,
  Gpu,
  LinkBond,
  LinkBridge,
  LinkDuplex,
  LinkKind,
  LinkOvsPort,
  LinkSriov,
  LinkVlan,
  NetworkLink,
  NicFacts,
  PciDevice,
  PciFacts,
  PhysicalDisk,
  RaidVolume,
} from '../model/index.ts'
import {
  bool,
  int64,
  list,
  number,
  oneOf,
  optional,
  optionalOneOf,
  record,
  text,
  texts,
} from './record.ts'

const maybeText = optional(text)
const maybeNumber = optional(number)
const maybeInt64 = optional(int64)
const maybeBool = optional(bool)

const holders = list(
  record<pb.DiskHolder, DiskHolder>({
    kind: oneOf<pb.DiskHolderKind, DiskHolderKind>({
      1: 'LVM',
      2: 'MD',
      3: 'MULTIPATH',
      4: 'CRYPT',
      5: 'DRBD',
      6: 'BCACHE',
      7: 'SWAP',
      8: 'OTHER',
    }),
    name: text,
  }),
)

const partition = record<pb.DiskPartition, DiskPartition>({
  number,
  kernelName: text,
  startBytes: maybeInt64,
  sizeBytes: maybeInt64,
  type: maybeText,
  uuid: maybeText,
  label: maybeText,
  content: maybeText,
  mountPoint: maybeText,
  holders,
})

const disk = record<pb.PhysicalDisk, PhysicalDisk>({
  uid: text,
  identity: oneOf<pb.DiskIdentity, DiskIdentity>({
    1: 'LABEL',
    2: 'SERIAL',
    3: 'WWID',
    4: 'PATH',
  }),
  kernelName: text,
  paths: list(
    record<pb.DiskPath, DiskPath>({
      kernelName: text,
      deviceNumber: maybeText,
      pciAddress: maybeText,
      scsiAddress: maybeText,
      state: maybeText,
    }),
  ),
  links: texts,
  vendor: maybeText,
  model: maybeText,
  serial: maybeText,
  wwid: maybeText,
  firmware: maybeText,
  transport: optionalOneOf<pb.DiskTransport, DiskTransport>({
    1: 'NVME',
    2: 'NVME_FABRIC',
    3: 'SATA',
    4: 'SAS',
    5: 'RAID',
    6: 'VIRTIO',
    7: 'USB',
    8: 'ISCSI',
    9: 'FC',
    10: 'MMC',
    11: 'PMEM',
    12: 'SCSI',
  }),
  sizeBytes: maybeInt64,
  logicalBlockBytes: maybeNumber,
  physicalBlockBytes: maybeNumber,
  optimalIoBytes: maybeNumber,
  rotational: maybeBool,
  rpm: maybeNumber,
  discard: maybeBool,
  volatileWriteCache: maybeBool,
  zoning: optionalOneOf<pb.DiskZoning, DiskZoning>({
    1: 'NONE',
    2: 'HOST_AWARE',
    3: 'HOST_MANAGED',
  }),
  removable: maybeBool,
  readOnly: maybeBool,
  numaNode: maybeNumber,
  bay: optional(record<pb.DiskBay, DiskBay>({ enclosure: text, slot: text })),
  raid: optional(record<pb.RaidVolume, RaidVolume>({ driver: maybeText, level: maybeText })),
  namespaceId: maybeNumber,
  partitions: list(partition),
  holders,
  usage: optionalOneOf<pb.DiskUsage, DiskUsage>({
    1: 'FREE',
    2: 'OS',
    3: 'LVM_PV',
    4: 'ZFS',
    5: 'MD',
    6: 'DRBD_META',
    7: 'CEPH',
    8: 'MULTIPATH',
    9: 'FOREIGN',
  }),
  signature: text,
  mountPoint: maybeText,
})

/** DiskFacts. */
export const diskFactsCodec = record<pb.DiskFacts, DiskFacts>({ disks: list(disk) })

const link = record<pb.NetworkLink, NetworkLink>({
  name: text,
  kind: oneOf<pb.LinkKind, LinkKind>({
    1: 'PHYSICAL',
    2: 'VIRTUAL_FUNCTION',
    3: 'BOND',
    4: 'BRIDGE',
    5: 'VLAN',
    6: 'OVS_INTERNAL',
    7: 'TUNNEL',
    8: 'LOOPBACK',
    9: 'VIRTUAL',
  }),
  mac: maybeText,
  permanentMac: maybeText,
  mtu: maybeNumber,
  adminUp: maybeBool,
  carrier: maybeBool,
  operstate: maybeText,
  speedMbps: maybeNumber,
  duplex: optionalOneOf<pb.LinkDuplex, LinkDuplex>({ 1: 'FULL', 2: 'HALF' }),
  pciAddress: maybeText,
  numaNode: maybeNumber,
  driver: maybeText,
  driverVersion: maybeText,
  firmware: maybeText,
  vendorId: maybeText,
  deviceId: maybeText,
  portName: maybeText,
  master: maybeText,
  bond: optional(
    record<pb.LinkBond, LinkBond>({
      mode: maybeText,
      slaves: texts,
      activeSlave: maybeText,
      partnerMac: maybeText,
      lacpRate: maybeText,
      transmitHashPolicy: maybeText,
      minLinks: maybeNumber,
    }),
  ),
  bridge: optional(
    record<pb.LinkBridge, LinkBridge>({
      ports: texts,
      spanningTree: maybeBool,
      vlanFiltering: maybeBool,
    }),
  ),
  vlan: optional(record<pb.LinkVlan, LinkVlan>({ id: number, parent: maybeText })),
  ovs: optional(
    record<pb.LinkOvsPort, LinkOvsPort>({ bridge: maybeText, port: maybeText, tag: maybeNumber }),
  ),
  sriov: optional(
    record<pb.LinkSriov, LinkSriov>({ totalFunctions: number, enabledFunctions: maybeNumber }),
  ),
  physicalFunction: maybeText,
})

/** NicFacts. */
export const nicFactsCodec = record<pb.NicFacts, NicFacts>({ links: list(link) })

/** PciFacts. */
export const pciFactsCodec = record<pb.PciFacts, PciFacts>({
  devices: list(
    record<pb.PciDevice, PciDevice>({
      address: text,
      class: maybeText,
      vendorId: maybeText,
      deviceId: maybeText,
      subsystemVendorId: maybeText,
      subsystemDeviceId: maybeText,
      revision: maybeText,
      driver: maybeText,
      iommuGroup: maybeNumber,
      numaNode: maybeNumber,
      slot: maybeText,
      linkGts: maybeNumber,
      linkWidth: maybeNumber,
      maxLinkGts: maybeNumber,
      maxLinkWidth: maybeNumber,
      sriovTotalFunctions: maybeNumber,
      sriovEnabledFunctions: maybeNumber,
      physicalFunction: maybeText,
    }),
  ),
  iommu: maybeBool,
  gpus: list(
    record<pb.Gpu, Gpu>({
      pciAddress: text,
      vendor: maybeText,
      model: maybeText,
      memoryBytes: maybeInt64,
      driverVersion: maybeText,
    }),
  ),
})
