import { expect, test } from 'vitest'
import { applyChoice, createChooser } from '../choose/index.ts'
import type { Fleet, MachineRequest } from '../fleet/index.ts'
import {
  brokenRules,
  chanceOf,
  copyOf,
  mostByTrying,
  randomFleet,
  randomPair,
  randomRequest,
} from './fixture.ts'
import { countInBlocks, fill, fillIdentical, pairProblemOf } from './index.ts'

const SEEDS = Array.from({ length: 60 }, (_, seed) => seed)

function rulesOf(fleet: Fleet, request: MachineRequest, limit?: number): string[] {
  const options = limit === undefined ? { seed: 1 } : { seed: 1, limit }
  const choices = fillIdentical(fleet, request, options)
  return brokenRules(
    fleet,
    choices.map((choice) => ({ request, choice })),
  )
}

/** What placing one by one reaches. */
function oneByOne(original: Fleet, request: MachineRequest): number {
  const fleet = original.clone()
  const chooser = createChooser(fleet)
  for (let count = 0; ; count++) {
    const copy = copyOf(request, count)
    const choice = chooser.choose(copy)
    if (!choice) return count
    applyChoice(fleet, copy, choice)
  }
}

for (const [kind, draw] of [
  ['pairs', randomPair],
  ['any request', randomRequest],
] as const) {
  test(`${kind}: no rule is broken, and never fewer are placed than one by one`, () => {
    for (const seed of SEEDS) {
      const chance = chanceOf(seed)
      const fleet = randomFleet(chance, 8, 12)
      const request = draw(chance, fleet, 'new')
      expect(rulesOf(fleet, request), `seed ${seed}`).toEqual([])
      const { length } = fillIdentical(fleet, request, { seed })
      expect(length, `seed ${seed}`).toBeGreaterThanOrEqual(oneByOne(fleet, request))
    }
  })
}

test('pairs: as many are placed on tiny fleets as any search finds, and the bound holds', () => {
  let compared = 0
  for (const seed of SEEDS) {
    const chance = chanceOf(seed)
    const fleet = randomFleet(chance, 4, 6)
    const request = randomPair(chance, fleet, 'new')
    const most = mostByTrying(fleet, request, 3000)
    if (most === undefined) continue
    compared++
    const { bound, choices } = fill(fleet, request, { seed })
    expect(choices.length, `seed ${seed}`).toBe(most)
    if (bound !== undefined) expect(bound, `seed ${seed}`).toBeGreaterThanOrEqual(most)
  }
  expect(compared).toBeGreaterThan(40)
})

test('a limit is kept, and so are the rules below it', () => {
  for (const seed of SEEDS) {
    const chance = chanceOf(seed)
    const fleet = randomFleet(chance, 6, 10)
    const request = randomRequest(chance, fleet, 'new')
    const all = fillIdentical(fleet, request, { seed }).length
    const limit = chance.below(4)
    const some = fillIdentical(fleet, request, { seed, limit })
    expect(some.length, `seed ${seed}`).toBe(Math.min(all, limit))
    expect(rulesOf(fleet, request, limit), `seed ${seed}`).toEqual([])
  }
})

test('machines run within the hosts that are asked for, and standbys may be elsewhere', () => {
  let elsewhere = 0
  for (const seed of SEEDS) {
    const chance = chanceOf(seed)
    const fleet = randomFleet(chance, 6, 10)
    const request = chance.percent(50)
      ? randomPair(chance, fleet, 'new')
      : randomRequest(chance, fleet, 'new')
    const within = Uint8Array.from(fleet.hosts, (_, row) => row % 2)
    for (const { host, standby } of fillIdentical(fleet, request, { seed, within })) {
      expect(within[host], `seed ${seed}`).toBe(1)
      if (within[standby] === 0) elsewhere++
    }
  }
  expect(elsewhere).toBeGreaterThan(20)
})

test('equal seeds give equal answers, and the fleet stays as it is', () => {
  for (const seed of SEEDS.slice(0, 40)) {
    const chance = chanceOf(seed)
    const fleet = randomFleet(chance, 8, 12)
    const request = randomRequest(chance, fleet, 'new')
    const before = JSON.stringify([...fleet.machines, ...fleet.poolPromised])
    const first = fillIdentical(fleet, request, { seed })
    expect(fillIdentical(fleet, request, { seed }), `seed ${seed}`).toEqual(first)
    expect(JSON.stringify([...fleet.machines, ...fleet.poolPromised])).toBe(before)
  }
})

test('copies that take nothing need a limit', () => {
  const fleet = randomFleet(chanceOf(1), 6, 10)
  const request = { ...randomRequest(chanceOf(1), fleet, 'new'), amounts: [], volumes: [] }
  const free: MachineRequest = { ...request, hosts: undefined, standby: 'None' }
  expect(() => fillIdentical(fleet, free, { seed: 1 })).toThrow('need a limit')
  expect(fillIdentical(fleet, free, { seed: 1, limit: 3 })).toHaveLength(3)
})

test('what is a pair problem, and what is not', () => {
  const fleet = randomFleet(chanceOf(1), 6, 10)
  const pair = { ...randomPair(chanceOf(1), fleet, 'new'), hosts: undefined }
  const [volume] = pair.volumes.map((one) => ({ ...one, spread: [] }))
  const plain = { ...pair, volumes: [volume!] }
  const cases: [string, MachineRequest, boolean][] = [
    ['a volume on two hosts', plain, true],
    ['without standby', { ...plain, standby: 'None' }, true],
    ['no volume, standby anywhere', { ...plain, volumes: [], standby: 'Any' }, true],
    ['no volume, no standby', { ...plain, volumes: [], standby: 'None' }, false],
    ['three replicas', { ...plain, volumes: [{ ...volume!, replicas: 3 }] }, false],
    ['two volumes', { ...plain, volumes: [volume!, volume!] }, false],
    ['machine away from its data', { ...plain, locality: 'Preferred' }, false],
    ['existing volumes', { ...plain, attached: [[0, 1]] }, false],
  ]
  for (const [name, request, expected] of cases)
    expect(pairProblemOf(fleet, request) !== undefined, name).toBe(expected)
})

test('in blocks as many fit as one by one, or nearly, whether they are few or millions', () => {
  for (const seed of SEEDS) {
    const chance = chanceOf(seed)
    const fleet = randomFleet(chance, 8, 12)
    const request = randomPair(chance, fleet, 'new')
    const few = countInBlocks(fleet, request, 1_000, { seed })
    expect(few, `seed ${seed}`).toBeGreaterThanOrEqual(oneByOne(fleet, request))
    // Amounts that are a million times smaller fit at least as many times more often.
    const part = 2 ** -20
    const tiny = {
      ...request,
      amounts: request.amounts.map((one) => ({ ...one, amount: one.amount * part })),
      volumes: request.volumes.map((one) => ({ ...one, sizeBytes: one.sizeBytes * part })),
    }
    const many = countInBlocks(fleet, tiny, (2 * few) / part + 1, { seed })
    expect(many, `seed ${seed}`).toBeGreaterThanOrEqual((0.8 * few) / part)
  }
})
