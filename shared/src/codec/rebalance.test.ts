import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RebalancePlan as pbPlan, Rebalance as pbRebalance } from '../gen/keelson/v1/placement.ts'
import type { Move, MoveStatus, Rebalance, RebalanceLimits, RebalancePlan } from '../model/index.ts'
import { rebalanceCodec, rebalanceObjectiveCodec, rebalancePlanCodec } from './rebalance.ts'

const bytes = fc.nat(2 ** 40)
const name = fc.constantFrom('', 'n1', 'volume/data')
const score = fc.double({ min: 0, max: 1, noNaN: true })

const move: fc.Arbitrary<Move> = fc.record({
  number: fc.integer({ min: 1, max: 9 }),
  kind: fc.constantFrom('Migrate', 'Restart', 'Replica', 'AddReplica'),
  subject: name,
  fromNode: name,
  fromPool: name,
  toNode: name,
  toPool: name,
  copiedBytes: bytes,
  gain: score,
  reason: name,
  after: fc.array(fc.integer({ min: 1, max: 9 })),
})

const plan: fc.Arbitrary<RebalancePlan> = fc.record(
  {
    id: name,
    objective: fc.constantFrom('Spread', 'Capacity', 'Load', 'Wear'),
    moves: fc.array(move),
    copiedBytes: bytes,
    imbalanceBefore: score,
    imbalanceAfter: score,
    summary: name,
    resourceVersion: bytes,
    expiresAt: fc.nat(2 ** 40),
  },
  {
    requiredKeys: [
      'id',
      'objective',
      'moves',
      'copiedBytes',
      'imbalanceBefore',
      'imbalanceAfter',
      'summary',
      'resourceVersion',
    ],
  },
)

const limits: fc.Arbitrary<RebalanceLimits> = fc.record({
  movesPerNode: fc.nat(9),
  movesPerDomain: fc.nat(9),
  failureDomain: name,
  bandwidthBytesPerSecond: bytes,
  windows: fc.array(
    fc.record({
      startMinute: fc.nat(1439),
      endMinute: fc.nat(1439),
      bandwidthBytesPerSecond: bytes,
    }),
  ),
})

const status: fc.Arbitrary<MoveStatus> = fc.record({
  number: fc.integer({ min: 1, max: 9 }),
  phase: fc.constantFrom('Waiting', 'Running', 'Done', 'Skipped', 'Failed'),
  copiedBytes: bytes,
  message: name,
})

const rebalance: fc.Arbitrary<Rebalance> = fc.record({
  operation: name,
  plan,
  phase: fc.constantFrom('Running', 'Pausing', 'Paused', 'Done'),
  limits,
  moves: fc.array(status),
})

describe('plans and rebalances over the wire', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(rebalance, (sent) => {
        const wire = pbRebalance.encode(rebalanceCodec.write(sent)).finish()
        expect(rebalanceCodec.read(pbRebalance.decode(wire), 'rebalance')).toEqual(sent)
        const planned = pbPlan.encode(rebalancePlanCodec.write(sent.plan)).finish()
        expect(rebalancePlanCodec.read(pbPlan.decode(planned), 'plan')).toEqual(sent.plan)
      }),
      { seed: 1 },
    )
  })

  it('an objective that is not set is Spread', () => {
    expect(rebalanceObjectiveCodec.read(0, 'objective')).toBe('Spread')
  })
})
