import { describe, expect, it } from 'vitest'
import { age, count, distinct, duration, exactSize, labels, size, until, yesNo } from './format.ts'
import { capitals, word } from './words.ts'

const NOW = Date.UTC(2026, 4, 1)
const at = (seconds: number) => new Date(NOW + seconds * 1_000)

describe('sizes', () => {
  it.each([
    [undefined, ''],
    [0n, '0B'],
    [4096n, '4KiB'],
    [1_610_612_736n, '1.5GiB'],
    [10_000_000_000, '9.3GiB'],
  ])('%s is "%s"', (bytes, text) => expect(size(bytes)).toBe(text))

  it('come with exact bytes where there is room', () => {
    expect(exactSize(1_610_612_736n)).toBe('1.5GiB (1610612736 bytes)')
  })
})

describe('ages and durations', () => {
  it.each([
    [0, '0s'],
    [0.9, '0s'],
    [119, '119s'],
    [120, '2m'],
    [312, '5m12s'],
    [3_599, '59m'],
    [10_800, '3h'],
    [12_000, '3h20m'],
    [86_399, '23h59m'],
    [532_800, '6d4h'],
    [6_912_000, '80d'],
  ])('%s s ago is "%s"', (seconds, text) => expect(age(at(-seconds), NOW)).toBe(text))

  it('a clock ahead of ours makes no negative age', () => {
    expect(age(at(5), NOW)).toBe('0s')
  })

  it.each([
    [950, '950ms'],
    [1_000, '1s'],
    [30_000, '30s'],
  ])('%s ms is "%s"', (ms, text) => expect(duration(ms)).toBe(text))

  it.each([
    [3_599.6, 'in 60m'],
    [0, 'expired'],
    [-5, 'expired'],
  ])('%s s ahead is "%s"', (seconds, text) => expect(until(at(seconds), NOW)).toBe(text))
})

describe('words', () => {
  it.each([
    ['VOLUME_PHASE_READY', 'VOLUME_PHASE_', 'Ready'],
    ['REPLICA_ROLE_TIE_BREAKER', 'REPLICA_ROLE_', 'TieBreaker'],
    ['VOLUME_PHASE_UNSPECIFIED', 'VOLUME_PHASE_', ''],
    ['UNRECOGNIZED', 'VOLUME_PHASE_', 'Unrecognized'],
  ])('%s', (value, prefix, expected) => expect(word(value, prefix)).toBe(expected))

  it('kinds stay as they are written on the command line', () => {
    expect(capitals('STORAGE_POOL_KIND_FILE_THIN', 'STORAGE_POOL_KIND_')).toBe('FILE_THIN')
  })

  it('what is not known is empty, and never a zero or a no', () => {
    expect([count(undefined), yesNo(undefined), age(undefined, NOW), labels(undefined)]).toEqual([
      ...['', '', '', ''],
    ])
    expect([count(0), yesNo(false)]).toEqual(['0', 'no'])
  })

  it('labels are sorted and written as on the command line', () => {
    expect(labels({ tier: 'gold', rack: 'a', ssd: '' })).toBe('rack=a,ssd,tier=gold')
    expect(distinct(['b', '', 'a', 'b'])).toBe('b,a')
  })
})
