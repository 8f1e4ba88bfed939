/** One block device of /sys/block as the kernel describes it; no device is opened here. */
import type { DiskBay, DiskTransport, DiskZoning, RaidVolume } from '@keelson/shared/model'
import { filled, flag, pciAddressOf, printable, uint } from './parse.ts'
import type { SysReader } from './reader.ts'
import { readUdev, type UdevRecord } from './udev.ts'
import { vpdAta, vpdRpm, vpdSerial } from './vpd.ts'

/** Devices made of other devices or of memory, and path devices of NVMe multipath. */
const NOT_A_DISK = /^(dm-|md|drbd|loop|zd|nbd|ram|zram|sr|fd|rbd|bcache|nvme\d+c\d+n|mtdblock)/
const MMC_AREA = /^mmcblk\d+(boot|rpmb|gp)/

/** What sysfs says of one disk, still without identity, use and place in a multipath. */
export interface RawDisk {
  readonly kernelName: string
  /** Real path below /sys/devices. */
  readonly sysPath: string
  readonly deviceNumber: string | undefined
  readonly udev: UdevRecord
  readonly vendor: string | undefined
  readonly model: string | undefined
  /** The model as the kernel has it, which is shorter for some but never changes with the tools. */
  readonly kernelModel: string | undefined
  readonly serial: string | undefined
  readonly wwid: string | undefined
  readonly firmware: string | undefined
  readonly transport: DiskTransport | undefined
  readonly sizeBytes: number | undefined
  readonly logicalBlockBytes: number | undefined
  readonly physicalBlockBytes: number | undefined
  readonly optimalIoBytes: number | undefined
  readonly rotational: boolean | undefined
  readonly rpm: number | undefined
  readonly discard: boolean | undefined
  readonly volatileWriteCache: boolean | undefined
  readonly zoning: DiskZoning | undefined
  readonly removable: boolean | undefined
  readonly readOnly: boolean | undefined
  readonly numaNode: number | undefined
  readonly bay: DiskBay | undefined
  readonly raid: RaidVolume | undefined
  readonly namespaceId: number | undefined
  readonly pciAddress: string | undefined
  readonly scsiAddress: string | undefined
  readonly state: string | undefined
  /** NVMe controllers that lead here; more than one is multipath. */
  readonly controllers: readonly NvmeController[]
}

/** One NVMe controller of a namespace. */
export interface NvmeController {
  readonly name: string
  readonly pciAddress: string | undefined
  readonly state: string | undefined
  readonly transport: string | undefined
}

/** Kernel names of the disks, with hundreds of logical volumes and DRBD minors left out early. */
export function diskNames(reader: SysReader): readonly string[] {
  return reader.names('/sys/block').filter((name) => !NOT_A_DISK.test(name) && !MMC_AREA.test(name))
}

/** Reads one disk; undefined if it is a virtual device after all, hidden, or just went away. */
export function readDisk(reader: SysReader, kernelName: string): RawDisk | undefined {
  const block = `/sys/block/${kernelName}`
  const sysPath = reader.realPath(block)
  if (sysPath === undefined || reader.text(`${block}/hidden`) === '1') return undefined
  if (sysPath.includes('/virtual/') && !sysPath.includes('/nvme-subsystem/')) return undefined
  const text = (file: string) => filled(reader.text(`${block}/${file}`))
  const device = (file: string) => filled(reader.text(`${block}/device/${file}`))
  const controllers = kernelName.startsWith('nvme') ? nvmeControllers(reader, block, sysPath) : []
  const pciAddress = pciAddressOf(sysPath) ?? controllers[0]?.pciAddress
  const scsiAddress = /\/(\d+:\d+:\d+:\d+)\/block\//.exec(sysPath)?.[1]
  const ata = vpdAta(reader.bytes(`${block}/device/vpd_pg89`))
  const pci = pciAddress === undefined ? undefined : `/sys/bus/pci/devices/${pciAddress}`
  const place = { kernelName, sysPath, scsiAddress, controllers, reader, pci }
  const raid = scsiAddress === undefined ? undefined : raidVolume(place)
  const deviceNumber = text('dev')
  const udev = readUdev(reader, deviceNumber)
  const kernelModel = printable(device('model') ?? device('name'))
  const sectors = uint(text('size'))
  const rpm = ata?.rpm ?? vpdRpm(reader.bytes(`${block}/device/vpd_pgb1`))
  const discardBytes = uint(text('queue/discard_max_bytes'))
  return {
    kernelName,
    sysPath,
    deviceNumber,
    udev,
    vendor: diskVendor(printable(device('vendor'))),
    model: ata?.model ?? longerModel(kernelModel, udev) ?? kernelModel,
    kernelModel,
    serial: diskSerial(reader, block),
    wwid: printable(text('wwid') ?? device('wwid')),
    firmware:
      ata?.firmware ?? printable(device('firmware_rev') ?? device('rev') ?? device('fwrev')),
    transport: raid === undefined ? transport(place) : 'RAID',
    sizeBytes: sectors === undefined ? undefined : sectors * 512,
    logicalBlockBytes: uint(text('queue/logical_block_size')),
    physicalBlockBytes: uint(text('queue/physical_block_size')),
    optimalIoBytes: positive(uint(text('queue/optimal_io_size'))),
    rotational: flag(text('queue/rotational')),
    rpm: rpm === 0 ? undefined : rpm,
    discard: discardBytes === undefined ? undefined : discardBytes > 0,
    volatileWriteCache: WRITE_CACHES[text('queue/write_cache') ?? ''],
    zoning: ZONINGS[text('queue/zoned') ?? ''],
    removable: flag(text('removable')),
    readOnly: flag(text('ro')),
    numaNode: pci === undefined ? undefined : uint(reader.text(`${pci}/numa_node`)),
    bay: readBay(reader, block),
    raid,
    namespaceId: uint(text('nsid')),
    pciAddress,
    scsiAddress,
    state: device('state') ?? controllers[0]?.state,
    controllers,
  }
}

const WRITE_CACHES: Readonly<Record<string, boolean>> = {
  'write back': true,
  'write through': false,
}

const ZONINGS: Readonly<Record<string, DiskZoning>> = {
  none: 'NONE',
  'host-aware': 'HOST_AWARE',
  'host-managed': 'HOST_MANAGED',
}

function positive(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value
}

/** "ATA" is SCSI's word for any ATA disk, and virtio has a PCI id there: neither is a maker. */
function diskVendor(text: string | undefined): string | undefined {
  return text === 'ATA' || text?.startsWith('0x') ? undefined : text
}

/** udev asks an ATA disk for its full model; without page 0x89 that is the only source. */
function longerModel(kernelModel: string | undefined, udev: UdevRecord): string | undefined {
  const full = printable(udev.properties.get('ID_MODEL_ENC'))
  return kernelModel !== undefined && full?.startsWith(kernelModel) ? full : undefined
}

function diskSerial(reader: SysReader, block: string): string | undefined {
  return (
    printable(reader.text(`${block}/serial`)) ??
    printable(reader.text(`${block}/device/serial`)) ??
    vpdSerial(reader.bytes(`${block}/device/vpd_pg80`))
  )
}

/** An enclosure links its slots into the devices they hold. */
function readBay(reader: SysReader, block: string): DiskBay | undefined {
  const link = reader.names(`${block}/device`).find((name) => name.startsWith('enclosure_device:'))
  if (link === undefined) return undefined
  const slotPath = reader.realPath(`${block}/device/${link}`)
  const enclosure = /\/enclosure\/([^/]+)\//.exec(slotPath ?? '')?.[1]
  return { enclosure: enclosure ?? '', slot: link.slice('enclosure_device:'.length) }
}

/**
 * A namespace with multipath hangs on its subsystem, which lists its controllers; one without
 * hangs on its only controller.
 */
function nvmeControllers(
  reader: SysReader,
  block: string,
  sysPath: string,
): readonly NvmeController[] {
  const own = /\/(nvme\d+)\/nvme\d+n\d+$/.exec(sysPath)?.[1]
  const below = reader.names(`${block}/device`).filter((name) => /^nvme\d+$/.test(name))
  return (own === undefined ? below : [own]).map((name) => {
    const path = `/sys/class/nvme/${name}`
    const address = reader.text(`${path}/address`) ?? ''
    return {
      name,
      pciAddress: pciAddressOf(reader.realPath(`${path}/device`)) ?? pciAddressOf(`/${address}`),
      state: filled(reader.text(`${path}/state`)),
      transport: filled(reader.text(`${path}/transport`)),
    }
  })
}

interface Place {
  readonly kernelName: string
  readonly sysPath: string
  readonly scsiAddress: string | undefined
  readonly controllers: readonly NvmeController[]
  readonly reader: SysReader
  /** sysfs path of the controller's PCI device. */
  readonly pci: string | undefined
}

/** What a component of the sysfs path says about the way to a disk, the first match wins. */
const PATH_TRANSPORTS: readonly (readonly [RegExp, DiskTransport])[] = [
  [/\/usb\d+\//, 'USB'],
  [/\/session\d+\//, 'ISCSI'],
  [/\/rport-/, 'FC'],
  [/\/end_device-/, 'SAS'],
  [/\/ata\d+\//, 'SATA'],
  [/\/virtio\d+\//, 'VIRTIO'],
  [/\/mmc_host\//, 'MMC'],
  [/\/ndbus\d+\//, 'PMEM'],
]

function transport({ kernelName, sysPath, controllers }: Place): DiskTransport | undefined {
  if (kernelName.startsWith('nvme')) {
    const fabric = controllers.some((each) => (each.transport ?? 'pcie') !== 'pcie')
    return fabric ? 'NVME_FABRIC' : 'NVME'
  }
  const known = PATH_TRANSPORTS.find(([pattern]) => pattern.test(`${sysPath}/`))?.[1]
  return known ?? (/^(sd|xvd)/.test(kernelName) ? 'SCSI' : undefined)
}

/** Drivers whose every disk is a volume that the controller made. */
const VOLUME_DRIVERS = new Set(['aacraid', 'arcmsr', '3w-9xxx', '3w-sas', 'ips', 'stex', 'hptiop'])

/**
 * Whether a SCSI disk is a RAID controller's volume: its driver tells the level, or never shows
 * plain disks, or (MegaRAID) shows plain disks on channels 0 and 1 and volumes above.
 */
function raidVolume({ reader, kernelName, scsiAddress, pci }: Place): RaidVolume | undefined {
  const driver = pci === undefined ? undefined : reader.linkName(`${pci}/driver`)
  const level = filled(reader.text(`/sys/block/${kernelName}/device/raid_level`))
  const channel = Number(scsiAddress?.split(':')[1])
  const isVolume =
    (level !== undefined && level !== 'N/A') ||
    (driver !== undefined && VOLUME_DRIVERS.has(driver)) ||
    (driver === 'megaraid_sas' && channel >= 2)
  if (!isVolume) return undefined
  return { ...(driver && { driver }), ...(level && level !== 'N/A' && { level }) }
}
