import { describe, expect, test } from 'vitest'
import type { Fleet, PlacedMachine } from '../fleet/index.ts'
import { brokenRules, randomFleet, type Shape, STRICT } from './fixture.ts'
import {
  applyMove,
  ganetiObjective,
  type Objective,
  planRebalance,
  type RebalancePlan,
} from './index.ts'

/** Ganeti's score of a random fleet, with sums written out anew. */
function ganetiScore(fleet: Fleet): number {
  const hosts = Array.from({ length: fleet.hostCount }, (_, host) => host)
  const machines = [...fleet.machines.values()]
  const sd = (values: readonly number[]) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
  }
  const taken = ({ amounts }: PlacedMachine, column: number) =>
    amounts.reduce((sum, each) => sum + (each.column === column ? each.amount : 0), 0)
  const on = (host: number) => machines.filter((machine) => machine.host === host)
  const behind = (host: number) => machines.filter((machine) => machine.standby === host)
  const memory = hosts.map((host) => fleet.columns[0]!.capacity[host]!)
  const used = (column: number) =>
    hosts.map((host) => on(host).reduce((sum, machine) => sum + taken(machine, column), 0))
  const kept = hosts.map((host) =>
    Math.max(
      0,
      ...fleet.lossDomains.map((domain) =>
        behind(host)
          .filter((machine) => fleet.lossDomains[machine.host] === domain)
          .reduce((sum, machine) => sum + taken(machine, 0), 0),
      ),
    ),
  )
  const promised = hosts.map((host) =>
    [...fleet.volumes.values()].reduce(
      (sum, { pools, sizeBytes }) => sum + (pools.includes(host) ? sizeBytes : 0),
      0,
    ),
  )
  const places = hosts.map((host) => on(host).length + behind(host).length)
  const reserve = kept.map((amount, host) => amount / memory[host]!)
  return (
    sd(used(0).map((amount, host) => 1 - amount / memory[host]!)) +
    sd(promised.map((bytes) => 1 - bytes / 1000)) +
    sd(reserve) +
    sd(used(1).map((amount) => amount / 8000)) +
    3 * sd(hosts.map((host) => on(host).length)) +
    sd(places) +
    sd(places.map((count) => count / 32)) +
    0.25 * reserve.reduce((sum, part) => sum + part, 0)
  )
}

function ganetiOf(fleet: Fleet): Objective {
  const same = (value: number) => new Float64Array(fleet.hostCount).fill(value)
  return ganetiObjective({
    memory: fleet.columns[0]!.capacity,
    systemMemory: same(0),
    storageBytes: same(1000),
    cpu: same(8000),
    places: same(32),
  })
}

const SHAPES: readonly Shape[] = [
  { seed: 1, hosts: 6, machines: 20 },
  { seed: 2, hosts: 10, machines: 60 },
  { seed: 3, hosts: 10, machines: 60, pinEvery: 3 },
  { seed: 4, hosts: 9, machines: 40, rack: 3 },
  { seed: 5, hosts: 10, machines: 40, replicas: 3 },
  { seed: 6, hosts: 8, machines: 30, volumes: 2 },
  { seed: 7, hosts: 8, machines: 50, rack: 4, volumes: 2, pinEvery: 5 },
  { seed: 8, hosts: 4, machines: 60 },
]

/** Calls back after every step, when all of its moves are done. */
function walk(fleet: Fleet, { moves }: RebalancePlan, look: (fleet: Fleet, at: number) => void) {
  const at = fleet.clone()
  for (const [index, move] of moves.entries()) {
    applyMove(at, move)
    if (moves[index + 1]?.step !== move.step) look(at, index)
  }
  return at
}

describe.each(SHAPES)('a plan for $hosts hosts, seed $seed', (shape) => {
  const fleet = randomFleet(shape)
  const objective = ganetiOf(fleet)
  const plan = planRebalance(fleet, STRICT, { objective, seed: 1, evaluations: 40_000 })

  test('begins with a fleet that keeps the rules and leaves it alone', () => {
    expect(brokenRules(fleet)).toEqual([])
    expect(fleet.machines).toEqual(randomFleet(shape).machines)
  })
  test('makes the fleet better', () => {
    expect(plan.moves.length).toBeGreaterThan(0)
    expect(plan.after.score).toBeLessThan(plan.before.score)
  })
  test('keeps every rule after every step', () => {
    walk(fleet, plan, (at, index) => {
      expect(brokenRules(at), `after move ${index + 1}`).toEqual([])
    })
  })
  test('has room for both replicas while one is copied', () => {
    const at = fleet.clone()
    for (const step of new Set(plan.moves.map((move) => move.step))) {
      const moves = plan.moves.filter((move) => move.step === step)
      const added = moves.filter(({ kind }) => kind === 'Replica')
      for (const { copiedBytes, toPool } of added) {
        at.poolPromised[toPool!]! += copiedBytes
        expect(at.poolPromised[toPool!]!).toBeLessThanOrEqual(at.poolCapacity[toPool!]!)
      }
      for (const { copiedBytes, toPool } of added) at.poolPromised[toPool!]! -= copiedBytes
      for (const move of moves) applyMove(at, move)
    }
  })
  test('claims the scores that there are', () => {
    expect(plan.before.score).toBeCloseTo(ganetiScore(fleet), 9)
    let before = plan.before.score
    const end = walk(fleet, plan, (at, index) => {
      const score = ganetiScore(at)
      const { after, gain } = plan.moves[index]!
      expect(after.reduce((sum, part) => sum + part, 0)).toBeCloseTo(score, 9)
      expect(gain).toBeCloseTo(before - score, 9)
      before = score
    })
    expect(plan.after.score).toBeCloseTo(ganetiScore(end), 9)
    expect(plan.trajectory.at(-1)?.score).toBeCloseTo(plan.after.score, 9)
  })
  test('claims the bytes it copies', () => {
    const copied = plan.moves.reduce((sum, move) => sum + move.copiedBytes, 0)
    expect(plan.copiedBytes).toBe(copied)
    for (const { copiedBytes, kind, subject } of plan.moves) {
      expect(copiedBytes).toBe(kind === 'Replica' ? fleet.volumes.get(subject)!.sizeBytes : 0)
    }
  })
  test('leaves what is pinned', () => {
    for (const { kind, subject } of plan.moves) {
      if (kind === 'Replica') expect(fleet.volumes.get(subject)!.pinned).toBe(false)
      if (kind === 'Migrate') expect(fleet.machines.get(subject)!.pinned).toBe(false)
    }
  })
  test('is the same each time', () => {
    const again = planRebalance(fleet, STRICT, { objective, seed: 1, evaluations: 40_000 })
    expect(again).toEqual(plan)
  })
  test.each([0, 20, 100])('copies at most a budget of %i bytes', (budgetBytes) => {
    const options = { objective, seed: 1, evaluations: 10_000, budgetBytes }
    const cheap = planRebalance(fleet, STRICT, options)
    expect(cheap.copiedBytes).toBeLessThanOrEqual(budgetBytes)
    expect(cheap.after.score).toBeLessThanOrEqual(cheap.before.score)
  })
  test.each([0, 1, 7])('makes at most %i moves', (maximumMoves) => {
    const options = { objective, seed: 1, evaluations: 10_000, maximumMoves }
    const short = planRebalance(fleet, STRICT, options)
    expect(short.moves.length).toBeLessThanOrEqual(maximumMoves)
    expect(short.after.score).toBeLessThanOrEqual(short.before.score)
  })
})
