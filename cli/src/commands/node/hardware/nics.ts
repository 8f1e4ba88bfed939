/** Network links. */
import { LinkDuplex, linkKindToJSON, type NetworkLink, type NicFacts } from '@keelson/shared/api'
import { type Column, count, type Description, word, yesNo } from '../../../output/index.ts'

/** All links, with what they belong to and what belongs to them. */
export function describeNics({ links }: NicFacts, to: Description): void {
  if (links.length === 0) return to.line('no links')
  to.table(columns, links)
}

const columns: readonly Column<NetworkLink>[] = [
  { title: 'LINK', cell: ({ name }) => name },
  { title: 'KIND', cell: ({ kind }) => word(linkKindToJSON(kind), 'LINK_KIND_') },
  {
    title: 'STATE',
    cell: stateOf,
    tone: (text) => (text === 'up' ? 'good' : text === 'no-carrier' ? 'warning' : 'plain'),
  },
  { title: 'SPEED', cell: speedOf, right: true },
  { title: 'MTU', cell: ({ mtu }) => count(mtu), right: true },
  { title: 'MAC', cell: ({ mac }) => mac ?? '' },
  { title: 'BELONGS-TO', cell: belongsTo },
  { title: 'DETAIL', cell: detailOf },
  { title: 'DRIVER', cell: ({ driver }) => driver ?? '' },
  { title: 'FIRMWARE', cell: ({ firmware }) => firmware ?? '' },
  { title: 'PCI', cell: ({ pciAddress }) => pciAddress ?? '' },
  { title: 'NUMA', cell: ({ numaNode }) => count(numaNode), right: true, wide: true },
  { title: 'PORT', cell: ({ portName }) => portName ?? '', wide: true },
  { title: 'PERMANENT-MAC', cell: ({ permanentMac }) => permanentMac ?? '', wide: true },
  { title: 'DRIVER-VERSION', cell: ({ driverVersion }) => driverVersion ?? '', wide: true },
  { title: 'IDS', cell: ({ vendorId, deviceId }) => ids(vendorId, deviceId), wide: true },
  { title: 'OPERSTATE', cell: ({ operstate }) => operstate ?? '', wide: true },
]

/** Set down by an administrator, without a signal, or up; else what the kernel says. */
function stateOf({ adminUp, carrier, operstate }: NetworkLink): string {
  if (adminUp === false) return 'set-down'
  if (carrier === false) return 'no-carrier'
  return carrier === true ? 'up' : (operstate ?? '')
}

function speedOf({ speedMbps, duplex }: NetworkLink): string {
  if (speedMbps === undefined) return ''
  const speed = speedMbps % 1_000 === 0 ? `${speedMbps / 1_000}Gbit/s` : `${speedMbps}Mbit/s`
  return duplex === LinkDuplex.LINK_DUPLEX_HALF ? `${speed},half` : speed
}

function belongsTo({ master, ovs, vlan, physicalFunction }: NetworkLink): string {
  if (ovs?.bridge)
    return ovs.port && ovs.port !== ovs.bridge ? `${ovs.bridge}/${ovs.port}` : ovs.bridge
  return master ?? vlan?.parent ?? physicalFunction ?? ''
}

function detailOf({ bond, bridge, vlan, ovs, sriov }: NetworkLink): string {
  const details: string[] = []
  if (bond) details.push(`${bond.mode ?? 'bond'} of ${bond.slaves.join(',') || 'none'}`)
  if (bond?.activeSlave) details.push(`active ${bond.activeSlave}`)
  if (bridge) details.push(`ports ${bridge.ports.join(',') || 'none'}`)
  if (bridge?.vlanFiltering !== undefined)
    details.push(`VLAN filtering ${yesNo(bridge.vlanFiltering)}`)
  if (vlan) details.push(`VLAN ${vlan.id}`)
  if (ovs?.tag !== undefined) details.push(`tag ${ovs.tag}`)
  if (sriov) details.push(`${sriov.enabledFunctions ?? '?'} of ${sriov.totalFunctions} functions`)
  return details.join('; ')
}

function ids(vendorId: string | undefined, deviceId: string | undefined): string {
  return [vendorId, deviceId].filter(Boolean).join(':')
}
