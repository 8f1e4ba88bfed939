import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { alignUp, formatSize, parseSize } from './quantity.ts'

describe('reading a size', () => {
  const sizes: [text: string, sizeBytes: number][] = [
    ['0', 0],
    ['4096', 4096],
    ['1B', 1],
    ['10GiB', 10 * 2 ** 30],
    ['10Gi', 10 * 2 ** 30],
    ['10G', 10 ** 10],
    ['10GB', 10 ** 10],
    ['512MiB', 2 ** 29],
    ['1k', 1000],
    ['1K', 1000],
    ['1KiB', 1024],
    ['1.5TiB', 1.5 * 2 ** 40],
    ['0.5G', 5 * 10 ** 8],
    ['1PiB', 2 ** 50],
    [' 10 GiB ', 10 * 2 ** 30],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ]
  it.each(sizes)('"%s" is %d', (text, sizeBytes) => {
    expect(parseSize(text)).toBe(sizeBytes)
  })

  const bad: [text: string, message: string][] = [
    ['', '"" is not a size'],
    ['ten', '"ten" is not a size'],
    ['GiB', '"GiB" is not a size'],
    ['1.GiB', 'is not a size'],
    ['.5GiB', 'is not a size'],
    ['1e9', 'is not a size'],
    ['0x10', 'is not a size'],
    ['1gib', 'is not a size'],
    ['1 GiB x', 'is not a size'],
    ['1GiB1', 'is not a size'],
    ['+1', 'is not a size'],
    ['1,5G', 'is not a size'],
    ['-1', 'size "-1" is negative'],
    ['-5GiB', 'is negative'],
    ['0.5', 'is not a whole number of bytes'],
    ['0.3KiB', 'is not a whole number of bytes'],
    ['9007199254740992', 'is larger than 8 PiB'],
    ['8PiB', 'is larger than 8 PiB'],
    ['99999999999999999999', 'is larger than 8 PiB'],
    ['constructor', 'is not a size'],
    ['1constructor', 'is not a size'],
  ]
  it.each(bad)('"%s" is refused', (text, message) => {
    expect(() => parseSize(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    expect(() => parseSize(text)).toThrow(message)
  })
})

describe('showing a size', () => {
  const sizes: [sizeBytes: number, text: string][] = [
    [0, '0 B'],
    [1, '1 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [2 ** 20, '1 MiB'],
    [2 ** 20 - 1, '1.0 MiB'],
    [1.5 * 2 ** 40, '1.5 TiB'],
    [10 ** 9, '953.7 MiB'],
    [2 ** 50, '1 PiB'],
    [-(2 ** 30), '-1 GiB'],
    [10 * 2 ** 30 + 1, '10.0 GiB'],
  ]
  it.each(sizes)('%d is "%s"', (sizeBytes, text) => {
    expect(formatSize(sizeBytes)).toBe(text)
  })

  it('is what people would say: at most four digits, and off by less than a twentieth', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (sizeBytes) => {
        const text = formatSize(sizeBytes)
        expect(text).toMatch(/^\d{1,4}(\.\d)? ([KMGTP]i)?B$/)
        expect(text).not.toMatch(/^1024/)
        const [, value, unit] = /^(\S+) (\S+)$/.exec(text)!
        const shown =
          Number(value) * 1024 ** ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'].indexOf(unit!)
        expect(Math.abs(shown - sizeBytes)).toBeLessThanOrEqual(sizeBytes / 20)
      }),
    )
  })
})

describe('aligning', () => {
  const cases: [value: number, alignment: number, aligned: number][] = [
    [0, 4096, 0],
    [1, 4096, 4096],
    [4096, 4096, 4096],
    [4097, 4096, 8192],
    [2 ** 50 - 1, 4096, 2 ** 50],
  ]
  it.each(cases)('%d to %d is %d', (value, alignment, aligned) => {
    expect(alignUp(value, alignment)).toBe(aligned)
  })
})
