/** What kind of link a name of /sys/class/net is, told from sysfs alone. */
import type { LinkKind } from '@keelson/shared/model'
import { assignments, uint } from './parse.ts'
import type { SysReader } from './reader.ts'

const GUEST_NAMES = /^(veth|tap|vnet|cali|lxc|fwln|fwpr|fwbr)/
const TUNNEL_TYPES = new Set(['vxlan', 'geneve', 'gre', 'gretap', 'ipip', 'wireguard', 'sit'])
/** Hardware types (if_arp.h) of links that carry packets in packets. */
const TUNNEL_HARDWARE = new Set(['768', '769', '776', '778', '823', '65534'])

/** Whether the link comes and goes with guests or pods: those are other managers' business. */
export function isGuestLink(reader: SysReader, name: string): boolean {
  if (GUEST_NAMES.test(name)) return true
  const path = `/sys/class/net/${name}`
  if (reader.exists(`${path}/device`)) return false
  if (reader.exists(`${path}/tun_flags`)) return true
  // A veth names its peer as the link below it, in whatever namespace, and shows no lower link.
  const peer = uint(reader.text(`${path}/iflink`))
  if (peer === undefined || peer === 0 || peer === uint(reader.text(`${path}/ifindex`)))
    return false
  return (
    !reader.names(path).some((entry) => entry.startsWith('lower_')) &&
    devtype(reader, path) === undefined
  )
}

/** The kind of a link. `isOvs` tells which links Open vSwitch makes. */
export function linkKind(
  reader: SysReader,
  name: string,
  isOvs: (name: string) => boolean,
): LinkKind {
  const path = `/sys/class/net/${name}`
  if (reader.exists(`${path}/device/physfn`)) return 'VIRTUAL_FUNCTION'
  if (reader.exists(`${path}/device`)) return 'PHYSICAL'
  if (reader.exists(`${path}/bonding`)) return 'BOND'
  if (reader.exists(`${path}/bridge`)) return 'BRIDGE'
  const type = devtype(reader, path)
  if (type === 'vlan' || reader.exists(`/proc/net/vlan/${name}`)) return 'VLAN'
  if (isOvs(name)) return 'OVS_INTERNAL'
  const hardware = reader.text(`${path}/type`) ?? ''
  if (hardware === '772') return 'LOOPBACK'
  if (TUNNEL_HARDWARE.has(hardware) || (type !== undefined && TUNNEL_TYPES.has(type)))
    return 'TUNNEL'
  // Geneve and VXLAN links that Open vSwitch makes carry its name and no type.
  return /^(vxlan|genev|gre)_sys/.test(name) ? 'TUNNEL' : 'VIRTUAL'
}

function devtype(reader: SysReader, path: string): string | undefined {
  return assignments(reader.text(`${path}/uevent`)).get('DEVTYPE')
}
