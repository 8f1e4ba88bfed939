/**
 * Section "nics": every link, with or without an address, and what it is part of. Links of guests
 * and pods are left out: they come and go, and the network manager accounts for them.
 */
import type {
  LinkBond,
  LinkBridge,
  LinkDuplex,
  LinkVlan,
  NetworkLink,
  NicFacts,
} from '@keelson/shared/model'
import type { AdapterInfo } from './adapter-info.ts'
import { isGuestLink, linkKind } from './link-kind.ts'
import type { OvsLinks, OvsReader } from './ovs-database.ts'
import { byName, compact, filled, flag, pciAddressOf, uint } from './parse.ts'
import type { SysReader } from './reader.ts'
import type { CollectContext } from './section.ts'

const NET = '/sys/class/net'

/** What the driver of an adapter said through ethtool, by link; or why it could not be asked. */
export type AdapterInfos = ReadonlyMap<string, AdapterInfo> | string

/** Names of the links that are facts, in order. */
export function linkNames(reader: SysReader): readonly string[] {
  return reader
    .names(NET)
    .filter((name) => reader.exists(`${NET}/${name}/ifindex`) && !isGuestLink(reader, name))
    .sort(byName)
}

/** Reads the section. */
export async function collectNics(
  context: CollectContext,
  ovsReader: OvsReader,
  adapters: AdapterInfos,
): Promise<NicFacts | undefined> {
  const { reader, gap, breathe } = context
  if (!reader.exists(NET)) {
    gap('', reader.problem(NET))
    return undefined
  }
  const ovs = ovsReader.read(reader)
  if (typeof ovs === 'string') gap('links.ovs', ovs)
  const known = typeof ovs === 'string' ? undefined : ovs
  const names = linkNames(reader)
  const shown = new Set(names)
  const links: NetworkLink[] = []
  for (const name of names) {
    await breathe()
    const link = await readLink(context, name, known, shown, adapters)
    if (link.master === 'ovs-system' && ovs === undefined)
      gap(`links[${name}].ovs`, 'the database of Open vSwitch is not readable here')
    links.push(link)
  }
  if (typeof adapters === 'string' && links.some(isAdapter)) gap('links.firmware', adapters)
  return { links }
}

/** Whether a link is a port of a PCI adapter, which has a driver that can be asked. */
function isAdapter({ kind, pciAddress }: NetworkLink): boolean {
  return kind === 'PHYSICAL' && pciAddress !== undefined
}

async function readLink(
  { reader }: CollectContext,
  name: string,
  ovs: OvsLinks | undefined,
  shown: ReadonlySet<string>,
  adapters: AdapterInfos,
): Promise<NetworkLink> {
  const path = `${NET}/${name}`
  const text = (file: string) => filled(reader.text(`${path}/${file}`))
  const kind = linkKind(reader, name, (each) => isOvsInternal(each, ovs))
  const flags = Number(text('flags') ?? Number.NaN)
  const adminUp = Number.isNaN(flags) ? undefined : (flags & 1) === 1
  const master = reader.linkName(`${path}/master`)
  const port = ovs?.ports.get(name)
  const mac = address(text('address'))
  const info = typeof adapters === 'string' ? undefined : adapters.get(name)
  const device = readDevice(reader, path)
  return compact({
    name,
    kind,
    mac,
    // Slaves of a bond share its address; the bond keeps the one they had.
    permanentMac:
      address(text('bonding_slave/perm_hwaddr')) ??
      (text('addr_assign_type') === '0' ? mac : undefined),
    mtu: uint(text('mtu')),
    adminUp,
    carrier: flag(text('carrier')),
    operstate: text('operstate'),
    ...(adminUp && (await readSpeed(reader, path))),
    ...device,
    driverVersion: info?.driverVersion ?? driverVersion(reader, device.driver),
    firmware: info?.firmware ?? rdmaFirmware(reader, path),
    portName: text('phys_port_name'),
    master,
    bond: kind === 'BOND' ? readBond(reader, path) : undefined,
    bridge: kind === 'BRIDGE' ? readBridge(reader, path, shown) : undefined,
    vlan: kind === 'VLAN' ? readVlan(reader, name) : undefined,
    ovs: port ?? (master === 'ovs-system' ? {} : undefined),
  })
}

function isOvsInternal(name: string, ovs: OvsLinks | undefined): boolean {
  return name === 'ovs-system' || (ovs?.internal.has(name) ?? false)
}

/** A hardware address in lower case; all zeros is none, except for those that say so. */
function address(text: string | undefined): string | undefined {
  return text === undefined || /^[0:]+$/.test(text) ? undefined : text.toLowerCase()
}

const DUPLEXES: Readonly<Record<string, LinkDuplex>> = { full: 'FULL', half: 'HALF' }

/** These two ask the driver under a lock that firmware resets hold for seconds. */
async function readSpeed(reader: SysReader, path: string) {
  const speed = uint(await reader.slowText(`${path}/speed`))
  const duplex = DUPLEXES[(await reader.slowText(`${path}/duplex`)) ?? '']
  // Drivers that do not know write -1, some of them as an unsigned number.
  const speedMbps = speed === undefined || speed === 0 || speed >= 0xffff_fffe ? undefined : speed
  return compact({ speedMbps, duplex })
}

function readDevice(reader: SysReader, path: string) {
  const pciAddress = pciAddressOf(reader.realPath(`${path}/device`))
  const pci = `/sys/bus/pci/devices/${pciAddress}`
  const pciText = (file: string) =>
    pciAddress === undefined ? undefined : filled(reader.text(`${pci}/${file}`))
  const total = uint(pciText('sriov_totalvfs'))
  const sriov =
    total === undefined || total === 0
      ? undefined
      : compact({ totalFunctions: total, enabledFunctions: uint(pciText('sriov_numvfs')) })
  return compact({
    pciAddress,
    numaNode: uint(pciText('numa_node')),
    driver: reader.linkName(`${path}/device/driver`),
    vendorId: pciText('vendor'),
    deviceId: pciText('device'),
    sriov,
    physicalFunction: reader.linkName(`${path}/device/physfn`),
  })
}

function driverVersion(reader: SysReader, driver: string | undefined): string | undefined {
  return driver === undefined ? undefined : filled(reader.text(`/sys/module/${driver}/version`))
}

/** Adapters with RDMA tell their firmware in sysfs. */
function rdmaFirmware(reader: SysReader, path: string): string | undefined {
  const [device] = reader.names(`${path}/device/infiniband`)
  return device && filled(reader.text(`${path}/device/infiniband/${device}/fw_ver`))
}

function readBond(reader: SysReader, path: string): LinkBond {
  const text = (file: string) => filled(reader.text(`${path}/bonding/${file}`))
  // Settings with a name and a number, "802.3ad 4", are known by name.
  const word = (file: string) => text(file)?.split(' ')[0]
  return compact({
    mode: word('mode'),
    slaves: (text('slaves') ?? '').split(/\s+/).filter(Boolean).sort(byName),
    activeSlave: text('active_slave'),
    partnerMac: text('ad_partner_mac'),
    lacpRate: word('lacp_rate'),
    transmitHashPolicy: word('xmit_hash_policy'),
    minLinks: uint(text('min_links')),
  })
}

function readBridge(reader: SysReader, path: string, shown: ReadonlySet<string>): LinkBridge {
  const stp = uint(reader.text(`${path}/bridge/stp_state`))
  return compact({
    ports: reader.names(`${path}/brif`).filter((port) => shown.has(port)),
    spanningTree: stp === undefined ? undefined : stp > 0,
    vlanFiltering: flag(reader.text(`${path}/bridge/vlan_filtering`)),
  })
}

function readVlan(reader: SysReader, name: string): LinkVlan | undefined {
  const text = reader.text(`/proc/net/vlan/${name}`) ?? ''
  const id = uint(/\bVID: (\d+)/.exec(text)?.[1])
  const lower = reader.names(`${NET}/${name}`).find((entry) => entry.startsWith('lower_'))
  const parent = /^Device: (\S+)/m.exec(text)?.[1] ?? lower?.slice('lower_'.length)
  return id === undefined ? undefined : compact({ id, parent })
}
