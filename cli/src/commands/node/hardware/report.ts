/** The report: its sections in a fixed order, each with its age and its gaps. */
import {
  type HardwareInventory,
  type HardwareReadings,
  type HardwareSection,
  SectionStatus,
  sectionStatusToJSON,
} from '@keelson/shared/api'
import { age, type Description, word } from '../../../output/index.ts'
import { describeCpu, describeNuma } from './cpu.ts'
import { describeDisks } from './disks.ts'
import { describeMemory } from './memory.ts'
import { describeNics } from './nics.ts'
import { describePci } from './pci.ts'
import { describeOs, describeSystem } from './system.ts'

/** Names of the sections, in the order they are shown. */
export const SECTIONS = ['system', 'cpu', 'numa', 'memory', 'disks', 'nics', 'pci', 'os'] as const

const TITLES: Readonly<Record<string, string>> = {
  system: 'System',
  cpu: 'Processors',
  numa: 'NUMA nodes',
  memory: 'Memory',
  disks: 'Disks',
  nics: 'Network links',
  pci: 'PCI devices',
  os: 'Operating system',
}

/** How much is shown. */
export interface HardwareStyle {
  /** Long lists in full. */
  readonly wide: boolean
  readonly nowMs: number
}

/** Writes the report. */
export function describeHardware(
  report: HardwareInventory,
  readings: HardwareReadings | undefined,
  to: Description,
  style: HardwareStyle,
): void {
  const position = (section: HardwareSection) =>
    (SECTIONS as readonly string[]).indexOf(section.meta?.name ?? '')
  for (const section of [...report.sections].sort((a, b) => position(a) - position(b))) {
    to.section(titleOf(section, style.nowMs), (inner) => {
      describeFacts(section, readings, inner, style)
      for (const { path, reason } of section.meta?.gaps ?? [])
        inner.line(`not readable: ${path}: ${reason}`, 'warning')
    })
    to.line('')
  }
}

function titleOf({ meta }: HardwareSection, nowMs: number): string {
  const name = meta?.name ?? ''
  const status = meta?.status ?? SectionStatus.SECTION_STATUS_UNSPECIFIED
  const remark =
    status === SectionStatus.SECTION_STATUS_OK
      ? ''
      : `, ${word(sectionStatusToJSON(status), 'SECTION_STATUS_').toLowerCase()}`
  return `${TITLES[name] ?? name} (read ${age(meta?.collectedAt, nowMs)} ago${remark})`
}

function describeFacts(
  { facts }: HardwareSection,
  readings: HardwareReadings | undefined,
  to: Description,
  style: HardwareStyle,
): void {
  switch (facts?.$case) {
    case 'system':
      return describeSystem(facts.value, to)
    case 'cpu':
      return describeCpu(facts.value, to, style)
    case 'numa':
      return describeNuma(facts.value, readings, to)
    case 'memory':
      return describeMemory(facts.value, readings, to)
    case 'disks':
      return describeDisks(facts.value, to)
    case 'nics':
      return describeNics(facts.value, to)
    case 'pci':
      return describePci(facts.value, to)
    case 'os':
      return describeOs(facts.value, readings, to)
    case undefined:
      return to.line('nothing is known', 'warning')
  }
}
