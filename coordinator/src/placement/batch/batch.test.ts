import { expect, test } from 'vitest'
import { applyChoice, createChooser } from '../choose/index.ts'
import { createFleet, type Fleet, type MachineRequest } from '../fleet/index.ts'
import { brokenRules, chanceOf, copyOf, placesOf, randomFleet, randomRequest } from './fixture.ts'
import { type BatchPlacement, placeBatch } from './index.ts'

const SEEDS = Array.from({ length: 60 }, (_, seed) => seed)

interface Case {
  readonly seed: number
  readonly fleet: Fleet
  readonly requests: readonly MachineRequest[]
}

function randomCase(seed: number): Case {
  const chance = chanceOf(seed)
  const fleet = randomFleet(chance, 7, 10)
  const requests = Array.from({ length: 1 + chance.below(14) }, (_, index) =>
    copyOf(randomRequest(chance, fleet, 'new'), index),
  )
  return { seed, fleet, requests }
}

function placedOf({ requests }: Case, { choices, order }: BatchPlacement) {
  return order.map((index) => ({ request: requests[index]!, choice: choices[index]! }))
}

/** What placing one by one in the given order reaches. */
function oneByOne({ fleet: original, requests }: Case): number {
  const fleet = original.clone()
  const chooser = createChooser(fleet)
  return requests.filter((request) => {
    const choice = chooser.choose(request)
    if (choice) applyChoice(fleet, request, choice)
    return choice !== null
  }).length
}

test('no rule is broken, and the order names exactly what has a place', () => {
  for (const seed of SEEDS) {
    const one = randomCase(seed)
    const placement = placeBatch(one.fleet, one.requests, { seed })
    expect(brokenRules(one.fleet, placedOf(one, placement)), `seed ${seed}`).toEqual([])
    const placed = [...placement.choices.keys()].filter((index) => placement.choices[index])
    expect(
      [...placement.order].sort((a, b) => a - b),
      `seed ${seed}`,
    ).toEqual(placed)
    expect(placement.choices).toHaveLength(one.requests.length)
  }
})

test('never fewer are placed than in the given order, and in sum more', () => {
  let together = 0
  let single = 0
  for (const seed of SEEDS) {
    const one = randomCase(seed)
    const { length } = placeBatch(one.fleet, one.requests, { seed }).order
    expect(length, `seed ${seed}`).toBeGreaterThanOrEqual(oneByOne(one))
    together += length
    single += oneByOne(one)
  }
  expect(together).toBeGreaterThan(single * 1.02)
})

test('a request that fits nowhere takes nothing from the others', () => {
  for (const seed of SEEDS) {
    const one = randomCase(seed)
    const before = placeBatch(one.fleet, one.requests, { seed })
    const giant = copyOf(
      { ...one.requests[0]!, amounts: [{ column: 0, amount: 1000 }] },
      one.requests.length,
    )
    const after = placeBatch(one.fleet, [...one.requests, giant], { seed })
    expect(after.choices.at(-1), `seed ${seed}`).toBeNull()
    expect(after.order.length, `seed ${seed}`).toBe(before.order.length)
  }
})

test('what would fit alone is not left out while nothing else is placed', () => {
  for (const seed of SEEDS) {
    const { fleet, requests } = randomCase(seed)
    const { choices, order } = placeBatch(fleet, requests, { seed })
    const some = requests.some((request) =>
      placesOf(fleet, request).some(
        (choice) => brokenRules(fleet, [{ request, choice }]).length === 0,
      ),
    )
    expect(order.length > 0, `seed ${seed}: ${choices.length} requests`).toBe(some)
  }
})

test('equal seeds give equal answers, and the fleet stays as it is', () => {
  for (const seed of SEEDS.slice(0, 50)) {
    const { fleet, requests } = randomCase(seed)
    const before = JSON.stringify([...fleet.machines, ...fleet.poolPromised])
    const first = placeBatch(fleet, requests, { seed })
    expect(placeBatch(fleet, requests, { seed }), `seed ${seed}`).toEqual(first)
    expect(JSON.stringify([...fleet.machines, ...fleet.poolPromised])).toBe(before)
  }
})

/** Hosts with so much memory each, and a machine that wants some of it. */
function memoryFleet(...sizes: readonly number[]): Fleet {
  const hosts = sizes.map((memory, row) => ({ name: `h${row}`, labels: {}, capacity: { memory } }))
  return createFleet({ hosts, pools: [], standbyColumns: [], lossLabel: '' })
}
function machine(amount: number, hosts?: readonly number[]): MachineRequest {
  return {
    name: `wants-${amount}`,
    amounts: [{ column: 0, amount }],
    hosts: hosts && Uint8Array.from(hosts),
    volumes: [],
    attached: [],
    locality: 'Ignored',
    standby: 'None',
    numa: undefined,
    preference: undefined,
    seed: 1,
  }
}

const batches: readonly {
  readonly name: string
  readonly fleet: Fleet
  readonly requests: readonly MachineRequest[]
  readonly placed: readonly number[]
}[] = [
  {
    name: 'large ones go before small ones that would be in their way',
    fleet: memoryFleet(4, 4),
    requests: [machine(2), machine(2), machine(4)],
    placed: [0, 1, 2],
  },
  {
    name: 'who has one host only gets it',
    fleet: memoryFleet(4, 4),
    requests: [machine(4), machine(4, [1, 0])],
    placed: [0, 1],
  },
  {
    name: 'the largest first is wrong here: 6+4 and 5+3+2',
    fleet: memoryFleet(10, 10),
    requests: [machine(6), machine(5), machine(4), machine(3), machine(2)],
    placed: [0, 1, 2, 3, 4],
  },
  {
    name: 'of equals that do not all fit, the earlier ones are placed',
    fleet: memoryFleet(4, 4),
    requests: [machine(3), machine(3), machine(3), machine(3)],
    placed: [0, 1],
  },
  {
    name: 'one either way: the earlier one, although the later is larger',
    fleet: memoryFleet(4),
    requests: [machine(3), machine(4)],
    placed: [0],
  },
  {
    name: 'two small ones rather than a large one that was asked for first',
    fleet: memoryFleet(4),
    requests: [machine(4), machine(2), machine(2)],
    placed: [1, 2],
  },
]

for (const { fleet, name, placed, requests } of batches)
  test(name, () => {
    const { order } = placeBatch(fleet, requests, { seed: 1 })
    expect([...order].sort((a, b) => a - b)).toEqual(placed)
  })
