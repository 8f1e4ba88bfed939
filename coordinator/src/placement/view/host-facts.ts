/** What hosts have for machines, read from their records and inventories. */
import type {
  FactsBySection,
  HardwareSection,
  Node,
  NumaNode,
  SectionName,
} from '@keelson/shared/model'
import type { StateView } from '../../state/index.ts'

/** A NUMA node of a host. */
export interface NumaCell {
  readonly id: number
  readonly cpuIds: readonly number[]
  readonly memoryBytes: number
  /** Bytes of hugepages by page size. */
  readonly hugepages: ReadonlyMap<number, number>
}

/** What is known of a host beside its record. Absent means not known. */
export interface HostFacts {
  /** As in kubernetes.io/arch. */
  readonly architecture: string | undefined
  readonly cpuVendor: string | undefined
  /** Features of every CPU, in the kernel's words. */
  readonly cpuFlags: ReadonlySet<string> | undefined
  readonly cells: readonly NumaCell[]
  /** Names of bridges and links. */
  readonly links: ReadonlySet<string>
  readonly kvm: boolean
  readonly tpm: boolean
  /** Addresses of the devices that may be given to guests, by column name. */
  readonly devices: ReadonlyMap<string, readonly string[]>
  /** Bytes of hugepages by page size, whole host. */
  readonly hugepages: ReadonlyMap<number, number>
}

/** Node label that says how many devices of a resource a host has: "device.keelson.io/<name>". */
export const DEVICE_LABEL_PREFIX = 'device.keelson.io/'
/** Node label that says a host reaches a network: "network.keelson.io/<name>". */
export const NETWORK_LABEL_PREFIX = 'network.keelson.io/'

const ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' }
/** Driver that holds devices for guests. */
const PASSTHROUGH_DRIVER = 'vfio-pci'

/** Column of hugepages of a size; undefined for sizes that machines cannot ask for. */
export function hugepageColumn(pageBytes: number): string | undefined {
  if (pageBytes === 2 ** 21) return 'hugepages-2Mi'
  return pageBytes === 2 ** 30 ? 'hugepages-1Gi' : undefined
}

/** Column of a sort of devices. Label keys have no second slash, so resources use a dot there. */
export function deviceColumn({ resource, pciId }: { resource: string; pciId: string }): string {
  return `device/${resource === '' ? pciId : resource.replace('/', '.')}`
}

/** Reads everything about one host. */
export function readHostFacts(state: StateView, name: string): HostFacts {
  const node = state.nodes.get(name)
  const cpu = facts(state, name, 'cpu')
  const os = facts(state, name, 'os')
  const labels = node?.meta.labels ?? {}
  const reported = cpu?.architecture
  const architecture = reported && (ARCHITECTURES[reported] ?? reported)
  return {
    architecture: labels['kubernetes.io/arch'] ?? architecture,
    cpuVendor: cpu?.packages[0]?.vendor,
    cpuFlags: cpu && flagsOf(cpu),
    cells: cellsOf(facts(state, name, 'numa') ?? NO_CELLS),
    links: linksOf(facts(state, name, 'nics') ?? NO_LINKS),
    kvm: os?.kvmDevice === true || node?.status.capabilities.includes('kvm') === true,
    tpm:
      (facts(state, name, 'system')?.tpmVersion ?? '') !== '' ||
      node?.status.capabilities.includes('tpm') === true,
    devices: devicesOf(facts(state, name, 'pci'), labels),
    hugepages: hugepagesOf(facts(state, name, 'memory')?.hugePages ?? []),
  }
}

const NO_CELLS: FactsBySection['numa'] = { nodes: [] }
const NO_LINKS: FactsBySection['nics'] = { links: [] }

/** Sections stay as they are for months, so what is read out of one is kept with it. */
function kept<K extends object, V>(read: (facts: K) => V): (facts: K) => V {
  const known = new WeakMap<K, V>()
  return (section) => {
    let value = known.get(section)
    if (value === undefined) {
      value = read(section)
      known.set(section, value)
    }
    return value
  }
}

const flagsOf = kept((cpu: FactsBySection['cpu']): ReadonlySet<string> => new Set(cpu.flags))
const cellsOf = kept((numa: FactsBySection['numa']): readonly NumaCell[] => numa.nodes.map(cellOf))
const linksOf = kept(
  (nics: FactsBySection['nics']): ReadonlySet<string> =>
    new Set(nics.links.map((link) => link.name)),
)

function facts<N extends SectionName>(
  state: StateView,
  node: string,
  section: N,
): FactsBySection[N] | undefined {
  const found: HardwareSection | undefined = state.inventory.get(`${node}/${section}`)
  return found?.facts as FactsBySection[N] | undefined
}

function cellOf({ cpus, hugePages, id, memoryBytes }: NumaNode): NumaCell {
  const hugepages = hugepagesOf(hugePages)
  let paged = 0
  for (const bytes of hugepages.values()) paged += bytes
  return {
    id,
    cpuIds: parseCpuList(cpus),
    memoryBytes: Math.max(0, (memoryBytes ?? 0) - paged),
    hugepages,
  }
}

function hugepagesOf(
  pages: readonly { readonly pageBytes: number; readonly total: number }[],
): Map<number, number> {
  return new Map(pages.map(({ pageBytes, total }) => [pageBytes, pageBytes * total]))
}

/** CPUs of a list such as "0-3,8". */
export function parseCpuList(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [first = Number.NaN, last = first] = part.split('-').map(Number)
    if (part.trim() === '' || !Number.isInteger(first) || !Number.isInteger(last)) return []
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)
  })
}

/** Devices the host keeps for guests, by PCI id; and those that labels speak of, by resource. */
function devicesOf(
  pci: FactsBySection['pci'] | undefined,
  labels: Readonly<Record<string, string>>,
): Map<string, readonly string[]> {
  const devices = new Map<string, string[]>()
  for (const { address, deviceId = '', driver, vendorId = '' } of pci?.devices ?? []) {
    if (driver !== PASSTHROUGH_DRIVER) continue
    const pciId = `${vendorId.replace(/^0x/, '')}:${deviceId.replace(/^0x/, '')}`.toLowerCase()
    const column = deviceColumn({ resource: '', pciId })
    devices.set(column, [...(devices.get(column) ?? []), address])
  }
  for (const [label, value] of Object.entries(labels)) {
    const count = Number(value)
    if (!label.startsWith(DEVICE_LABEL_PREFIX) || !Number.isInteger(count) || count < 0) continue
    const column = `device/${label.slice(DEVICE_LABEL_PREFIX.length)}`
    devices.set(column, new Array<string>(Math.min(count, 1024)).fill(''))
  }
  return devices
}

const GIB = 2 ** 30

/**
 * What a host has for machines, by column; undefined if it is not known. What it says itself counts
 * as it is; of a bare total the host keeps 1 GiB or 5 % of the memory, the larger, and the time of
 * one logical CPU.
 */
export function machineCapacity(
  node: Node | undefined,
  { devices, hugepages }: HostFacts,
): Readonly<Record<string, number>> | undefined {
  const columns: Record<string, number> = {}
  for (const [column, addresses] of devices) columns[column] = addresses.length
  let paged = 0
  for (const [pageBytes, bytes] of hugepages) {
    paged += bytes
    const column = hugepageColumn(pageBytes)
    if (column !== undefined) columns[column] = bytes
  }
  const { allocatable, capacity } = node?.status ?? {}
  if (allocatable && allocatable.memoryBytes > 0)
    return { ...columns, memory: allocatable.memoryBytes, cpu: allocatable.cpuMillis }
  if (!capacity || capacity.memoryBytes <= 0 || capacity.cpuMillis <= 0) return undefined
  const keptBytes = Math.max(GIB, Math.ceil(capacity.memoryBytes * 0.05))
  return {
    ...columns,
    memory: Math.max(0, capacity.memoryBytes - keptBytes - paged),
    cpu: Math.max(0, capacity.cpuMillis - 1000),
  }
}
