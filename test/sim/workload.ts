/**
 * Clients that use the cluster and remember what they were told. Each has names of its own, so that
 * what it may expect is never in doubt; each repeats a request until it gets an answer, as a real
 * client does, and an answer that a crashed coordinator gave was never received.
 */

import type { Term } from '@keelson/coordinator/api'
import { type Command, findVolume } from '@keelson/coordinator/decide'
import type { Move } from '@keelson/shared/model'
import { type Rng, sleep } from '@keelson/shared/runtime'
import { useMachines } from './machines.ts'
import { type Expectations, request } from './request.ts'
import type { World } from './world.ts'

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
  if (volume && dice < 0.7) return move(world, volume.name)
  if (dice < 0.72) return rebalance(world)
  if (dice < 0.85) {
    const machines = mine.filter(({ kind, state }) => kind === 'machine' && state === 'present')
    const names = machines.map(({ name }) => name)
    return useMachines(world, expectations, fresh, names)
  }
  await create(world, expectations, fresh)
}

/** Moves some replica wherever it fits; now and then the move is cancelled a little later. */
async function move(world: World, volume: string): Promise<void> {
  const { rng, clock } = world
  const position = rng.next()
  const begun = await request(world, ({ admission, pipeline }) => {
    const { replicas } = findVolume(pipeline.state, volume).status
    const fromNode = replicas[Math.floor(position * replicas.length)]!.node
    return admission.plain('MoveReplica', ACTOR, { volume, fromNode, toNode: '', toPool: '' })
  })
  if (!begun || rng.next() < 0.7) return
  await sleep(clock, rng.next() * 2_000)
  await request(world, ({ admission, pipeline }) => {
    const { move: under } = findVolume(pipeline.state, volume).status
    return admission.plain('CancelOperation', ACTOR, { name: under?.operation ?? 'none' })
  })
}

const NO_LIMITS = {
  ...{ movesPerNode: 0, movesPerDomain: 0, failureDomain: '', bandwidthBytesPerSecond: 0 },
  windows: [],
}

/** Carries out moves drawn by chance: what they are good for does not matter here. */
async function rebalance(world: World): Promise<void> {
  const { rng } = world
  const position = rng.next()
  await request(world, ({ admission, pipeline }) => {
    const { nodes, volumes } = pipeline.state
    const hosts = nodes.sortedIds()
    const names = volumes.sortedIds().filter((_, index) => index % 4 === 0)
    const moves = names.slice(0, 6).map((name, index): Move => {
      const { replicas } = volumes.get(name)!.status
      const fromNode = replicas[Math.floor(position * replicas.length)]!.node
      const toNode = hosts[(hosts.indexOf(fromNode) + 1 + index) % hosts.length]!
      return {
        ...{ number: index + 1, kind: 'Replica', subject: `volume/${name}`, fromNode, toNode },
        ...{ fromPool: 'local', toPool: 'local', copiedBytes: GIB, gain: 0, reason: '' },
        after: index % 3 === 2 ? [index] : [],
      }
    })
    const plan = {
      ...{ id: 'plan', objective: 'Spread' as const, moves, copiedBytes: moves.length * GIB },
      ...{ imbalanceBefore: 1, imbalanceAfter: 0, summary: '', resourceVersion: 0 },
    }
    return admission.plain('ApplyRebalance', ACTOR, { plan, limits: NO_LIMITS })
  })
}

async function create(world: World, expectations: Expectations, name: string): Promise<void> {
  const { rng } = world
  const sizeBytes = (1 + Math.floor(rng.next() * 8)) * GIB
  const replicas = 1 + Math.floor(rng.next() * 3)
  const spec = { sizeBytes, replicas, storageClass: '', pool: '', nodes: [], sourceSnapshot: '' }
  const named = { name, labels: {}, dryRun: false, tenant: '' }
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

function pick<T>(rng: Rng, items: readonly T[]): T | undefined {
  return items[Math.floor(rng.next() * items.length)]
}
