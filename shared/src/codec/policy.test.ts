import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PlacementPolicy as Message } from '../gen/keelson/v1/placement.ts'
import type { PlacementPolicy } from '../model/index.ts'
import { placementPolicyCodec } from './policy.ts'

const count = fc.nat({ max: 100_000 })
const anyPolicy: fc.Arbitrary<PlacementPolicy> = fc.record(
  {
    scope: fc.constantFrom('Cluster' as const, 'StorageClass' as const, 'Tenant' as const),
    name: fc.string({ maxLength: 8 }),
    version: count,
    updatedAt: count,
    weights: fc.dictionary(fc.constantFrom('space', 'headroom'), fc.double({ min: 0, max: 9 })),
    guarantees: fc.array(
      fc.record({
        failureDomain: fc.string({ maxLength: 8 }),
        losses: fc.integer({ min: 1, max: 9 }),
        mode: fc.constantFrom('Off' as const, 'Warn' as const, 'Enforce' as const),
      }),
      { maxLength: 3 },
    ),
    cpuOvercommitPercent: count,
    minFreeDataPercent: count,
    minFreeMetadataPercent: count,
    maxWearPercent: count,
    missingLabelAction: fc.constantFrom('Refuse' as const, 'Warn' as const),
    rebalanceLimits: fc.record({
      movesPerNode: count,
      movesPerDomain: count,
      failureDomain: fc.string({ maxLength: 8 }),
      bandwidthBytesPerSecond: count,
      windows: fc.array(
        fc.record({ startMinute: count, endMinute: count, bandwidthBytesPerSecond: count }),
        { maxLength: 2 },
      ),
    }),
  },
  { requiredKeys: ['scope', 'name', 'version', 'weights', 'guarantees'] },
)

describe('a policy', () => {
  it('comes back from the wire as it was, and what is absent stays absent', () => {
    fc.assert(
      fc.property(anyPolicy, (policy) => {
        const bytes = Message.encode(placementPolicyCodec.write(policy)).finish()
        expect(placementPolicyCodec.read(Message.decode(bytes), 'policy')).toEqual(policy)
      }),
      { numRuns: 100, seed: 1 },
    )
  })

  it('means the cluster, one loss and Off where nothing is set', () => {
    const message = Message.fromPartial({ guarantees: [{}] })
    expect(placementPolicyCodec.read(message, 'policy')).toEqual({
      scope: 'Cluster',
      name: '',
      version: 0,
      weights: {},
      guarantees: [{ failureDomain: '', losses: 1, mode: 'Off' }],
    })
  })
})
