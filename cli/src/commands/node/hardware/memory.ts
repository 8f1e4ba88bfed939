/** Memory and the modules it is made of. */
import type { Dimm, HardwareReadings, MemoryFacts } from '@keelson/shared/api'
import { type Column, count, type Description, size, yesNo } from '../../../output/index.ts'
import { hugePagesOf } from './cpu.ts'

/** Totals, what is free at present, modules. */
export function describeMemory(
  memory: MemoryFacts,
  readings: HardwareReadings | undefined,
  to: Description,
): void {
  const now = readings?.memory
  to.fields([
    ['Usable', size(memory.totalBytes)],
    ['Installed', size(memory.installedBytes)],
    ['Available now', size(now?.availableBytes)],
    ['Free now', size(now?.freeBytes)],
    ['Swap', swap(now?.swapTotalBytes, now?.swapFreeBytes)],
    ['Error correction', memory.errorCorrection ?? ''],
    ['Huge pages', hugePagesOf(memory.hugePages)],
    ['Slots', slots(memory)],
  ])
  to.table(columns, memory.dimms)
}

function swap(totalBytes: bigint | undefined, freeBytes: bigint | undefined): string {
  if (totalBytes === undefined) return ''
  if (totalBytes === 0n) return 'none'
  const free = freeBytes === undefined ? '' : `, ${size(freeBytes)} free`
  return `${size(totalBytes)}${free}`
}

function slots({ slots, dimms, emptySlots }: MemoryFacts): string {
  if (slots === undefined) return ''
  const empty = emptySlots.length === 0 ? '' : `; empty: ${emptySlots.join(', ')}`
  return `${dimms.length} of ${slots} used${empty}`
}

const columns: readonly Column<Dimm>[] = [
  { title: 'SLOT', cell: ({ locator }) => locator },
  { title: 'BANK', cell: ({ bank }) => bank ?? '', wide: true },
  { title: 'SIZE', cell: ({ sizeBytes }) => size(sizeBytes), right: true },
  { title: 'TYPE', cell: ({ type }) => type ?? '' },
  { title: 'FORM', cell: ({ formFactor }) => formFactor ?? '', wide: true },
  { title: 'ECC', cell: ({ ecc }) => yesNo(ecc) },
  { title: 'RANKS', cell: ({ rank }) => count(rank), right: true },
  { title: 'SPEED', cell: ({ configuredMts }) => transfers(configuredMts), right: true },
  { title: 'MAX', cell: ({ speedMts }) => transfers(speedMts), right: true },
  { title: 'MAKER', cell: ({ manufacturer }) => manufacturer ?? '' },
  { title: 'PART', cell: ({ partNumber }) => partNumber ?? '' },
  { title: 'SERIAL', cell: ({ serial }) => serial ?? '' },
]

function transfers(mts: number | undefined): string {
  return mts === undefined ? '' : `${mts}MT/s`
}
