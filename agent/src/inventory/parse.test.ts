import { describe, expect, it } from 'vitest'
import { volumeGroupOf } from './disk-partitions.ts'
import { parseMountinfo } from './mounts.ts'
import {
  assignments,
  compact,
  numberList,
  pciAddressOf,
  printable,
  sizeBytes,
  uint,
} from './parse.ts'
import { isPlaceholder } from './placeholder.ts'
import { vpdAta, vpdRpm, vpdSerial } from './vpd.ts'

describe('uint', () => {
  it.each([
    ['0', 0],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740993', undefined],
    ['-1', undefined],
    ['', undefined],
    ['1.5', undefined],
    ['0x10', undefined],
    [undefined, undefined],
  ])('%s → %s', (text, value) => expect(uint(text)).toBe(value))
})

describe('numberList', () => {
  it.each([
    ['0-3,8', [0, 1, 2, 3, 8]],
    ['', []],
    [undefined, []],
    ['x,2', [2]],
  ])('%s', (text, numbers) => expect(numberList(text)).toEqual(numbers))

  it('is bounded', () => expect(numberList('0-999999999')).toHaveLength(65_536))
})

describe('sizeBytes', () => {
  it.each([
    ['733988 kB', 733_988 * 1024],
    ['48K', 49_152],
    ['2M', 2 ** 21],
    ['12', 12],
    ['12 X', undefined],
    [undefined, undefined],
  ])('%s → %s', (text, value) => expect(sizeBytes(text)).toBe(value))
})

it('assignments take the quotes of os-release away', () => {
  const values = assignments('ID=debian\nPRETTY_NAME="Debian \\"12\\""\n# comment\nEMPTY=\n')
  expect(Object.fromEntries(values)).toEqual({
    ID: 'debian',
    PRETTY_NAME: 'Debian "12"',
    EMPTY: '',
  })
})

it('printable drops padding and control characters', () => {
  expect(printable(Buffer.from('S64GNE0R \0\x01\n'))).toBe('S64GNE0R')
  expect(printable(Buffer.from([0, 0]))).toBeUndefined()
})

it('compact drops undefined values only', () => {
  expect(compact({ a: undefined, b: 0, c: '', d: false })).toStrictEqual({ b: 0, c: '', d: false })
})

it('pciAddressOf takes the last device on the path, also in a domain of five digits', () => {
  expect(pciAddressOf('/sys/devices/pci0000:80/0000:80:01.0/0000:82:00.0/net/eth0')).toBe(
    '0000:82:00.0',
  )
  expect(pciAddressOf('/sys/devices/pci10000:e0/10000:e1:00.0/nvme/nvme0')).toBe('10000:e1:00.0')
  expect(pciAddressOf('/sys/devices/virtual/net/lo')).toBeUndefined()
})

describe('volumeGroupOf', () => {
  it.each([
    ['vg0-root', 'vg0'],
    ['keel--nvme-thin_tdata', 'keel-nvme'],
    ['ceph--1f--2e-osd--block--7', 'ceph-1f-2e'],
    ['plain', 'plain'],
  ])('%s → %s', (name, group) => expect(volumeGroupOf(name)).toBe(group))
})

describe('parseMountinfo', () => {
  it('reads device, mount point with blanks, file system and source', () => {
    const line = '36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/ro\\040ot rw'
    expect(parseMountinfo(line)).toEqual({
      deviceNumber: '98:0',
      mountPoint: '/mnt 2',
      fileSystem: 'ext3',
      source: '/dev/ro ot',
    })
  })
  it('refuses half a line', () => expect(parseMountinfo('36 35 98:0 /')).toBeUndefined())
})

describe('isPlaceholder', () => {
  it.each([
    'To Be Filled By O.E.M.',
    'Default string',
    'None',
    '0123456789',
    '00000000-0000-0000-0000-000000000000',
    'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
    '03000200-0400-0500-0006-000700080009',
    '0000000000000000',
  ])('%s', (text) => expect(isPlaceholder(text)).toBe(true))
  it.each(['7XK2M04', 'Dell Inc.', '4c4c4544-0058-4b10-8032-b7c04f4d3034', 'X11DPi-N'])(
    'not %s',
    (text) => expect(isPlaceholder(text)).toBe(false),
  )
})

describe('vital product data', () => {
  it('of the wrong page, too short or absent says nothing', () => {
    for (const page of [undefined, Buffer.alloc(3), Buffer.alloc(700)]) {
      expect(vpdSerial(page)).toBeUndefined()
      expect(vpdAta(page)).toBeUndefined()
      expect(vpdRpm(page)).toBeUndefined()
    }
  })
  it.each([
    [1, 0],
    [7200, 7200],
    [0, undefined],
    [0xffff, undefined],
  ])('rotation rate %d → %s', (rate, rpm) => {
    const page = Buffer.from([0, 0xb1, 0, 60, rate >> 8, rate & 0xff])
    expect(vpdRpm(page)).toBe(rpm)
  })
})
