import type { Move, MoveStatus, RebalanceLimits, VolumeSpec } from '@keelson/shared/model'
import { describe, expect, it } from 'vitest'
import type { RebalanceRecord } from '../state/index.ts'
import { createPopulatedWorld, faithfulReport, type World } from '../testing/index.ts'
import { nextMoves } from './next-moves.ts'

const GIB = 2 ** 30
const NOW = Date.UTC(2026, 0, 5, 9)

const FREE: RebalanceLimits = {
  movesPerNode: 10,
  movesPerDomain: 10,
  failureDomain: '',
  bandwidthBytesPerSecond: 0,
  windows: [],
}

/** Hosts n0 and n3 in rack r0, n1 in r1, n2 in r2; volumes a, b and c with replicas where told. */
function world(places: Readonly<Record<string, readonly string[]>>): World {
  const made = createPopulatedWorld()
  for (const [name, nodes] of Object.entries(places)) {
    const spec: VolumeSpec = {
      ...{ sizeBytes: GIB, storageClass: '', pool: '', replicas: nodes.length, nodes },
      sourceSnapshot: '',
    }
    made.run('CreateVolume', name, { name, labels: {}, spec })
    const volume = made.state.volumes.get(name)!
    const free = { ...volume, spec: { ...spec, nodes: [] } }
    made.state.apply([{ kind: 'volume', id: name, value: free }], made.state.revision + 1)
  }
  for (const node of made.state.nodes.sortedIds())
    made.run('RecordObserved', node, { node, observed: faithfulReport(made.state, node) })
  return made
}

function move(number: number, subject: string, over: Partial<Move> = {}): Move {
  return {
    ...{ number, kind: 'Replica', subject: `volume/${subject}`, fromNode: 'n0', fromPool: 'p0' },
    ...{ toNode: 'n2', toPool: 'p0', copiedBytes: GIB, gain: 0, reason: '', after: [] },
    ...over,
  }
}

function rebalance(
  moves: readonly Move[],
  over: Partial<RebalanceRecord> = {},
  phases: readonly MoveStatus['phase'][] = [],
): RebalanceRecord {
  return {
    operation: 'op-1',
    plan: {
      ...{ id: 'plan-1', objective: 'Spread', moves, copiedBytes: 0, resourceVersion: 1 },
      ...{ imbalanceBefore: 1, imbalanceAfter: 0, summary: '' },
    },
    phase: 'Running',
    limits: FREE,
    moves: moves.map(({ number }, index) => ({
      ...{ number, phase: phases[index] ?? 'Waiting', copiedBytes: 0, message: '' },
    })),
    owed: { bytes: 0, at: NOW },
    ...over,
  }
}

/** What becomes of each move, as "1 starts", "2 waits: …", "3 is skipped: …". */
function fates({ state }: World, record: RebalanceRecord, now = NOW): string[] {
  const { skip, start, waiting } = nextMoves(state, record, now)
  return [
    ...start.map(({ number }) => `${number} starts`),
    ...waiting.map(({ number, why }) => `${number} waits: ${why}`),
    ...skip.map(({ number, why }) => `${number} is skipped: ${why}`),
  ].sort()
}

const TWO = { a: ['n0', 'n1'], b: ['n0', 'n1'], c: ['n1', 'n3'] }

describe('the order of moves', () => {
  const chain = [move(1, 'a'), move(2, 'b', { after: [1] }), move(3, 'c', { fromNode: 'n3' })]
  const cases: [name: string, phases: readonly MoveStatus['phase'][], expected: string[]][] = [
    ['the first and the free one', [], ['1 starts', '2 waits: waits for move 1', '3 starts']],
    ['what ended no longer holds', ['Done'], ['2 starts', '3 starts']],
    ['nor does what was skipped', ['Skipped'], ['2 starts', '3 starts']],
    ['nor what failed', ['Failed', 'Waiting', 'Done'], ['2 starts']],
    ['what runs does', ['Running', 'Waiting', 'Done'], ['2 waits: waits for move 1']],
  ]
  it.each(cases)('%s', (_name, phases, expected) => {
    expect(fates(world(TWO), rebalance(chain, {}, phases))).toEqual(expected)
  })
})

describe('limits', () => {
  const both = [move(1, 'a'), move(2, 'b'), move(3, 'c', { fromNode: 'n3', toNode: 'n2' })]
  const cases: [name: string, limits: Partial<RebalanceLimits>, expected: string[]][] = [
    ['none', {}, ['1 starts', '2 starts', '3 starts']],
    [
      'one move per host, from or to it',
      { movesPerNode: 1 },
      ['1 starts', '2 waits: n0 has 1 of at most 1 moves', '3 waits: n2 has 1 of at most 1 moves'],
    ],
    [
      'two moves per rack',
      { movesPerDomain: 2 },
      ['1 starts', '2 starts', '3 waits: rack r0 has 2 of at most 2 moves'],
    ],
    [
      'domains by another label, which nobody has',
      { movesPerDomain: 1, failureDomain: 'room' },
      ['1 starts', '2 starts', '3 starts'],
    ],
    [
      'bandwidth lets one begin, and the next when it is paid off',
      { bandwidthBytesPerSecond: GIB },
      [
        '1 starts',
        '2 waits: 1 GiB of earlier moves are not paid off yet at 1 GiB/s',
        '3 waits: 1 GiB of earlier moves are not paid off yet at 1 GiB/s',
      ],
    ],
    [
      'a time of day without any',
      { windows: [{ startMinute: 8 * 60, endMinute: 10 * 60, bandwidthBytesPerSecond: 0 }] },
      [1, 2, 3].map((number) => `${number} waits: no bandwidth at this time of day`),
    ],
  ]
  it.each(cases)('%s', (_name, limits, expected) => {
    const record = rebalance(both, { limits: { ...FREE, ...limits } })
    expect(fates(world(TWO), record)).toEqual(expected)
  })

  it('bandwidth is paid off by time', () => {
    const limits = { ...FREE, bandwidthBytesPerSecond: GIB }
    const record = rebalance([move(1, 'a')], { limits, owed: { bytes: 10 * GIB, at: NOW } })
    expect(fates(world(TWO), record, NOW + 9_999)[0]).toContain('1 waits: ')
    expect(fates(world(TWO), record, NOW + 10_000)).toEqual(['1 starts'])
  })

  it('moves that somebody else asked for count', () => {
    const made = world(TWO)
    const fields = { volume: 'b', fromNode: 'n0', toNode: 'n2', toPool: '' }
    made.run('MoveReplica', 'b', fields)
    const record = rebalance(both, { limits: { ...FREE, movesPerNode: 1 } })
    expect(fates(made, record)).toEqual([
      '1 waits: n0 has 1 of at most 1 moves',
      '2 is skipped: volume/b has a replica on n2 by now',
      '3 waits: n2 has 1 of at most 1 moves',
    ])
  })

  it('one replica of a volume moves at a time', () => {
    const made = world(TWO)
    made.run('MoveReplica', 'b', { volume: 'b', fromNode: 'n0', toNode: 'n2', toPool: '' })
    const record = rebalance([move(1, 'b', { fromNode: 'n1', toNode: 'n3' })])
    expect(fates(made, record)).toEqual(['1 waits: its replica on n0 is on its way to n2'])
  })
})

describe('what has become pointless is skipped', () => {
  const cases: [name: string, move: Move, why: string][] = [
    ['its volume is gone', move(1, 'gone'), 'volume/gone is gone'],
    ['it left by itself', move(1, 'c'), 'volume/c has no replica on n0 any more'],
    ['it is there already', move(1, 'a', { toNode: 'n1' }), 'volume/a has a replica on n1 by now'],
    ['its machine is gone', move(1, 'a', { kind: 'Migrate', subject: 'vm/web' }), 'vm/web is gone'],
    [
      'it would go from an emptier host to a fuller one',
      move(1, 'c', { fromNode: 'n3', toNode: 'n0', gain: 0.1 }),
      'n0 has 16.7 % of its storage taken, n3 8.3 % by now',
    ],
    ['nobody makes it', move(1, 'a', { kind: 'AddReplica' }), 'a rebalance adds no replicas'],
  ]
  it.each(cases)('%s', (_name, one, why) => {
    expect(fates(world(TWO), rebalance([one]))).toEqual([`1 is skipped: ${why}`])
  })

  it('but not a move that only makes room for others', () => {
    const one = move(1, 'c', { fromNode: 'n3', toNode: 'n0', gain: 0 })
    expect(fates(world(TWO), rebalance([one]))).toEqual(['1 starts'])
  })
})
