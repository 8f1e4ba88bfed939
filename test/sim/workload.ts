/**
 * Clients that use the cluster and remember what they were told. Each has names of its own, so that
 * what it may expect is never in doubt; each repeats a request until it gets an answer, as a real
 * client does, and an answer that a crashed coordinator gave was never received.
 */

import type { Term } from '@keelson/coordinator/api'
import type { Command } from '@keelson/coordinator/decide'
import { KeelsonError } from '@keelson/shared/errors'
import { type Rng, sleep } from '@keelson/shared/runtime'
import type { World } from './world.ts'

/** What a client was told about one name. */
export interface Expectation {
  readonly kind: 'volume' | 'snapshot'
  readonly name: string
  /** Deleted: the deletion was acknowledged. */
  state: 'present' | 'deleted'
  sizeBytes: number
}

/** Everything the clients were told. */
export type Expectations = Map<string, Expectation>

const GIB = 2 ** 30
const ACTOR = 'user/sim'

/** Runs one client; once `signal` aborts it begins nothing more, but waits for its last answer. */
export async function runClient(
  world: World,
  expectations: Expectations,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const { rng, clock } = world
  try {
    for (let count = 0; !signal.aborted; count++) {
      await step(world, expectations, `${id}-${count}`, id)
      await sleep(clock, 50 + rng.next() * 3_000, signal)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

async function step(
  world: World,
  expectations: Expectations,
  fresh: string,
  id: string,
): Promise<void> {
  const { rng } = world
  const mine = [...expectations.values()].filter(({ name }) => name.startsWith(`${id}-`))
  const volumes = mine.filter(({ kind, state }) => kind === 'volume' && state === 'present')
  const snapshots = mine.filter(({ kind, state }) => kind === 'snapshot' && state === 'present')
  const volume = pick(rng, volumes)
  const snapshot = pick(rng, snapshots)
  const dice = rng.next()
  const ask = (make: (term: Term) => Command) => request(world, make)
  if (volume && dice < 0.2) {
    if (await ask(({ admission }) => admission.plain('DeleteVolume', ACTOR, { name: volume.name })))
      volume.state = 'deleted'
    return
  }
  if (volume && dice < 0.35) {
    const sizeBytes = volume.sizeBytes + GIB
    const grown = await ask(({ admission }) =>
      admission.resizeVolume(ACTOR, { name: volume.name, sizeBytes, dryRun: false }),
    )
    if (grown) volume.sizeBytes = sizeBytes
    return
  }
  if (volume && dice < 0.45) {
    const named = { name: fresh, labels: {}, dryRun: false }
    if (await ask(({ admission }) => admission.createSnapshot(ACTOR, named, volume.name)))
      expectations.set(fresh, { kind: 'snapshot', name: fresh, state: 'present', sizeBytes: 0 })
    return
  }
  if (snapshot && dice < 0.5) {
    if (
      await ask(({ admission }) =>
        admission.plain('DeleteSnapshot', ACTOR, { name: snapshot.name }),
      )
    )
      snapshot.state = 'deleted'
    return
  }
  if (snapshot && dice < 0.55) return restore(world, expectations, snapshot.name, fresh)
  await create(world, expectations, fresh)
}

async function create(world: World, expectations: Expectations, name: string): Promise<void> {
  const { rng } = world
  const sizeBytes = (1 + Math.floor(rng.next() * 8)) * GIB
  const replicas = 1 + Math.floor(rng.next() * 3)
  const spec = { sizeBytes, replicas, storageClass: '', pool: '', nodes: [], sourceSnapshot: '' }
  const named = { name, labels: {}, dryRun: false }
  if (await request(world, ({ admission }) => admission.createVolume(ACTOR, named, spec)))
    expectations.set(name, { kind: 'volume', name, state: 'present', sizeBytes })
}

async function restore(
  world: World,
  expectations: Expectations,
  snapshot: string,
  volume: string,
): Promise<void> {
  const restored = await request(world, ({ admission }) =>
    admission.restoreSnapshot(ACTOR, {
      snapshot,
      volume,
      sizeBytes: 0,
      labels: {},
      dryRun: false,
    }),
  )
  const size = world.coordinator()?.().pipeline.state.volumes.get(volume)?.spec.sizeBytes
  if (restored)
    expectations.set(volume, {
      kind: 'volume',
      name: volume,
      state: 'present',
      sizeBytes: size ?? 0,
    })
}

/**
 * Asks until there is an answer. True: acknowledged. False: refused, and nothing was changed; a
 * deletion that finds nothing any more was acknowledged by an answer that got lost.
 */
export async function request(world: World, make: (term: Term) => Command): Promise<boolean> {
  for (let answerLost = false; ; answerLost = true) {
    const { incarnation } = world
    try {
      const term = world.coordinator()?.()
      if (!term) throw new KeelsonError('UNAVAILABLE', 'no coordinator runs')
      const command = make(term)
      await term.pipeline.submit(command)
      if (world.incarnation === incarnation) return true
    } catch (error) {
      if (world.incarnation === incarnation) {
        const known = KeelsonError.from(error)
        if (known.code === 'INTERNAL') throw error
        if (known.code === 'NOT_FOUND') return answerLost
        if (known.code !== 'UNAVAILABLE') return false
      }
    }
    await sleep(world.clock, 200)
  }
}

function pick<T>(rng: Rng, items: readonly T[]): T | undefined {
  return items[Math.floor(rng.next() * items.length)]
}
