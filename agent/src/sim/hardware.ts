/**
 * An invented hardware report: plausible, complete enough for every screen that shows one, and the
 * same for the same name. Nothing is read from the machine the simulation runs on.
 */
import { createHash } from 'node:crypto'
import type {
  CpuFacts,
  FactsBySection,
  HardwareInventory,
  HardwareReadings,
  HardwareSection,
  MemoryFacts,
  NumaFacts,
  OsFacts,
  SectionName,
  SystemFacts,
} from '@keelson/shared/model'
import { SECTION_NAMES } from '@keelson/shared/model'
import { type Rng, seededRng } from '@keelson/shared/runtime'
import { inventDisks, inventNics, inventPci, range, serial } from './devices.ts'
import { SHAPES, type Shape } from './shapes.ts'

/** An invented machine. */
export interface SimulatedHardware {
  readonly inventory: HardwareInventory
  readonly cpuCount: number
  readonly memoryBytes: number
  /** Readings at `now` of a machine that was started at `bootedAt`. */
  readings(now: number, bootedAt: number): HardwareReadings
}

const OS = 'Talos (v1.12.0, simulated)'
const KERNEL = '6.18.9-talos'
const THREADS_PER_CORE = 2
/** What firmware and kernel keep for themselves. */
const USABLE_PART = 0.985

/** What the operating system calls itself. */
export const SIMULATED_OS = `${OS}, Linux ${KERNEL}`

/** The machine of that name. */
export function inventHardware(node: string, createdAt: number): SimulatedHardware {
  const rng = seededRng(createHash('sha256').update(node).digest().readUInt32BE(0))
  const shape = SHAPES[Math.floor(rng.next() * SHAPES.length)]!
  const memoryBytes = Math.floor(shape.dimms.count * shape.dimms.sizeBytes * USABLE_PART)
  const facts: FactsBySection = {
    system: inventSystem(shape, rng),
    cpu: inventCpu(shape),
    numa: inventNuma(shape, memoryBytes),
    memory: inventMemory(shape, memoryBytes, rng),
    disks: inventDisks(shape, rng),
    nics: inventNics(shape, rng),
    pci: inventPci(shape),
    os: inventOs(node, rng),
  }
  const sections = SECTION_NAMES.map((name) => sectionOf(name, facts, createdAt))
  return {
    inventory: { node, collectedAt: createdAt, sections },
    cpuCount: threadsOf(shape),
    memoryBytes,
    readings: (now, bootedAt) => inventReadings(node, shape, memoryBytes, now, bootedAt),
  }
}

function sectionOf(name: SectionName, facts: FactsBySection, now: number): HardwareSection {
  const text = JSON.stringify(facts[name])
  const sha256 = createHash('sha256').update(text).digest('hex')
  const meta = { name, sha256, collectMs: 0, status: 'OK', gaps: [], collectedAt: now } as const
  return { name, meta, facts: facts[name] } as HardwareSection
}

function threadsOf({ cpu }: Shape): number {
  return cpu.sockets * cpu.coresPerSocket * THREADS_PER_CORE
}

function inventSystem(shape: Shape, rng: Rng): SystemFacts {
  const { vendor, product, bios } = shape
  return {
    vendor,
    product,
    serial: serial(rng),
    uuid: rng.uuid(),
    bios,
    board: { vendor, name: 'mainboard', serial: serial(rng, 14) },
    chassis: { vendor, type: 'Rack Mount Chassis', serial: serial(rng) },
    bootMode: 'UEFI',
    secureBoot: true,
    tpmVersion: '2.0',
    hypervisor: '',
  }
}

function inventCpu(shape: Shape): CpuFacts {
  const { cpu } = shape
  const threads = threadsOf(shape)
  const cores = cpu.sockets * cpu.coresPerSocket
  const { vendor, modelName, family, model, stepping, microcode, baseKhz, maxKhz } = cpu
  const one = { vendor, modelName, family, model, stepping, microcode, baseKhz, maxKhz }
  const ofSocket = { cores: cpu.coresPerSocket, threads: cpu.coresPerSocket * THREADS_PER_CORE }
  return {
    architecture: 'x86_64',
    sockets: cpu.sockets,
    cores,
    threads,
    packages: range(cpu.sockets).map((id) => ({ id, ...one, ...ofSocket })),
    cpus: range(threads).map((id) => ({
      id,
      online: true,
      package: socketOf(shape, id),
      core: id % cores,
      numaNode: socketOf(shape, id),
      isolated: false,
      tickless: false,
      governor: 'performance',
    })),
    caches: range(cpu.sockets).map((socket) => ({
      level: 3,
      kind: 'UNIFIED',
      sizeBytes: cpu.cacheBytes,
      sharedCpus: cpusOf(shape, socket),
    })),
    flags: cpu.flags,
    vulnerabilities: {
      spectre_v2: 'Mitigation: Enhanced / Automatic IBRS',
      meltdown: 'Not affected',
    },
    smt: 'on',
  }
}

/** Logical CPUs are numbered core by core over all sockets, then their second threads. */
function socketOf({ cpu }: Shape, id: number): number {
  return Math.floor((id % (cpu.sockets * cpu.coresPerSocket)) / cpu.coresPerSocket)
}

function cpusOf({ cpu }: Shape, socket: number): string {
  const cores = cpu.sockets * cpu.coresPerSocket
  const parts = range(THREADS_PER_CORE).map((thread) => {
    const first = thread * cores + socket * cpu.coresPerSocket
    return `${first}-${first + cpu.coresPerSocket - 1}`
  })
  return parts.join(',')
}

function inventNuma(shape: Shape, memoryBytes: number): NumaFacts {
  const { sockets } = shape.cpu
  return {
    nodes: range(sockets).map((id) => ({
      id,
      cpus: cpusOf(shape, id),
      memoryBytes: Math.floor(memoryBytes / sockets),
      distances: range(sockets).map((other) => (other === id ? 10 : 21)),
      hugePages: [{ pageBytes: 2 ** 30, total: 0 }],
    })),
  }
}

function inventMemory({ dimms }: Shape, totalBytes: number, rng: Rng): MemoryFacts {
  return {
    totalBytes,
    installedBytes: dimms.count * dimms.sizeBytes,
    slots: dimms.count,
    errorCorrection: 'Multi-bit ECC',
    dimms: range(dimms.count).map((slot) => ({
      locator: `${slot % 2 === 0 ? 'A' : 'B'}${Math.floor(slot / 2) + 1}`,
      sizeBytes: dimms.sizeBytes,
      type: dimms.speedMts > 4_000 ? 'DDR5' : 'DDR4',
      formFactor: 'DIMM',
      ecc: true,
      speedMts: dimms.speedMts,
      configuredMts: dimms.speedMts,
      manufacturer: 'Samsung',
      serial: serial(rng, 8),
      rank: 2,
    })),
    emptySlots: [],
    hugePages: [{ pageBytes: 2 ** 30, total: 0 }],
  }
}

function inventOs(node: string, rng: Rng): OsFacts {
  const loaded = (name: string, version?: string) =>
    ({ name, state: 'LOADED', ...(version && { version }) }) as const
  return {
    hostname: node,
    distribution: 'talos',
    distributionVersion: '1.12.0',
    prettyName: OS,
    kernelRelease: KERNEL,
    machineId: rng.hex(16),
    taints: [],
    modules: [loaded('drbd', '9.2.14'), loaded('kvm'), loaded('openvswitch')],
    kvmDevice: true,
    kvmNested: false,
    clock: { source: 'tsc', service: 'simulated', synchronized: true },
    watchdogs: [],
  }
}

function inventReadings(
  node: string,
  shape: Shape,
  totalBytes: number,
  now: number,
  bootedAt: number,
): HardwareReadings {
  // A slow wave with a phase of its own for every host.
  const phase = createHash('sha256').update(node).digest().readUInt8(1)
  const load = threadsOf(shape) * (0.2 + 0.1 * Math.sin(now / 600_000 + phase))
  const rounded = Math.round(load * 100) / 100
  return {
    node,
    collectedAt: now,
    memory: { totalBytes, availableBytes: Math.floor(totalBytes * 0.8) },
    load: { oneMinute: rounded, fiveMinutes: rounded, fifteenMinutes: rounded },
    uptimeSeconds: Math.floor((now - bootedAt) / 1_000),
    clock: { synchronized: true, offsetUs: 0 },
    numa: [],
    links: [],
    gaps: [],
  }
}
