import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseMemoryTable } from './dmi-table.ts'
import { fixture } from './test-trees.ts'

const TABLE = readFileSync(join(fixture('r660-2s'), 'sys/firmware/dmi/tables/DMI'))

/** A structure: header, body, strings, the two zeros that end it. */
function structure(type: number, body: Buffer, strings: readonly string[]): Buffer {
  const header = Buffer.from([type, 4 + body.length, 0, 0])
  const text = strings.length === 0 ? '\0\0' : `${strings.join('\0')}\0\0`
  return Buffer.concat([header, body, Buffer.from(text, 'latin1')])
}

/** A memory device (type 17) of `length` bytes with little-endian words at offsets. */
function device(words: Readonly<Record<number, number>>, strings = ['DIMM 0'], length = 0x5c) {
  const whole = Buffer.alloc(length)
  whole[0x10] = 1
  for (const [offset, value] of Object.entries(words)) whole.writeUInt16LE(value, Number(offset))
  return structure(17, whole.subarray(4), strings)
}

const END = structure(127, Buffer.alloc(0), [])
const only = (each: Buffer) => parseMemoryTable(Buffer.concat([each, END]))?.dimms[0]
const GiB = 2 ** 30

describe('the memory table', () => {
  it('reads the modules of a server, flash memory left out', () => {
    const table = parseMemoryTable(TABLE)
    expect(table?.dimms).toHaveLength(3)
    expect(table?.dimms[0]).toEqual({
      locator: 'A1',
      bank: 'Bank 0',
      sizeBytes: 64 * GiB,
      type: 'DDR5',
      formFactor: 'DIMM',
      ecc: true,
      speedMts: 4800,
      configuredMts: 4400,
      manufacturer: '00AD063200AD',
      serial: '80AD0122',
      partNumber: 'HMCG94AEBRA109N',
      rank: 2,
    })
    expect(table).toMatchObject({
      slots: 4,
      errorCorrection: 'Multi-bit ECC',
      emptySlots: ['A3'],
    })
  })

  it.each<[string, Record<number, number>, number | undefined]>([
    ['mebibytes', { 12: 1536 }, 1536 * 2 ** 20],
    ['kibibytes', { 12: 0x8000 | 512 }, 512 * 2 ** 10],
    ['more than 32 GiB', { 12: 0x7fff, 28: 0, 30: 2 }, 128 * GiB],
    ['not told', { 12: 0xffff }, undefined],
  ])('reads a size: %s', (_, words, sizeBytes) => {
    expect(only(device(words))?.sizeBytes).toBe(sizeBytes)
  })

  it('reads a speed past the range of its word', () => {
    const fast = only(device({ 12: 1, 21: 0xffff, 84: 0x1_0100 % 65_536, 86: 1, 32: 0 }))
    expect(fast?.speedMts).toBe(65_792)
    expect(fast).not.toHaveProperty('configuredMts')
  })

  it('takes unknown widths and placeholder texts for not known', () => {
    const dimm = only(device({ 12: 1, 8: 0xffff, 10: 64, 23: 0x0202 }, ['A1', 'Not Specified']))
    expect(dimm).toEqual({ locator: 'A1', sizeBytes: 2 ** 20 })
  })

  it('reads the short structure of an old firmware', () => {
    expect(only(device({ 12: 1024 }, ['J1'], 0x15))).toEqual({ locator: 'J1', sizeBytes: GiB })
  })

  it('survives any damage to the table', () => {
    fc.assert(
      fc.property(fc.nat(TABLE.length), fc.nat(TABLE.length - 1), fc.nat(255), (cut, at, byte) => {
        const damaged = Buffer.from(TABLE)
        damaged[at] = byte
        expect(() => parseMemoryTable(damaged.subarray(0, cut))).not.toThrow()
      }),
      { numRuns: 500 },
    )
  })
})
