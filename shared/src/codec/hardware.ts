import * as pb from '../gen/keelson/v1/hardware.ts'
import type {
  Bios,
  Board,
  BootMode,
  Chassis,
  ClockFacts,
  CpuCache,
  CpuCacheKind,
  CpuFacts,
  CpuPackage,
  CpuThread,
  Dimm,
  HardwareInventory,
  HardwareSection,
  HugePages,
  KernelModule,
  KernelModuleState,
  MemoryFacts,
  NumaFacts,
  NumaNode,
  OsFacts,
  SectionMeta,
  SectionName,
  SectionStatus,
  SystemFacts,
} from '../model/index.ts'
import { SECTION_NAMES } from '../model/index.ts'
import { diskFactsCodec, nicFactsCodec, pciFactsCodec } from './hardware-devices.ts'
import { gapCodec } from './hardware-readings.ts'
import {
  bool,
  type Codec,
  int64,
  invalid,
  list,
  number,
  numbers,
  oneOf,
  optional,
  optionalOneOf,
  record,
  required,
  text,
  textMap,
  texts,
  time,
} from './record.ts'

export { hardwareReadingsCodec } from './hardware-readings.ts'

const maybeText = optional(text)
const maybeNumber = optional(number)
const maybeInt64 = optional(int64)
const maybeBool = optional(bool)

const hugePages = list(record<pb.HugePages, HugePages>({ pageBytes: int64, total: int64 }))

const sectionName: Codec<string, SectionName> = {
  read: (value, path) =>
    SECTION_NAMES.find((name) => name === value) ?? invalid(path, `unknown section "${value}"`),
  write: (value) => value,
}

const sectionMeta = record<pb.SectionMeta, SectionMeta>({
  name: sectionName,
  sha256: text,
  collectMs: number,
  status: oneOf<pb.SectionStatus, SectionStatus>({
    1: 'OK',
    2: 'PARTIAL',
    3: 'UNAVAILABLE',
    4: 'STALE',
  }),
  gaps: list(gapCodec),
  collectedAt: time,
})

const systemFacts = record<pb.SystemFacts, SystemFacts>({
  vendor: maybeText,
  product: maybeText,
  version: maybeText,
  sku: maybeText,
  family: maybeText,
  serial: maybeText,
  uuid: maybeText,
  bios: optional(record<pb.Bios, Bios>({ vendor: maybeText, version: maybeText, date: maybeText })),
  board: optional(
    record<pb.Board, Board>({
      vendor: maybeText,
      name: maybeText,
      version: maybeText,
      serial: maybeText,
      assetTag: maybeText,
    }),
  ),
  chassis: optional(
    record<pb.Chassis, Chassis>({
      vendor: maybeText,
      type: maybeText,
      serial: maybeText,
      assetTag: maybeText,
    }),
  ),
  bootMode: optionalOneOf<pb.BootMode, BootMode>({ 1: 'UEFI', 2: 'BIOS' }),
  secureBoot: maybeBool,
  tpmVersion: maybeText,
  lockdown: maybeText,
  hypervisor: maybeText,
})

const cpuFacts = record<pb.CpuFacts, CpuFacts>({
  architecture: maybeText,
  sockets: number,
  cores: number,
  threads: number,
  packages: list(
    record<pb.CpuPackage, CpuPackage>({
      id: number,
      vendor: maybeText,
      modelName: maybeText,
      family: maybeNumber,
      model: maybeNumber,
      stepping: maybeNumber,
      microcode: maybeText,
      cores: number,
      threads: number,
      baseKhz: maybeNumber,
      maxKhz: maybeNumber,
    }),
  ),
  cpus: list(
    record<pb.CpuThread, CpuThread>({
      id: number,
      online: bool,
      package: maybeNumber,
      die: maybeNumber,
      core: maybeNumber,
      numaNode: maybeNumber,
      isolated: bool,
      tickless: bool,
      governor: maybeText,
    }),
  ),
  caches: list(
    record<pb.CpuCache, CpuCache>({
      level: number,
      kind: oneOf<pb.CpuCacheKind, CpuCacheKind>({ 1: 'DATA', 2: 'INSTRUCTION', 3: 'UNIFIED' }),
      sizeBytes: maybeInt64,
      sharedCpus: text,
    }),
  ),
  flags: texts,
  vulnerabilities: textMap,
  smt: maybeText,
  physicalAddressBits: maybeNumber,
  virtualAddressBits: maybeNumber,
})

const numaFacts = record<pb.NumaFacts, NumaFacts>({
  nodes: list(
    record<pb.NumaNode, NumaNode>({
      id: number,
      cpus: text,
      memoryBytes: maybeInt64,
      distances: numbers,
      hugePages,
    }),
  ),
})

const memoryFacts = record<pb.MemoryFacts, MemoryFacts>({
  totalBytes: maybeInt64,
  installedBytes: maybeInt64,
  slots: maybeNumber,
  errorCorrection: maybeText,
  dimms: list(
    record<pb.Dimm, Dimm>({
      locator: text,
      bank: maybeText,
      sizeBytes: maybeInt64,
      type: maybeText,
      formFactor: maybeText,
      ecc: maybeBool,
      speedMts: maybeNumber,
      configuredMts: maybeNumber,
      manufacturer: maybeText,
      partNumber: maybeText,
      serial: maybeText,
      rank: maybeNumber,
    }),
  ),
  emptySlots: texts,
  hugePages,
})

const osFacts = record<pb.OsFacts, OsFacts>({
  hostname: maybeText,
  distribution: maybeText,
  distributionVersion: maybeText,
  prettyName: maybeText,
  kernelRelease: maybeText,
  commandLine: maybeText,
  bootId: maybeText,
  machineId: maybeText,
  taints: texts,
  modules: list(
    record<pb.KernelModule, KernelModule>({
      name: text,
      state: optionalOneOf<pb.KernelModuleState, KernelModuleState>({
        1: 'LOADED',
        2: 'BUILT_IN',
        3: 'AVAILABLE',
        4: 'MISSING',
      }),
      version: maybeText,
    }),
  ),
  kvmDevice: maybeBool,
  kvmNested: maybeBool,
  clock: optional(
    record<pb.ClockFacts, ClockFacts>({
      source: maybeText,
      service: maybeText,
      synchronized: maybeBool,
    }),
  ),
  watchdogs: texts,
})

/** One row per section: what its facts are on either side. */
const FACTS = {
  system: systemFacts,
  cpu: cpuFacts,
  numa: numaFacts,
  memory: memoryFacts,
  disks: diskFactsCodec,
  nics: nicFactsCodec,
  pci: pciFactsCodec,
  os: osFacts,
} as const satisfies Record<SectionName, unknown>

type AnyCodec = Codec<unknown, unknown>

/** HardwareSection; facts of another section than the named one are INVALID_ARGUMENT. */
export const hardwareSectionCodec: Codec<pb.HardwareSection, HardwareSection> = {
  read({ meta: message, facts }, path) {
    const meta = required(sectionMeta).read(message, `${path}.meta`)
    const { name } = meta
    if (facts === undefined) return { name, meta }
    if (facts.$case !== name) invalid(path, `section ${name} has the facts of ${facts.$case}`)
    const codec = FACTS[name] as AnyCodec
    const value = codec.read(facts.value, `${path}.${name}`)
    return { name, meta, facts: value } as HardwareSection
  },
  write({ name, meta, facts }) {
    const value = facts && (FACTS[name] as AnyCodec).write(facts)
    const message = value === undefined ? undefined : { $case: name, value }
    return { meta: sectionMeta.write(meta), facts: message as pb.HardwareSection['facts'] }
  },
}

/**
 * A list of sections. One that this side has no word for comes from a newer version and is left
 * out, so that an older coordinator keeps the rest of a newer agent's report.
 */
export const hardwareSectionsCodec: Codec<pb.HardwareSection[], readonly HardwareSection[]> = {
  read: (messages, path) =>
    list(hardwareSectionCodec).read(
      messages.filter(({ meta }) => SECTION_NAMES.some((name) => name === meta?.name)),
      path,
    ),
  write: (sections) => list(hardwareSectionCodec).write(sections),
}

/** HardwareInventory. */
export const hardwareInventoryCodec = record<pb.HardwareInventory, HardwareInventory>({
  node: text,
  collectedAt: time,
  sections: hardwareSectionsCodec,
})

/** The report as proto3 JSON, for output. */
export function hardwareInventoryToJson(inventory: HardwareInventory): unknown {
  return pb.HardwareInventory.toJSON(hardwareInventoryCodec.write(inventory))
}
