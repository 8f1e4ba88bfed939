/** PCI devices and accelerators. */
import type { Gpu, PciDevice, PciFacts } from '@keelson/shared/api'
import { type Column, count, type Description, size, yesNo } from '../../../output/index.ts'

/** Whether there is an IOMMU, then all devices. */
export function describePci(pci: PciFacts, to: Description): void {
  to.fields([['IOMMU', yesNo(pci.iommu)]])
  to.table(deviceColumns, pci.devices)
  to.section('Graphics and compute adapters:', (inner) => inner.table(gpuColumns, pci.gpus))
}

const deviceColumns: readonly Column<PciDevice>[] = [
  { title: 'ADDRESS', cell: ({ address }) => address },
  { title: 'CLASS', cell: (device) => device.class ?? '' },
  { title: 'ID', cell: ({ vendorId, deviceId }) => [vendorId, deviceId].filter(Boolean).join(':') },
  { title: 'DRIVER', cell: ({ driver }) => driver ?? '' },
  { title: 'IOMMU-GROUP', cell: ({ iommuGroup }) => count(iommuGroup), right: true },
  { title: 'NUMA', cell: ({ numaNode }) => count(numaNode), right: true },
  { title: 'LINK', cell: linkOf, tone: (text) => (text.includes('of') ? 'warning' : 'plain') },
  { title: 'SLOT', cell: ({ slot }) => slot ?? '' },
  { title: 'SR-IOV', cell: sriovOf },
  { title: 'FUNCTION-OF', cell: ({ physicalFunction }) => physicalFunction ?? '', wide: true },
  {
    title: 'BOARD',
    cell: ({ subsystemVendorId, subsystemDeviceId }) =>
      [subsystemVendorId, subsystemDeviceId].filter(Boolean).join(':'),
    wide: true,
  },
  { title: 'REVISION', cell: ({ revision }) => revision ?? '', wide: true },
]

/** "16GT/sx4", and what it could be when that is more: "8GT/sx4 of 16GT/sx4". */
function linkOf({ linkGts, linkWidth, maxLinkGts, maxLinkWidth }: PciDevice): string {
  const now = link(linkGts, linkWidth)
  const most = link(maxLinkGts, maxLinkWidth)
  return now === '' || most === '' || now === most ? now : `${now} of ${most}`
}

function link(gts: number | undefined, width: number | undefined): string {
  return gts === undefined || width === undefined ? '' : `${gts}GT/sx${width}`
}

function sriovOf({ sriovTotalFunctions, sriovEnabledFunctions }: PciDevice): string {
  if (sriovTotalFunctions === undefined) return ''
  return `${sriovEnabledFunctions ?? '?'}/${sriovTotalFunctions}`
}

const gpuColumns: readonly Column<Gpu>[] = [
  { title: 'PCI', cell: ({ pciAddress }) => pciAddress },
  { title: 'VENDOR', cell: ({ vendor }) => vendor ?? '' },
  { title: 'MODEL', cell: ({ model }) => model ?? '' },
  { title: 'MEMORY', cell: ({ memoryBytes }) => size(memoryBytes), right: true },
  { title: 'DRIVER-VERSION', cell: ({ driverVersion }) => driverVersion ?? '' },
]
