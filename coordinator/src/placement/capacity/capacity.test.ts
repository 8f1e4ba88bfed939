import { expect, test } from 'vitest'
import { chanceOf, mostByTrying, randomFleet, randomPair, randomRequest } from '../batch/fixture.ts'
import { createFleet, type Fleet, type MachineRequest } from '../fleet/index.ts'
import { type ClusterKind, createCluster, pairOf, STANDARD } from './clusters-fixture.ts'
import { countByDomain, countCapacity, upperBound } from './index.ts'

const SEEDS = Array.from({ length: 80 }, (_, seed) => seed)

/** The most that fit, by an exact solver, and what they run out of. */
const KNOWN: readonly (readonly [
  ClusterKind,
  hosts: number,
  seed: number,
  most: number,
  string,
])[] = [
  ['memory', 20, 1, 285, 'memory'],
  ['memory', 40, 1, 585, 'memory'],
  ['disk', 20, 1, 200, 'storage'],
  ['disk', 40, 1, 400, 'storage'],
  ['cpu', 20, 1, 320, 'cpu'],
  ['cpu', 40, 1, 640, 'cpu'],
  ['hetero', 20, 1, 279, 'memory'],
  ['hetero', 20, 2, 275, 'memory'],
  ['hetero', 20, 3, 274, 'memory'],
  ['hetero', 20, 4, 277, 'memory'],
  ['hetero', 20, 5, 276, 'memory'],
  ['hetero', 40, 1, 588, 'memory'],
  ['hetero', 40, 2, 581, 'memory'],
  ['skewed', 20, 1, 115, 'memory'],
  ['skewed', 20, 2, 101, 'storage'],
  ['skewed', 40, 1, 241, 'memory'],
  ['skewed', 40, 3, 229, 'memory'],
]

for (const [kind, count, seed, most, bindingResource] of KNOWN)
  test(`${kind}, ${count} hosts, seed ${seed}: exactly ${most} fit, proven`, () => {
    const filled = kind === 'hetero' || kind === 'skewed' ? 0.3 : 0
    const fleet = createCluster({ kind, count, seed, filled })
    const capacity = countCapacity(fleet, pairOf(STANDARD[kind]), { seed: 1 })
    expect(capacity).toMatchObject({ count: most, upperBound: most, bindingResource })
  })

for (const [kind, draw, leastExact] of [
  ['pairs', randomPair, 1],
  ['any request', randomRequest, 0.97],
] as const)
  test(`${kind}: the count is between what any search finds and the bound`, () => {
    let compared = 0
    let exact = 0
    for (const seed of SEEDS) {
      const chance = chanceOf(seed)
      const fleet = randomFleet(chance, 4, 6)
      const request = draw(chance, fleet, 'new')
      const { count, upperBound: bound } = countCapacity(fleet, request, { seed })
      expect(bound, `seed ${seed}`).toBeGreaterThanOrEqual(count)
      const most = mostByTrying(fleet, request, 2000)
      if (most === undefined) continue
      compared++
      if (count === most) exact++
      expect(most, `seed ${seed}`).toBeGreaterThanOrEqual(count)
      expect(bound, `seed ${seed}`).toBeGreaterThanOrEqual(most)
    }
    expect(compared).toBeGreaterThan(45)
    expect(exact).toBeGreaterThanOrEqual(compared * leastExact)
  })

test('the bound holds for domains too, and what fits into one fits into the fleet', () => {
  for (const seed of SEEDS) {
    const chance = chanceOf(seed)
    const fleet = randomFleet(chance, 6, 8)
    const request = randomRequest(chance, fleet, 'new')
    const bound = upperBound(fleet, request)
    for (const room of countByDomain(fleet, request, 'rack', { seed })) {
      expect(room.count, `seed ${seed}`).toBeLessThanOrEqual(room.upperBound)
      expect(room.count, `seed ${seed}`).toBeLessThanOrEqual(bound)
    }
  }
})

test('racks: less fits if whole racks may be lost, and more into one that is filled alone', () => {
  const kind = 'hetero'
  const hosts = createCluster({ kind, count: 20, filled: 0 })
  const racks = createCluster({ kind, count: 20, filled: 0, racks: 4 })
  const request = pairOf(STANDARD[kind])
  const { count: one } = countCapacity(hosts, request, { seed: 1 })
  const { count: rack } = countCapacity(racks, request, { seed: 1 })
  expect(rack).toBeLessThan(one)
  const rooms = countByDomain(racks, request, 'rack', { seed: 1 })
  expect(rooms.map(({ domain }) => domain)).toEqual(['r0', 'r1', 'r2', 'r3'])
  for (const { count } of rooms) expect(count).toBeGreaterThan(rack / 4)
})

/** A fleet of equal hosts in two rows, and what a machine wants of it. */
function plainFleet(memory: number, cpu: number, bytes: number): Fleet {
  const rows = [0, 1, 2, 3]
  return createFleet({
    hosts: rows.map((row) => ({
      name: `h${row}`,
      labels: { row: `w${row % 2}` },
      capacity: { memory, cpu },
    })),
    pools: rows.map((host) => ({ name: `p${host}`, host, capacityBytes: bytes })),
    standbyColumns: ['memory'],
    lossLabel: '',
  })
}
function machine(fleet: Fleet, change: Partial<MachineRequest> = {}): MachineRequest {
  const spread = {
    domains: fleet.domainsOf('row'),
    mode: 'Different',
    maximumPerDomain: 1,
  } as const
  const request = pairOf([1, 1, 1])
  const amounts = [
    { column: 0, amount: 1 },
    { column: 1, amount: 1 },
  ]
  const volumes = [{ ...request.volumes[0]!, sizeBytes: 1, spread: [spread] }]
  return { ...request, amounts, volumes, standby: 'None', ...change }
}

const binding: readonly (readonly [string, Fleet, Partial<MachineRequest>, string, number])[] = [
  ['memory', plainFleet(3, 100, 100), {}, 'memory', 12],
  ['cpu', plainFleet(100, 3, 100), {}, 'cpu', 12],
  ['pools', plainFleet(100, 100, 3), {}, 'storage', 6],
  ['half of all hosts', plainFleet(4, 100, 100), { hosts: Uint8Array.of(1, 1, 0, 0) }, 'memory', 8],
  ['one host', plainFleet(3, 100, 100), { hosts: Uint8Array.of(1, 0, 0, 0) }, 'rules', 3],
  ['room for standbys', plainFleet(3, 100, 9), { standby: 'Replica' }, 'memory', 8],
]
for (const [name, fleet, change, bindingResource, count] of binding)
  test(`what binds: ${name}`, () => {
    const capacity = countCapacity(fleet, machine(fleet, change), { seed: 1 })
    expect(capacity).toMatchObject({ bindingResource, count, upperBound: count })
  })

test('what binds: domains, if replicas must stand in three of two rows', () => {
  const fleet = plainFleet(9, 9, 9)
  const request = machine(fleet)
  const volumes = [{ ...request.volumes[0]!, replicas: 3 }]
  const {
    bindingResource,
    count,
    upperBound: bound,
  } = countCapacity(fleet, { ...request, volumes }, { seed: 1 })
  expect({ bindingResource, count, bound }).toEqual({
    bindingResource: 'domains',
    count: 0,
    bound: 0,
  })
})

test('a machine that takes nothing fits without end, where it fits at all', () => {
  const fleet = plainFleet(1, 1, 1)
  const request = machine(fleet, { amounts: [], volumes: [] })
  const capacity = countCapacity(fleet, request, { seed: 1 })
  expect(capacity).toEqual({
    count: Infinity,
    upperBound: Infinity,
    bindingResource: undefined,
    resources: [],
  })
  const nowhere = { ...request, hosts: new Uint8Array(4) }
  expect(countCapacity(fleet, nowhere, { seed: 1 })).toMatchObject({ count: 0, upperBound: 0 })
})

test('a fleet without hosts has room for nothing', () => {
  const fleet = createFleet({ hosts: [], pools: [], standbyColumns: ['memory'], lossLabel: '' })
  const capacity = countCapacity(fleet, machine(fleet, { standby: 'Replica' }), { seed: 1 })
  expect(capacity).toMatchObject({ count: 0, upperBound: 0 })
  expect(countByDomain(fleet, machine(fleet), 'row', { seed: 1 })).toEqual([])
})
