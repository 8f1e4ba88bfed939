import { KeelsonError } from '@keelson/shared/errors'
import type { PlacementPolicy } from '@keelson/shared/model'
import { describe, expect, it } from 'vitest'
import { createWorld, type World } from '../testing/index.ts'

const policy = (changes: Partial<PlacementPolicy> = {}): PlacementPolicy => ({
  scope: 'Cluster',
  name: '',
  version: 77,
  weights: {},
  guarantees: [],
  ...changes,
})

const set = (world: World, expectedVersion: number, changes: Partial<PlacementPolicy> = {}) =>
  world.run('SetPolicy', 'policy', { policy: policy(changes), expectedVersion })

const kept = ({ state }: World) =>
  state.policies.get('cluster')?.versions.map(({ version }) => version) ?? []

describe('setting a policy', () => {
  it('counts its versions and says when each was set', () => {
    const world = createWorld()
    set(world, 0, { minFreeDataPercent: 1 })
    const now = world.now()
    set(world, 1, { minFreeDataPercent: 2 })
    expect(kept(world)).toEqual([1, 2])
    expect(world.state.policies.get('cluster')!.versions[1]).toEqual(
      policy({ version: 2, updatedAt: now, minFreeDataPercent: 2 }),
    )
  })

  it('is ABORTED if another version came between', () => {
    const world = createWorld()
    set(world, 0, { minFreeDataPercent: 1 })
    for (const expected of [0, 2])
      expect(() => set(world, expected, { minFreeDataPercent: 3 })).toThrow(
        expect.objectContaining({
          code: 'ABORTED',
          message: `the policy of cluster has version 1, not ${expected}`,
        }),
      )
  })

  it('changes nothing when it says what holds already, in whatever order', () => {
    const world = createWorld()
    set(world, 0, { weights: { space: 1, headroom: 2 } })
    set(world, 1, { weights: { headroom: 2, space: 1 } })
    expect(kept(world)).toEqual([1])
  })

  it('keeps the last 20 versions', () => {
    const world = createWorld()
    for (let version = 0; version < 25; version++)
      set(world, version, { minFreeDataPercent: version })
    expect(kept(world)).toEqual(Array.from({ length: 20 }, (_, index) => index + 6))
  })

  it.each<[Partial<PlacementPolicy>, string]>([
    [{ weights: { space: Number.NaN } }, 'INVALID_ARGUMENT'],
    [{ scope: 'StorageClass', name: 'none' }, 'NOT_FOUND'],
  ])('refuses %j', (changes, code) => {
    const world = createWorld()
    try {
      set(world, 0, changes)
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(KeelsonError)
      expect((error as KeelsonError).code).toBe(code)
    }
  })
})
