import { describe, expect, it } from 'vitest'
import { parseDuration } from './duration.ts'
import * as flag from './flags.ts'

describe('durations', () => {
  it.each([
    ['30s', 30_000],
    ['500ms', 500],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['1.5s', 1_500],
    ['30', 30_000],
  ])('%s', (text, ms) => expect(parseDuration(text)).toBe(ms))

  it.each(['', 's', '30x', '-1s', '1h 30m', '1e3', 'soon'])('"%s" is refused', (text) => {
    expect(() => parseDuration(text)).toThrow('is not a duration')
  })
})

describe('values of flags', () => {
  const size = flag.sizeBytes('size')
  const replicas = flag.wholeNumber('count', 'replicas', [1, 8])
  const factor = flag.decimal('factor', 'overcommit', [1, 100])
  const timeout = flag.durationMs('timeout')
  const name = flag.text('name', 'name')
  const mode = flag.choice(['same', 'different'], 'mode')

  it.each([
    [size, '10GiB', 10_737_418_240n],
    [size, '10G', 10_000_000_000n],
    [size, '4096', 4096n],
    [replicas, '8', 8],
    [factor, '1.5', 1.5],
    [timeout, '2m', 120_000],
    [name, 'x', 'x'],
    [mode, 'same', 'same'],
  ])('%# %s', (of, text, value) => expect(of.parse(text, undefined as never)).toBe(value))

  it.each([
    [size, '0', 'of no use'],
    [size, '-1GiB', 'negative'],
    [size, '1XB', 'not a size'],
    [size, '99999999TiB', 'larger than'],
    [replicas, '9', 'from 1 to 8'],
    [replicas, '0', 'from 1 to 8'],
    [replicas, '1.5', 'from 1 to 8'],
    [replicas, '', 'from 1 to 8'],
    [factor, '0.5', 'from 1 to 100'],
    [timeout, '0', 'of no use'],
    [name, '', 'empty'],
    [mode, 'sam', 'not one of same, different'],
  ])('%# %s is refused', (of, text, message) => {
    expect(() => of.parse(text, undefined as never)).toThrow(message)
  })

  it('lists are repeated or joined by commas', () => {
    const nodes = flag.texts('name', 'nodes')
    expect(nodes.parse('n2, n3', nodes.parse('n1', nodes.absent))).toEqual(['n1', 'n2', 'n3'])
    expect(() => nodes.parse('n1,,n2', [])).toThrow('empty')
    const kinds = flag.choices(['FILE', 'FILE_THIN'], 'kinds')
    expect(kinds.parse('FILE,FILE_THIN', [])).toEqual(['FILE', 'FILE_THIN'])
    expect(() => kinds.parse('FILE,LVM', [])).toThrow('"LVM" is not one of')
  })

  it('labels are checked as the coordinator does', () => {
    const labels = flag.labels('labels')
    const first = labels.parse('rack=a,tier=', labels.absent)
    expect(labels.parse('rack=b', first)).toEqual({ rack: 'b', tier: '' })
    expect(() => labels.parse('rack', {})).toThrow('not a label')
    expect(() => labels.parse('=x', {})).toThrow('not a label')
    expect(() => labels.parse('-a=x', {})).toThrow('not valid')
  })
})
