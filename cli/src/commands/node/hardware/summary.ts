/** A host in one line. */
import type { HardwareInventory } from '@keelson/shared/api'
import { size } from '../../../output/index.ts'

/**
 * "Dell Inc. PowerEdge R660, 2 sockets, 32 cores, 64 threads, 512GiB, 8 disks, 4 ports"; parts that
 * are not known are left out.
 */
export function hardwareSummary(report: HardwareInventory | undefined): string {
  if (report === undefined) return 'no report yet'
  const parts = report.sections.map(({ facts }) => {
    switch (facts?.$case) {
      case 'system':
        return [facts.value.vendor, facts.value.product].filter(Boolean).join(' ')
      case 'cpu': {
        const { sockets, cores, threads, packages } = facts.value
        const model = packages[0]?.modelName
        const counts = [
          counted(sockets, 'socket'),
          counted(cores, 'core'),
          counted(threads, 'thread'),
        ]
        return [model, ...counts].filter(Boolean).join(', ')
      }
      case 'memory':
        return size(facts.value.installedBytes ?? facts.value.totalBytes)
      case 'disks':
        return counted(facts.value.disks.length, 'disk')
      case 'nics':
        return counted(facts.value.links.filter(({ pciAddress }) => pciAddress).length, 'port')
      default:
        return ''
    }
  })
  return parts.filter(Boolean).join(', ') || 'nothing is known'
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
