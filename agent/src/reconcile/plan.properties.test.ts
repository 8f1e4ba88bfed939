/** The promises about data, as properties of every plan there can be. */
import type { DesiredState } from '@keelson/shared/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  abilities,
  desiredPool,
  desiredReplica,
  desiredSnapshot,
  host,
  listed,
  MIB,
  snapshot,
  volume,
} from './fixture.ts'
import { type Plan, plan, stepsOf } from './plan.ts'
import { isMaking, type Step } from './step.ts'
import type { HostView, PoolListing, PoolView } from './view.ts'

const POOLS = ['p1', 'p2']
const VOLUMES = ['v1', 'v2', 'v3', 'v4']
const SNAPSHOTS = ['s1', 's2', 's3']

const intent = fc.constantFrom('Present' as const, 'Absent' as const)
const sizeBytes = fc.constantFrom(4096, MIB, 2 * MIB)

const desiredState: fc.Arbitrary<DesiredState> = fc.record({
  clusterId: fc.constant('c1'),
  node: fc.constant('n1'),
  generation: fc.nat(100),
  pools: fc
    .uniqueArray(fc.constantFrom(...POOLS))
    .chain((uids) =>
      fc.tuple(...uids.map((uid) => intent.map((wanted) => desiredPool(uid, { intent: wanted })))),
    ),
  replicas: fc.uniqueArray(fc.constantFrom(...VOLUMES)).chain((uids) =>
    fc.tuple(
      ...uids.map((uid) =>
        fc
          .record({
            intent,
            sizeBytes,
            poolUid: fc.constantFrom(...POOLS),
            provisioned: fc.boolean(),
            sourceSnapshotUid: fc.constantFrom('', '', ...SNAPSHOTS),
          })
          .map((more) => desiredReplica(uid, more)),
      ),
    ),
  ),
  snapshots: fc.uniqueArray(fc.constantFrom(...SNAPSHOTS)).chain((uids) =>
    fc.tuple(
      ...uids.map((uid) =>
        fc
          .record({
            intent,
            volumeUid: fc.constantFrom(...VOLUMES),
            poolUid: fc.constantFrom(...POOLS),
            provisioned: fc.boolean(),
          })
          .map((more) => desiredSnapshot(uid, more)),
      ),
    ),
  ),
})

const poolView: fc.Arbitrary<PoolView> = fc.oneof(
  { weight: 4, arbitrary: listing() },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('New' as const, 'Lost' as const, 'Silent' as const)
      .map((state) => ({ kind: 'Unlisted', problem: 'x', state }) as const),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'Removed' } as const) },
)

function listing(): fc.Arbitrary<PoolView> {
  return fc
    .record({
      volumes: fc
        .subarray(VOLUMES)
        .chain((uids) =>
          fc.tuple(
            ...uids.map((uid) =>
              fc.record({ ready: fc.boolean(), sizeBytes }).map((more) => volume(uid, more)),
            ),
          ),
        ),
      snapshots: fc
        .subarray(SNAPSHOTS)
        .map((uids) => uids.map((uid) => snapshot(uid, { sizeBytes: 4096 }))),
      missing: fc.subarray(VOLUMES),
      everSeen: fc.subarray(SNAPSHOTS),
      uncertain: fc.subarray([
        ...VOLUMES.map((uid) => `replica/${uid}`),
        ...SNAPSHOTS.map((uid) => `snapshot/${uid}`),
      ]),
    })
    .map((parts) => {
      const present = new Set(parts.volumes.map(({ uid }) => uid))
      return listed({ ...parts, missing: parts.missing.filter((uid) => !present.has(uid)) })
    })
}

const hostView: fc.Arbitrary<HostView> = fc
  .record({ p1: poolView, p2: poolView }, { requiredKeys: [] })
  .map((pools) => host(pools as Record<string, PoolView>))

function always(
  check: (steps: readonly Step[], desired: DesiredState, view: HostView, all: Plan) => void,
) {
  fc.assert(
    fc.property(desiredState, hostView, (desired, view) => {
      const all = plan(desired, view, abilities)
      check(stepsOf(all), desired, view, all)
    }),
    { numRuns: 2_000 },
  )
}

function intentOf(desired: DesiredState, step: Step): string | undefined {
  const uid = step.item.slice(step.item.indexOf('/') + 1)
  if (step.item.startsWith('pool/')) return desired.pools.find((each) => each.uid === uid)?.intent
  if (step.item.startsWith('replica/'))
    return desired.replicas.find((each) => each.volumeUid === uid)?.intent
  return desired.snapshots.find((each) => each.uid === uid)?.intent
}

function listingOf(view: HostView, uid: string): PoolListing | undefined {
  const seen = view.get(uid)
  return seen?.kind === 'Listed' ? seen.listing : undefined
}

describe('every plan', () => {
  it('removes nothing whose intent is not Absent', () => {
    always((steps, desired) => {
      for (const step of steps)
        if (step.type.startsWith('Remove')) expect(intentOf(desired, step)).toBe('Absent')
    })
  })

  it('makes nothing whose intent is not Present', () => {
    always((steps, desired) => {
      for (const step of steps) if (isMaking(step)) expect(intentOf(desired, step)).toBe('Present')
    })
  })

  it('never makes a volume anew that was there once', () => {
    always((steps, desired, view) => {
      for (const step of steps) {
        if (step.type !== 'EnsureReplica' || !step.creates) continue
        const wanted = desired.replicas.find((each) => each.volumeUid === step.volume.uid)
        expect(wanted?.provisioned).toBe(false)
        expect(listingOf(view, step.pool.uid)?.missing.has(step.volume.uid)).toBe(false)
      }
    })
  })

  it('never takes a snapshot anew that was there once', () => {
    always((steps, desired, view) => {
      for (const step of steps) {
        if (step.type !== 'CreateSnapshot') continue
        const wanted = desired.snapshots.find(({ uid }) => uid === step.snapshot.uid)
        expect(wanted?.provisioned).toBe(false)
        expect(listingOf(view, step.pool.uid)?.everSeen.has(step.snapshot.uid)).toBe(false)
      }
    })
  })

  it('says that something was made only when the document says so too', () => {
    always((_, desired, __, all) => {
      for (const [index, { observed, made }] of all.replicas.entries()) {
        const { provisioned } = desired.replicas[index]!
        if (!provisioned) expect(observed).toMatchObject({ sizeBytes: 0, devicePath: '' })
        if (observed.phase === 'Ready') expect(provisioned).toBe(true)
        if (made) expect(provisioned).toBe(false)
      }
      for (const [index, { observed, made }] of all.snapshots.entries()) {
        const { provisioned } = desired.snapshots[index]!
        if (observed.phase === 'Ready' || observed.method) expect(provisioned).toBe(true)
        if (made) expect(provisioned).toBe(false)
      }
    })
  })

  it('touches volumes and snapshots only in pools that can be seen', () => {
    always((steps, _, view) => {
      for (const step of steps)
        if (!step.item.startsWith('pool/')) expect(listingOf(view, step.pool.uid)).toBeDefined()
    })
  })

  it('confirms as gone only what was looked for and not found', () => {
    always((_, desired, view, all) => {
      for (const [index, { item, observed }] of all.replicas.entries()) {
        if (observed.phase !== 'Absent') continue
        const wanted = desired.replicas[index]!
        expect(wanted.intent).toBe('Absent')
        const seen = view.get(wanted.poolUid)
        expect(seen?.kind).not.toBe('Unlisted')
        expect(seen).toBeDefined()
        const here = listingOf(view, wanted.poolUid)
        expect(here?.volumes.has(wanted.volumeUid) ?? false).toBe(false)
        expect(here?.uncertain.has(item) ?? false).toBe(false)
      }
      for (const [index, { item, observed }] of all.snapshots.entries()) {
        if (observed.phase !== 'Absent') continue
        const wanted = desired.snapshots[index]!
        expect(wanted.intent).toBe('Absent')
        const here = listingOf(view, wanted.poolUid)
        expect(here?.snapshots.has(wanted.uid) ?? false).toBe(false)
        expect(here?.uncertain.has(item) ?? false).toBe(false)
      }
    })
  })

  it('decides nothing about an item that is in doubt', () => {
    always((steps, _, view) => {
      for (const step of steps)
        expect(listingOf(view, step.pool.uid)?.uncertain.has(step.item) ?? false).toBe(false)
    })
  })

  it('reports every item of the document exactly once, and no other', () => {
    always((_, desired, __, all) => {
      expect(all.pools.map(({ observed }) => observed.uid)).toEqual(
        desired.pools.map(({ uid }) => uid),
      )
      expect(all.replicas.map(({ observed }) => observed.volumeUid)).toEqual(
        desired.replicas.map(({ volumeUid }) => volumeUid),
      )
      expect(all.snapshots.map(({ observed }) => observed.uid)).toEqual(
        desired.snapshots.map(({ uid }) => uid),
      )
    })
  })

  it('has at most one step per item', () => {
    always((steps) => {
      expect(new Set(steps.map(({ item }) => item)).size).toBe(steps.length)
    })
  })

  it('ends: carrying plans out leads to a state that needs nothing more', () => {
    always((_, desired, view) => {
      let now = view
      for (let round = 0; round < 6; round++) {
        const steps = stepsOf(plan(desired, now, abilities))
        if (steps.length === 0) return
        now = steps.reduce(achieve, now)
      }
      expect(stepsOf(plan(desired, now, abilities))).toEqual([])
    })
  })
})

/** The host after a step did what it is for. */
function achieve(view: HostView, step: Step): HostView {
  const next = new Map(view)
  if (step.type === 'PreparePool') return next.set(step.pool.uid, listed())
  if (step.type === 'RemovePool') return next.set(step.pool.uid, { kind: 'Removed' })
  const before = listingOf(view, step.pool.uid)!
  const volumes = new Map(before.volumes)
  const snapshots = new Map(before.snapshots)
  const missing = new Set(before.missing)
  if (step.type === 'EnsureReplica')
    volumes.set(step.volume.uid, volume(step.volume.uid, step.volume))
  if (step.type === 'RemoveReplica') {
    volumes.delete(step.volumeUid)
    missing.delete(step.volumeUid)
  }
  if (step.type === 'CreateSnapshot') snapshots.set(step.snapshot.uid, snapshot(step.snapshot.uid))
  if (step.type === 'RemoveSnapshot') snapshots.delete(step.snapshotUid)
  return next.set(step.pool.uid, {
    kind: 'Listed',
    listing: { ...before, volumes, snapshots, missing },
  })
}
