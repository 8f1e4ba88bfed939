/**
 * A host under a coordinator that keeps changing its mind, with a driver that is slow and fails
 * before or after its effect, a ledger that does the same, snapshots that vanish, and an agent that
 * is killed: what is promised holds throughout, and when things calm down the host is what the last
 * document says. The coordinator never says that anything was made: the host has to know.
 */
import { KeelsonError } from '@keelson/shared/errors'
import type { DesiredState } from '@keelson/shared/model'
import { type Rng, seededRng, sleep } from '@keelson/shared/runtime'
import { createFakeClock, type FakeClock } from '@keelson/shared/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMemoryLedger } from '../ledger/index.ts'
import {
  type CallOptions,
  createFakeDisk,
  createFakeStorage,
  type FakeDisk,
  type PoolConfig,
  rebootFakeDisk,
  type StorageDriver,
  writeFakeVolume,
} from '../storage/index.ts'
import { abilities, desiredReplica, desiredSnapshot, document, MIB } from './fixture.ts'
import { startReconciler } from './reconciler.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const PATH = '/srv/p1'

interface Item {
  readonly uid: string
  intent: 'Present' | 'Absent'
}

/** What a coordinator would keep: items come, are told to go, and are forgotten once gone. */
function createMind(rng: Rng) {
  const volumes = new Map<string, Item>()
  const snapshots = new Map<string, Item & { readonly volumeUid: string }>()
  let generation = 0
  let created = 0
  const pick = <T>(items: readonly T[]): T | undefined =>
    items[Math.floor(rng.next() * items.length)]
  const ofVolume = (uid: string) => [...snapshots.values()].filter((each) => each.volumeUid === uid)
  return {
    volumes,
    snapshots,
    change(): void {
      const present = [...volumes.values()].filter(({ intent }) => intent === 'Present')
      const roll = rng.next()
      if (roll < 0.4) volumes.set(`v${created}`, { uid: `v${created++}`, intent: 'Present' })
      else if (roll < 0.65) {
        const volumeUid = pick(present)?.uid
        if (volumeUid)
          snapshots.set(`s${created}`, { uid: `s${created++}`, volumeUid, intent: 'Present' })
      } else if (roll < 0.85) {
        const snapshot = pick([...snapshots.values()])
        if (snapshot) snapshot.intent = 'Absent'
      } else {
        const volume = pick(present.filter(({ uid }) => ofVolume(uid).length === 0))
        if (volume) volume.intent = 'Absent'
      }
    },
    confirmed(kind: 'volumes' | 'snapshots', uid: string): void {
      if ((kind === 'volumes' ? volumes : snapshots).get(uid)?.intent === 'Absent')
        (kind === 'volumes' ? volumes : snapshots).delete(uid)
    },
    document: (): DesiredState =>
      document({
        generation: ++generation,
        replicas: [...volumes.values()].map(({ uid, intent }) => desiredReplica(uid, { intent })),
        snapshots: [...snapshots.values()].map(({ uid, volumeUid, intent }) =>
          desiredSnapshot(uid, { volumeUid, intent }),
        ),
      }),
  }
}

/** A driver that is slow, fails, and checks that its callers keep the contract. */
function createHardDriver(disk: FakeDisk, clock: FakeClock, rng: Rng, trouble: () => number) {
  const busy = new Set<string>()
  const inFlight = new Set<string>()
  const violations: string[] = []
  const fault = (when: string) => {
    if (rng.next() < trouble()) throw new KeelsonError('UNAVAILABLE', `fault ${when} the effect`)
  }
  const base = createFakeStorage({ disk, clock, trashHoldMs: 1_000 })
  async function guarded<T>(key: string, item: string, act: () => Promise<T>): Promise<T> {
    if (busy.has(key)) violations.push(`${item} overlaps another call for ${key}`)
    busy.add(key)
    inFlight.add(item)
    try {
      await sleep(clock, rng.next() * 3_000)
      fault('before')
      const result = await act()
      await sleep(clock, rng.next() * 3_000)
      fault('after')
      return result
    } finally {
      busy.delete(key)
      inFlight.delete(item)
    }
  }
  const volumeOf = (uid: string) => disk.pools.get(PATH)?.snapshots.get(uid)?.state.volumeUid ?? uid
  const driver: StorageDriver = {
    ...base,
    async listPool(pool: PoolConfig, call?: CallOptions) {
      const seen = await base.listPool(pool, call)
      // The answer is old by the time it arrives.
      await sleep(clock, rng.next() * 2_000)
      return seen
    },
    ensureVolume: (pool, volume, call) =>
      guarded(volume.uid, volume.uid, () => base.ensureVolume(pool, volume, call)),
    removeVolume: (pool, uid) => guarded(uid, `-${uid}`, () => base.removeVolume(pool, uid)),
    createSnapshot: (pool, wanted, call) =>
      guarded(wanted.volumeUid, wanted.uid, () => base.createSnapshot(pool, wanted, call)),
    removeSnapshot: (pool, uid) =>
      guarded(volumeOf(uid), `-${uid}`, () => base.removeSnapshot(pool, uid)),
  }
  return { driver, inFlight, violations }
}

async function live(seed: number): Promise<void> {
  const rng = seededRng(seed)
  const clock = createFakeClock({ now: 0 })
  const disk = createFakeDisk({ totalBytes: 1024 * MIB })
  const mind = createMind(rng)
  let calm = false
  const { driver, inFlight, violations } = createHardDriver(disk, clock, rng, () =>
    calm ? 0 : 0.2,
  )
  const ledger = createMemoryLedger('n1', mind.document())
  const fault = async (when: string) => {
    await sleep(clock, rng.next() * 500)
    if (!calm && rng.next() < 0.2) throw new KeelsonError('UNAVAILABLE', `fault ${when} the write`)
  }
  let life = 0
  const start = (own = ++life) =>
    startReconciler({
      driver,
      abilities,
      desired: ledger.current,
      async recordMade(items) {
        await fault('before')
        if (own === life) await ledger.recordMade(items)
        await fault('after')
      },
      clock,
      rng,
      log: silent,
      onChange: () => undefined,
    })
  let reconciler = start()
  const written = new Map<string, string>()
  /** Snapshots that were reported Ready, and those of them whose data is gone. */
  const told = new Set<string>()
  const lost = new Set<string>()

  function loseSnapshot(): void {
    const pool = disk.pools.get(PATH)
    const uid = [...(pool?.snapshots.keys() ?? [])].findLast((each) => told.has(each))
    if (uid === undefined) return
    pool?.snapshots.delete(uid)
    lost.add(uid)
  }

  function check(): void {
    expect(violations).toEqual([])
    const book = reconciler.observed()
    const pool = disk.pools.get(PATH)
    if (!book || !pool) return
    for (const { volumeUid: uid, phase } of book.replicas.values()) {
      if (phase === 'Absent') {
        expect(pool.volumes.has(uid), `volume ${uid} is there`).toBe(false)
        expect(inFlight.has(uid), `volume ${uid} is in the making`).toBe(false)
        mind.confirmed('volumes', uid)
      }
      const volume = pool.volumes.get(uid)
      if (phase === 'Ready' && volume?.attached && !written.has(uid)) {
        writeFakeVolume(volume, 0, `data of ${uid}`)
        written.set(uid, `data of ${uid}`)
      }
    }
    for (const uid of lost) expect(pool.snapshots.has(uid), `${uid} was taken anew`).toBe(false)
    for (const { uid, phase } of book.snapshots.values()) {
      if (phase === 'Ready') told.add(uid)
      if (phase !== 'Absent') continue
      expect(pool.snapshots.has(uid), `snapshot ${uid} is there`).toBe(false)
      expect(inFlight.has(uid), `snapshot ${uid} is in the making`).toBe(false)
      mind.confirmed('snapshots', uid)
    }
    for (const [uid, { intent }] of mind.volumes)
      if (intent === 'Present' && written.has(uid))
        expect(pool.volumes.get(uid)?.content.get(0), `data of ${uid}`).toBe(written.get(uid))
  }

  for (let event = 0; event < 60; event++) {
    mind.change()
    await ledger.store(mind.document())
    if (rng.next() < 0.1) {
      life++
      const stopped = reconciler.stop()
      if (rng.next() < 0.5) loseSnapshot()
      await clock.advance(6_000)
      await stopped
      if (rng.next() < 0.5) rebootFakeDisk(disk)
      reconciler = start()
    } else reconciler.trigger()
    const steps = Math.ceil(rng.next() * 8)
    for (let i = 0; i < steps; i++) {
      await clock.advance(rng.next() * 1_000)
      check()
    }
  }
  calm = true
  for (let i = 0; i < 300; i++) {
    await ledger.store(mind.document())
    reconciler.trigger()
    await clock.advance(1_000)
    check()
  }
  const pool = disk.pools.get(PATH)
  const wanted = (items: Iterable<Item>) => [...items].map(({ uid }) => uid).sort()
  expect([...(pool?.volumes.keys() ?? [])].sort()).toEqual(wanted(mind.volumes.values()))
  const kept = [...mind.snapshots.values()].filter(({ uid }) => !lost.has(uid))
  expect([...(pool?.snapshots.keys() ?? [])].sort()).toEqual(wanted(kept))
  for (const { phase } of reconciler.observed()?.replicas.values() ?? [])
    expect(phase).toBe('Ready')
  for (const { uid, phase } of reconciler.observed()?.snapshots.values() ?? [])
    expect(phase).toBe(lost.has(uid) ? 'Failed' : 'Ready')
  const stopped = reconciler.stop()
  await clock.advance(6_000)
  await stopped
}

describe('a host in trouble', () => {
  it('keeps its promises and gets where it should', async () => {
    await fc.assert(fc.asyncProperty(fc.nat(), live), { numRuns: 25 })
  })
})
