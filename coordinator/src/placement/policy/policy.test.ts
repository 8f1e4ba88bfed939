import type { KeelsonError } from '@keelson/shared/errors'
import type { PlacementPolicy } from '@keelson/shared/model'
import { describe, expect, it } from 'vitest'
import { DEFAULT_WEIGHTS } from '../choose/index.ts'
import { createScene } from '../fixture.ts'
import { checkPolicy } from './check.ts'
import { effectivePolicy } from './effective.ts'

const policy = (changes: Partial<PlacementPolicy> = {}): PlacementPolicy => ({
  scope: 'Cluster',
  name: '',
  version: 0,
  weights: {},
  guarantees: [],
  ...changes,
})
const limits = {
  movesPerNode: 1,
  movesPerDomain: 2,
  failureDomain: '',
  bandwidthBytesPerSecond: 0,
  windows: [],
}

describe('a policy', () => {
  const refused: readonly [changes: Partial<PlacementPolicy>, message: RegExp][] = [
    [{ weights: { space: Number.NaN } }, /weight of "space" is NaN, it must be finite/],
    [{ weights: { space: Infinity } }, /weight of "space" is Infinity, it must be finite/],
    [{ weights: { space: -1 } }, /weight of "space" is -1, it must not be negative/],
    [{ weights: { space: 1e9 } }, /weight of "space" is 1000000000, at most 1000000/],
    [{ weights: { speed: 1 } }, /no score part "speed"; known ones are .*headroom.*space/],
    [{ cpuOvercommitPercent: 99 }, /cpu_overcommit_percent is 99, .* from 100 to/],
    [{ minFreeDataPercent: 100 }, /min_free_data_percent is 100, .* from 0 to 99/],
    [{ minFreeDataPercent: 1.5 }, /min_free_data_percent is 1.5, it must be a whole number/],
    [{ minFreeMetadataPercent: -1 }, /min_free_metadata_percent is -1/],
    [{ maxWearPercent: 101 }, /max_wear_percent is 101/],
    [{ name: 'x' }, /the cluster's policy has no name/],
    [{ scope: 'Tenant' }, /a policy of a tenant needs its name/],
    [{ guarantees: [{ failureDomain: 'a b', losses: 1, mode: 'Warn' }] }, /label key "a b"/],
    [{ guarantees: [{ failureDomain: '', losses: 0, mode: 'Warn' }] }, /has 0 losses/],
    [
      {
        guarantees: [
          { failureDomain: '', losses: 1, mode: 'Warn' },
          { failureDomain: '', losses: 2, mode: 'Off' },
        ],
      },
      /two guarantees about single hosts/,
    ],
    [
      {
        guarantees: Array.from({ length: 17 }, (_, index) => ({
          failureDomain: `l${index}`,
          losses: 1,
          mode: 'Off' as const,
        })),
      },
      /17 guarantees, at most 16/,
    ],
    [{ scope: 'Tenant', name: 'x', rebalanceLimits: limits }, /only the cluster's policy/],
    [{ rebalanceLimits: { ...limits, movesPerNode: -1 } }, /movesPerNode is -1/],
    [
      {
        rebalanceLimits: {
          ...limits,
          windows: [{ startMinute: 0, endMinute: 1440, bandwidthBytesPerSecond: 1 }],
        },
      },
      /minute 1440 is not one of a day/,
    ],
  ]
  it.each(refused)('is refused: %j', (changes, message) => {
    expect(() => checkPolicy(policy(changes))).toThrow(message)
    try {
      checkPolicy(policy(changes))
    } catch (error) {
      expect((error as KeelsonError).code).toBe('INVALID_ARGUMENT')
    }
  })

  it('may set every known part, and switch it off', () => {
    const weights = Object.fromEntries(Object.keys(DEFAULT_WEIGHTS).map((name) => [name, 0]))
    expect(() => checkPolicy(policy({ weights, rebalanceLimits: limits }))).not.toThrow()
  })
})

describe('what holds', () => {
  it('is the defaults where nobody says anything', () => {
    expect(effectivePolicy(createScene().state)).toMatchObject({
      version: 0,
      weights: DEFAULT_WEIGHTS,
      guarantees: [],
      cpuOvercommitPercent: 400,
      minFreeDataPercent: 5,
      minFreeThickPercent: 0,
      maxWearPercent: 0,
      missingLabelAction: 'Refuse',
    })
  })

  it('is what the narrower says, part by part', () => {
    const { policy: set, state } = createScene()
    set({ weights: { space: 1, headroom: 2 }, cpuOvercommitPercent: 200, minFreeDataPercent: 10 })
    set({ scope: 'StorageClass', name: 'fast', weights: { space: 3 }, minFreeDataPercent: 0 })
    set({ scope: 'Tenant', name: 'blue', weights: { space: 4 }, missingLabelAction: 'Warn' })
    expect(effectivePolicy(state, { storageClass: 'fast', tenant: 'blue' })).toMatchObject({
      scope: 'Tenant',
      name: 'blue',
      weights: { ...DEFAULT_WEIGHTS, space: 4, headroom: 2 },
      cpuOvercommitPercent: 200,
      minFreeDataPercent: 0,
      minFreeThickPercent: 0,
      missingLabelAction: 'Warn',
    })
    expect(effectivePolicy(state, { tenant: 'red' }).weights.space).toBe(1)
  })

  it('is the strictest of the guarantees about one failure domain', () => {
    const { policy: set, state } = createScene()
    const rack = (losses: number, mode: 'Off' | 'Warn' | 'Enforce') => ({
      failureDomain: 'rack',
      losses,
      mode,
    })
    set({ guarantees: [rack(1, 'Enforce'), { failureDomain: '', losses: 1, mode: 'Warn' }] })
    set({ scope: 'Tenant', name: 'blue', guarantees: [rack(2, 'Off')] })
    expect(effectivePolicy(state, { tenant: 'blue' }).guarantees).toEqual([
      { failureDomain: 'rack', losses: 2, mode: 'Enforce' },
      { failureDomain: '', losses: 1, mode: 'Warn' },
    ])
  })
})
