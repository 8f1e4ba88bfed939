/** A hardware report for a person at a terminal: the summary of each section and every gap. */
import {
  formatSize,
  type HardwareInventory,
  type HardwareSection,
  type NetworkLink,
  type PhysicalDisk,
  sectionFacts,
} from '@keelson/shared/model'

/** The report as text, one block per section. */
export function formatInventory(inventory: HardwareInventory): string {
  const blocks = inventory.sections.map((section) => {
    const { name, status, collectMs, gaps } = section.meta
    const lines = [`${name.toUpperCase()}  ${status.toLowerCase()}, read in ${collectMs} ms`]
    lines.push(...sectionLines(inventory, section).map((line) => `  ${line}`.trimEnd()))
    lines.push(...gaps.map((gap) => `  gap ${gap.path || name}: ${gap.reason}`))
    return lines.join('\n')
  })
  return `${blocks.join('\n\n')}\n`
}

function sectionLines(inventory: HardwareInventory, { name }: HardwareSection): readonly string[] {
  switch (name) {
    case 'system':
      return systemLines(inventory)
    case 'cpu':
      return cpuLines(inventory)
    case 'numa':
      return numaLines(inventory)
    case 'memory':
      return memoryLines(inventory)
    case 'disks':
      return diskLines(sectionFacts(inventory, 'disks')?.disks ?? [])
    case 'nics':
      return linkLines(sectionFacts(inventory, 'nics')?.links ?? [])
    case 'pci':
      return pciLines(inventory)
    case 'os':
      return osLines(inventory)
  }
}

/** The words that are known, joined. */
function words(...parts: readonly (string | number | false | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== false && part !== '').join(' ')
}

function systemLines(inventory: HardwareInventory): readonly string[] {
  const facts = sectionFacts(inventory, 'system')
  if (facts === undefined) return []
  const { bios, chassis } = facts
  return [
    words(facts.vendor, facts.product, facts.serial && `serial ${facts.serial}`),
    words(bios && 'firmware', bios?.vendor, bios?.version, bios?.date, facts.bootMode),
    words(chassis?.type, chassis?.assetTag && `asset ${chassis.assetTag}`),
    facts.hypervisor ? `virtual machine on ${facts.hypervisor}` : '',
  ].filter((line) => line !== '')
}

function cpuLines(inventory: HardwareInventory): readonly string[] {
  const facts = sectionFacts(inventory, 'cpu')
  if (facts === undefined) return []
  const { sockets, cores, threads } = facts
  const weak = Object.entries(facts.vulnerabilities).filter(([, text]) => /^Vulnerable/.test(text))
  return [
    `${sockets} sockets, ${cores} cores, ${threads} threads ${facts.architecture ?? ''}`,
    ...facts.packages.map((each) =>
      words(
        `socket ${each.id}:`,
        each.modelName ?? each.vendor,
        `${each.cores} cores`,
        each.microcode && `microcode ${each.microcode}`,
      ),
    ),
    `vulnerable: ${weak.map(([name]) => name).join(', ') || 'none'}`,
  ]
}

function numaLines(inventory: HardwareInventory): readonly string[] {
  return (sectionFacts(inventory, 'numa')?.nodes ?? []).map((node) =>
    words(
      `node ${node.id}: CPUs ${node.cpus || 'none'}`,
      node.memoryBytes !== undefined && formatSize(node.memoryBytes),
      `distances ${node.distances.join(' ')}`,
    ),
  )
}

function memoryLines(inventory: HardwareInventory): readonly string[] {
  const facts = sectionFacts(inventory, 'memory')
  if (facts === undefined) return []
  const { totalBytes, installedBytes, slots, dimms } = facts
  return [
    words(
      totalBytes !== undefined && `${formatSize(totalBytes)} usable`,
      installedBytes !== undefined && `${formatSize(installedBytes)} installed`,
      slots !== undefined && `in ${dimms.length} of ${slots} slots`,
      facts.errorCorrection,
    ),
    ...table(dimms, [
      ['SLOT', (dimm) => dimm.locator],
      ['SIZE', (dimm) => (dimm.sizeBytes === undefined ? '?' : formatSize(dimm.sizeBytes))],
      ['TYPE', (dimm) => dimm.type],
      ['MT/S', (dimm) => dimm.configuredMts ?? dimm.speedMts],
      ['PART', (dimm) => dimm.partNumber],
      ['SERIAL', (dimm) => dimm.serial],
    ]),
    ...facts.hugePages
      .filter((pages) => pages.total > 0)
      .map((pages) => `${pages.total} huge pages of ${formatSize(pages.pageBytes)}`),
  ]
}

function diskLines(disks: readonly PhysicalDisk[]): readonly string[] {
  return table(disks, [
    ['DEVICE', (disk) => disk.kernelName],
    ['SIZE', (disk) => (disk.sizeBytes === undefined ? '?' : formatSize(disk.sizeBytes))],
    ['TRANSPORT', (disk) => disk.transport?.toLowerCase() ?? '?'],
    ['MODEL', (disk) => disk.model],
    ['SERIAL', (disk) => disk.serial],
    ['FIRMWARE', (disk) => disk.firmware],
    ['USAGE', (disk) => words(disk.usage ?? 'unknown', disk.signature && `(${disk.signature})`)],
    ['IDENTITY', (disk) => disk.uid],
  ])
}

function linkLines(links: readonly NetworkLink[]): readonly string[] {
  return table(links, [
    ['LINK', (link) => link.name],
    ['KIND', (link) => link.kind.toLowerCase()],
    ['STATE', linkState],
    ['MBIT/S', (link) => link.speedMbps],
    ['MTU', (link) => link.mtu],
    ['MAC', (link) => link.permanentMac ?? link.mac],
    ['DRIVER', (link) => link.driver],
    ['FIRMWARE', (link) => link.firmware],
    ['PART OF', linkOwner],
  ])
}

function linkState({ adminUp, carrier }: NetworkLink): string {
  if (adminUp === false) return 'disabled'
  return carrier === undefined ? '?' : carrier ? 'up' : 'no carrier'
}

function linkOwner({ ovs, master, bond, vlan }: NetworkLink): string {
  if (ovs?.bridge !== undefined) return words(`ovs ${ovs.bridge}`, ovs.tag && `tag ${ovs.tag}`)
  if (bond) return words(bond.mode, `of ${bond.slaves.join(' ')}`)
  if (vlan) return words(vlan.parent, `vlan ${vlan.id}`)
  return master ?? ''
}

function pciLines(inventory: HardwareInventory): readonly string[] {
  const facts = sectionFacts(inventory, 'pci')
  if (facts === undefined) return []
  const iommu = facts.iommu === undefined ? '?' : facts.iommu ? 'on' : 'off'
  return [
    `${facts.devices.length} devices, IOMMU ${iommu}`,
    ...table(facts.devices, [
      ['ADDRESS', (device) => device.address],
      ['CLASS', (device) => device.class],
      ['ID', (device) => `${device.vendorId ?? '?'}:${device.deviceId ?? '?'}`],
      ['DRIVER', (device) => device.driver],
      ['NUMA', (device) => device.numaNode],
      ['GROUP', (device) => device.iommuGroup],
      ['LANES', (device) => device.linkWidth && `${device.linkWidth}/${device.maxLinkWidth}`],
    ]),
  ]
}

function osLines(inventory: HardwareInventory): readonly string[] {
  const facts = sectionFacts(inventory, 'os')
  if (facts === undefined) return []
  const { clock } = facts
  const step =
    clock?.synchronized === undefined ? 'unknown' : clock.synchronized ? 'in step' : 'not in step'
  return [
    words(facts.prettyName, facts.kernelRelease && `Linux ${facts.kernelRelease}`),
    words(
      'clock',
      step,
      clock?.service && `by ${clock.service}`,
      clock?.source && `on ${clock.source}`,
    ),
    ...table(facts.modules, [
      ['MODULE', (module) => module.name],
      ['STATE', (module) => module.state?.toLowerCase() ?? '?'],
      ['VERSION', (module) => module.version],
    ]),
  ]
}

type Column<T> = readonly [title: string, cell: (row: T) => string | number | undefined]

/** Columns as wide as their widest cell; no lines for no rows. */
function table<T>(rows: readonly T[], columns: readonly Column<T>[]): readonly string[] {
  if (rows.length === 0) return []
  const cells = rows.map((row) => columns.map(([, cell]) => String(cell(row) ?? '-') || '-'))
  const lines = [columns.map(([title]) => title), ...cells]
  const widths = columns.map((_, index) =>
    Math.max(...lines.map((line) => line[index]?.length ?? 0)),
  )
  return lines.map((line) =>
    line
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
