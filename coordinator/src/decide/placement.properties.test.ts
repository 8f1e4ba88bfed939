/**
 * No rule is ever broken: random clusters are filled one by one and in batches, and rebalanced, and
 * after each step everything is judged by a checker that shares no code with placement. A failure
 * prints its seed; `randomCluster(seed)` is the cluster again.
 */
import { KeelsonError } from '@keelson/shared/errors'
import type { Guarantee, Move } from '@keelson/shared/model'
import { describe, expect, it } from 'vitest'
import { brokenPlacement, brokenStandbys } from '../placement/checker-fixture.ts'
import { planMoves } from '../placement/index.ts'
import { type Command, decide, planVirtualMachines } from './index.ts'
import { type RandomCluster, randomCluster } from './random-fixture.ts'

const CLUSTERS = 1_200
const WISHES = 14

/** Carries a command out; false if it is refused for a reason that users may see. */
function attempt(cluster: RandomCluster, command: Command): boolean {
  try {
    cluster.write(...decide(cluster.state, command).writes)
    return true
  } catch (error) {
    if (!(error instanceof KeelsonError) || error.code === 'INTERNAL') throw error
    return false
  }
}

function begin(seed: number, neighbours = true): RandomCluster {
  const cluster = randomCluster(seed, neighbours)
  attempt(cluster, {
    type: 'InitializeCluster',
    stamp: { now: 1, actor: 'test', uid: 'c' },
    clusterId: 'c1',
    authority: { certificatePem: '', privateKeyPem: '' },
  })
  return cluster
}

/** Everything broken, standbys included; a machine's new volumes are as fresh as it is. */
function broken(cluster: RandomCluster, name: string): string[] {
  const { guarantee, state } = cluster
  const fresh = new Set([
    `vm/${name}`,
    ...[name, `${name}-d0`, `${name}-d1`].map((v) => `volume/${v}`),
  ])
  const kept: Guarantee = {
    ...{ failureDomain: guarantee.replace('hosts', ''), losses: 1, mode: 'Enforce' },
  }
  return [
    ...brokenPlacement(state, fresh),
    ...(guarantee === '' ? [] : brokenStandbys(state, kept)),
  ]
}

/** Fills a cluster; how many wishes came true. */
function fill(cluster: RandomCluster, seed: number): number {
  let granted = 0
  for (let wish = 0; wish < WISHES; wish++) {
    const volume = cluster.chance() < 0.4
    const name = `${volume ? 'v' : 'm'}${wish}`
    const command = volume ? cluster.wantVolume(name) : cluster.wantMachine(name)
    if (!attempt(cluster, command)) continue
    granted++
    expect(broken(cluster, name), `seed ${seed}, ${name}`).toEqual([])
  }
  return granted
}

describe('no rule is ever broken', () => {
  it('by things that come one by one', () => {
    let granted = 0
    for (let seed = 1; seed <= CLUSTERS; seed++) granted += fill(begin(seed), seed)
    expect(granted / (CLUSTERS * WISHES), 'part of wishes that come true').toBeGreaterThan(0.2)
  })

  it('by machines that are planned together', () => {
    let granted = 0
    for (let seed = 1; seed <= CLUSTERS / 3; seed++) {
      const cluster = begin(seed)
      const wishes = Array.from({ length: WISHES }, (_, wish) => cluster.wantMachine(`m${wish}`))
      const plans = planVirtualMachines(cluster.state, wishes)
      for (const [index, wish] of wishes.entries()) {
        const plan = plans[index]!
        if (plan.node === '' || !attempt(cluster, { ...wish, plan })) continue
        granted++
        expect(broken(cluster, wish.name), `seed ${seed}, ${wish.name}`).toEqual([])
      }
    }
    expect(granted).toBeGreaterThan(CLUSTERS / 3)
  })

  it('by the moves of a plan, in their order', () => {
    let moved = 0
    for (let seed = 1; seed <= CLUSTERS / 15; seed++) {
      // What binds neighbours is judged again when a move begins: plans need not know it.
      const cluster = begin(seed, false)
      fill(cluster, seed)
      makeEverything(cluster)
      const { moves } = planMoves(cluster.state, {
        ...{ objective: 'Spread', budgetBytes: 0, maximumMoves: 20, labelSelector: '', seed },
      })
      for (const move of moves) {
        carryOut(cluster, move)
        moved++
        expect(brokenPlacement(cluster.state, new Set()), `seed ${seed}, ${move.number}`).toEqual(
          [],
        )
      }
    }
    expect(moved).toBeGreaterThan(CLUSTERS / 30)
  })
})

/** Hosts have made what was decided, so that it may move. */
function makeEverything({ state, write }: RandomCluster): void {
  for (const [id, volume] of [...state.volumes.entries()]) {
    const replicas = volume.status.replicas.map((one) => ({ ...one, phase: 'Ready' as const }))
    const actualSizeBytes = volume.spec.sizeBytes
    const status = { ...volume.status, phase: 'Ready' as const, replicas, actualSizeBytes }
    write({ kind: 'volume', id, value: { ...volume, status } })
  }
}

/** The records as they are when a move has ended. */
function carryOut({ state, write }: RandomCluster, move: Move): void {
  const name = move.subject.slice(move.subject.indexOf('/') + 1)
  if (move.subject.startsWith('vm/')) {
    const machine = state.virtualMachines.get(name)!
    const status = { ...machine.status, node: move.toNode }
    write({ kind: 'virtualMachine', id: name, value: { ...machine, status } })
    return
  }
  const volume = state.volumes.get(name)!
  const replicas = volume.status.replicas
    // A tie-breaker that is in the way goes elsewhere with the move.
    .filter(({ node, role }) => role === 'Diskful' || node !== move.toNode)
    .map((one) =>
      one.node === move.fromNode ? { ...one, node: move.toNode, pool: move.toPool } : one,
    )
  write({ kind: 'volume', id: name, value: { ...volume, status: { ...volume.status, replicas } } })
}
