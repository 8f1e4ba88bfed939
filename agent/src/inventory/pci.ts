/** Section "pci": devices with driver, IOMMU group and link width, and the GPUs among them. */
import type { Gpu, PciDevice, PciFacts } from '@keelson/shared/model'
import { compact, filled, uint } from './parse.ts'
import type { SysReader } from './reader.ts'
import type { CollectContext } from './section.ts'

const DEVICES = '/sys/bus/pci/devices'
const DISPLAY_CLASS = /^0x03/

/** What a GPU's own tool told, by PCI address. */
export type GpuDetails = ReadonlyMap<string, Omit<Gpu, 'pciAddress'>>

/** Reads the section; `detailsOf` is asked only if there is a GPU it may know. */
export async function collectPci(
  context: CollectContext,
  detailsOf: (addresses: readonly string[]) => GpuDetails | string,
): Promise<PciFacts | undefined> {
  const { reader, gap, breathe } = context
  if (!reader.exists(DEVICES)) {
    gap('', reader.problem(DEVICES))
    return undefined
  }
  const slots = readSlots(reader)
  const devices: PciDevice[] = []
  for (const address of reader.names(DEVICES)) {
    devices.push(readDevice(reader, address, slots))
    await breathe()
  }
  const iommuGroups = '/sys/kernel/iommu_groups'
  const gpus = devices.filter((device) => DISPLAY_CLASS.test(device.class ?? ''))
  const known = gpus.filter(isComputeGpu).map((device) => device.address)
  const details = known.length === 0 ? new Map<string, never>() : detailsOf(known)
  if (typeof details === 'string') gap('gpus', details)
  return compact({
    devices,
    iommu: reader.exists(iommuGroups) ? reader.names(iommuGroups).length > 0 : undefined,
    gpus: gpus.map(({ address }) => ({
      pciAddress: address,
      ...(typeof details === 'string' ? {} : details.get(address)),
    })),
  })
}

const GPU_MAKERS = new Set(['0x10de', '0x1002', '0x8086'])

/** A maker of real GPUs; a server's management controller shows a plain display adapter too. */
function isComputeGpu({ vendorId }: PciDevice): boolean {
  return vendorId !== undefined && GPU_MAKERS.has(vendorId)
}

/** Labels of slots by the address of the device in them, which lacks the function number. */
function readSlots(reader: SysReader): ReadonlyMap<string, string> {
  const path = '/sys/bus/pci/slots'
  const slots = new Map<string, string>()
  for (const slot of reader.names(path)) {
    const address = filled(reader.text(`${path}/${slot}/address`))
    if (address !== undefined) slots.set(address, slot)
  }
  return slots
}

function readDevice(
  reader: SysReader,
  address: string,
  slots: ReadonlyMap<string, string>,
): PciDevice {
  const path = `${DEVICES}/${address}`
  const text = (file: string) => filled(reader.text(`${path}/${file}`))
  const deviceClass = text('class')
  const isDisplay = DISPLAY_CLASS.test(deviceClass ?? '')
  return compact({
    address,
    class: deviceClass,
    vendorId: text('vendor'),
    deviceId: text('device'),
    subsystemVendorId: text('subsystem_vendor'),
    subsystemDeviceId: text('subsystem_device'),
    revision: text('revision'),
    driver: reader.linkName(`${path}/driver`),
    iommuGroup: uint(reader.linkName(`${path}/iommu_group`)),
    numaNode: uint(text('numa_node')),
    slot: slots.get(address.replace(/\.\d$/, '')),
    linkGts: isDisplay ? undefined : gigatransfers(text('current_link_speed')),
    linkWidth: lanes(text('current_link_width')),
    maxLinkGts: gigatransfers(text('max_link_speed')),
    maxLinkWidth: lanes(text('max_link_width')),
    sriovTotalFunctions: uint(text('sriov_totalvfs')),
    sriovEnabledFunctions: uint(text('sriov_numvfs')),
    physicalFunction: reader.linkName(`${path}/physfn`),
  })
}

/** "16.0 GT/s PCIe" → 16; "Unknown" is not known. */
function gigatransfers(text: string | undefined): number | undefined {
  const match = /^(\d+(?:\.\d+)?) GT\/s/.exec(text ?? '')
  return match ? Number(match[1]) : undefined
}

/** 0 means there is no link, 255 that the device does not tell. */
function lanes(text: string | undefined): number | undefined {
  const width = uint(text)
  return width === undefined || width === 0 || width === 255 ? undefined : width
}
