/**
 * The SMBIOS table, as far as memory needs it (DMTF DSP0134: types 16 and 17). Parsed here because
 * the kernel offers the modules nowhere else and the tool that does needs a process per read.
 * A table is a firmware's word: everything is checked against the structure's own length.
 */
import type { Dimm } from '@keelson/shared/model'
import { compact, printable } from './parse.ts'

/** What the table says about memory. */
export interface MemoryTable {
  readonly slots: number
  readonly errorCorrection?: string
  readonly dimms: readonly Dimm[]
  readonly emptySlots: readonly string[]
}

interface Structure {
  readonly type: number
  readonly body: Buffer
  readonly strings: readonly string[]
}

const MEMORY_ARRAY = 16
const MEMORY_DEVICE = 17
const END_OF_TABLE = 127
const USE_SYSTEM_MEMORY = 3

/** Reads the table; undefined if it has no memory device of the system's own memory. */
export function parseMemoryTable(table: Buffer): MemoryTable | undefined {
  const structures = parseStructures(table)
  const arrays = new Map<number, Structure>()
  for (const each of structures) {
    if (each.type === MEMORY_ARRAY && each.body[5] === USE_SYSTEM_MEMORY)
      arrays.set(each.body.readUInt16LE(2), each)
  }
  // Flash and cache memory are arrays of their own; without any array every device counts.
  const devices = structures.filter(
    ({ type, body }) =>
      type === MEMORY_DEVICE &&
      body.length >= 0x15 &&
      (arrays.size === 0 || arrays.has(body.readUInt16LE(4))),
  )
  if (devices.length === 0) return undefined
  const present = devices.filter((device) => device.body.readUInt16LE(0x0c) !== 0)
  const empty = devices.filter((device) => device.body.readUInt16LE(0x0c) === 0)
  const correction = [...arrays.values()][0]?.body[6]
  return compact({
    slots: devices.length,
    errorCorrection: correction === undefined ? undefined : ERROR_CORRECTIONS[correction],
    dimms: present.map(readDimm),
    emptySlots: empty.map((device, index) => locatorOf(device, index)),
  })
}

function parseStructures(table: Buffer): readonly Structure[] {
  const structures: Structure[] = []
  for (let at = 0; at + 4 <= table.length; ) {
    const type = table.readUInt8(at)
    const length = table.readUInt8(at + 1)
    if (type === END_OF_TABLE || length < 4 || at + length > table.length) break
    const body = table.subarray(at, at + length)
    // The strings follow, each ended by a zero; one more zero ends them.
    let end = at + length
    while (end + 1 < table.length && (table[end] !== 0 || table[end + 1] !== 0)) end++
    const strings = table
      .subarray(at + length, end)
      .toString('latin1')
      .split('\0')
    structures.push({ type, body, strings })
    at = end + 2
  }
  return structures
}

function stringAt({ body, strings }: Structure, offset: number): string | undefined {
  const index = offset < body.length ? body.readUInt8(offset) : 0
  const text = index === 0 ? undefined : printable(strings[index - 1])
  return text === undefined || NO_TEXT.test(text) ? undefined : text
}

const NO_TEXT =
  /^(not specified|not provided|unknown|none|no dimm|no module installed|n\/a|0+|f+)$/i

function wordAt({ body }: Structure, offset: number): number | undefined {
  return offset + 2 <= body.length ? body.readUInt16LE(offset) : undefined
}

function longAt({ body }: Structure, offset: number): number | undefined {
  return offset + 4 <= body.length ? body.readUInt32LE(offset) : undefined
}

function locatorOf(device: Structure, index: number): string {
  return stringAt(device, 0x10) ?? `slot ${index}`
}

function readDimm(device: Structure, index: number): Dimm {
  const totalBits = wordAt(device, 0x08)
  const dataBits = wordAt(device, 0x0a)
  const widthsKnown = known(totalBits) !== undefined && known(dataBits) !== undefined
  const rank = (device.body[0x1b] ?? 0) & 0x0f
  return compact({
    locator: locatorOf(device, index),
    bank: stringAt(device, 0x11),
    sizeBytes: dimmBytes(device),
    type: MEMORY_TYPES[device.body[0x12] ?? 0],
    formFactor: FORM_FACTORS[device.body[0x0e] ?? 0],
    ecc: widthsKnown ? (totalBits ?? 0) > (dataBits ?? 0) : undefined,
    speedMts: speed(device, 0x15, 0x54),
    configuredMts: speed(device, 0x20, 0x58),
    manufacturer: stringAt(device, 0x17),
    partNumber: stringAt(device, 0x1a),
    serial: stringAt(device, 0x18),
    rank: rank === 0 ? undefined : rank,
  })
}

/** 0 and 0xFFFF mean unknown in most words. */
function known(value: number | undefined): number | undefined {
  return value === 0 || value === 0xffff ? undefined : value
}

function dimmBytes(device: Structure): number | undefined {
  const size = wordAt(device, 0x0c) ?? 0xffff
  if (size === 0xffff) return undefined
  if (size === 0x7fff) {
    const mebibytes = longAt(device, 0x1c)
    return mebibytes === undefined ? undefined : (mebibytes & 0x7fffffff) * 2 ** 20
  }
  return (size & 0x7fff) * (size & 0x8000 ? 2 ** 10 : 2 ** 20)
}

/** A speed whose word is 0xFFFF stands in a field of its own since SMBIOS 3.3. */
function speed(device: Structure, offset: number, extended: number): number | undefined {
  const value = wordAt(device, offset)
  if (value !== 0xffff) return known(value)
  const long = longAt(device, extended)
  return long === undefined || long === 0 ? undefined : long & 0x7fffffff
}

const ERROR_CORRECTIONS: Readonly<Record<number, string>> = {
  3: 'None',
  4: 'Parity',
  5: 'Single-bit ECC',
  6: 'Multi-bit ECC',
  7: 'CRC',
}

const FORM_FACTORS: Readonly<Record<number, string>> = {
  3: 'SIMM',
  5: 'Chip',
  6: 'DIP',
  9: 'DIMM',
  11: 'Row of chips',
  12: 'RIMM',
  13: 'SODIMM',
  15: 'FB-DIMM',
  16: 'Die',
  17: 'CAMM',
}

const MEMORY_TYPES: Readonly<Record<number, string>> = {
  3: 'DRAM',
  7: 'RAM',
  15: 'SDRAM',
  18: 'DDR',
  19: 'DDR2',
  20: 'DDR2 FB-DIMM',
  24: 'DDR3',
  26: 'DDR4',
  27: 'LPDDR',
  28: 'LPDDR2',
  29: 'LPDDR3',
  30: 'LPDDR4',
  31: 'Logical non-volatile device',
  32: 'HBM',
  33: 'HBM2',
  34: 'DDR5',
  35: 'LPDDR5',
  36: 'HBM3',
}
