/**
 * Where a disk is plugged in, in words that stay the same over reboots: the PCI address and the
 * position below it. The kernel numbers hosts, ATA ports and the like in order of discovery, so a
 * number is replaced by its rank among its siblings.
 */
import type { RawDisk } from './disk-attributes.ts'
import { byName } from './parse.ts'
import type { SysReader } from './reader.ts'

/** Parts of a sysfs path that say nothing about the position. */
const NOISE = /^(block|nvme|nvme\d+|virtio\d+|target[\d:]+|rport-.*|mmc_host|devices|virtual)$/

/** The place of a disk, such as "pci-0000:00:1f.2/ata1/0:0:0". */
export function placeOf(reader: SysReader, disk: RawDisk): string {
  const { sysPath, pciAddress, kernelName, namespaceId } = disk
  const namespace = namespaceId === undefined ? '' : `/ns${namespaceId}`
  if (kernelName.startsWith('nvme') && pciAddress) return `pci-${pciAddress}${namespace}`
  const at = pciAddress === undefined ? -1 : sysPath.lastIndexOf(`/${pciAddress}/`)
  const start = at < 0 ? '/sys/devices'.length : at + (pciAddress?.length ?? 0) + 1
  const below = sysPath.slice(start + 1).split('/')
  let parent = sysPath.slice(0, start)
  const parts: string[] = at < 0 ? [] : [`pci-${pciAddress}`]
  for (const part of below) {
    if (part === kernelName) break
    const word = stableWord(reader, parent, part)
    if (word !== undefined) parts.push(word)
    parent = `${parent}/${part}`
  }
  return parts.length === 0 ? kernelName : parts.join('/')
}

function stableWord(reader: SysReader, parent: string, part: string): string | undefined {
  if (NOISE.test(part)) return undefined
  const scsi = /^\d+:(\d+:\d+:\d+)$/.exec(part)?.[1]
  if (scsi !== undefined) return scsi
  const numbered = /^(ata|host|mmc)\d+$/.exec(part)?.[1]
  if (numbered !== undefined) {
    const siblings = reader
      .names(parent)
      .filter((name) => new RegExp(`^${numbered}\\d+$`).test(name))
    const rank = [...siblings].sort(byName).indexOf(part) + 1
    // A lone host says nothing that its ATA port did not say.
    return numbered === 'host' && siblings.length < 2 ? undefined : `${numbered}${rank}`
  }
  // SAS names begin with the number of the host: "end_device-0:3" is the third of any host.
  return part.replace(/^(end_device|port|expander|phy)-\d+:/, '$1-')
}
