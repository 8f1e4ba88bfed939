import { expect, test } from 'vitest'
import { createFleet, type Fleet } from '../fleet/index.ts'
import { brokenRules, randomFleet, STRICT } from './fixture.ts'
import {
  applyMove,
  capacityObjective,
  loadObjective,
  type MoveRules,
  type Objective,
  planRebalance,
  type RebalancePlan,
  SPREAD,
  wearObjective,
} from './index.ts'

/** Machines of one unit of memory with a volume of 10 bytes, by host and standby. */
function smallFleet(hosts: number, places: readonly (readonly [number, number])[]): Fleet {
  const fleet = createFleet({
    hosts: Array.from({ length: hosts }, (_, host) => ({
      name: `h${host}`,
      labels: {},
      capacity: { memory: 10, cpu: 10 },
    })),
    pools: Array.from({ length: hosts }, (_, host) => ({
      name: `p${host}`,
      host,
      capacityBytes: 100,
    })),
    standbyColumns: ['memory'],
    lossLabel: '',
  })
  for (const [index, pools] of places.entries()) {
    const name = String.fromCharCode(97 + index)
    fleet.putVolume({ name: `${name}-data`, sizeBytes: 10, pools, pinned: false })
    fleet.putMachine({
      name,
      host: pools[0],
      standby: pools[1],
      amounts: [{ column: 0, amount: 1 }],
      volumes: [`${name}-data`],
      pinned: false,
    })
  }
  return fleet
}

function told({ moves }: RebalancePlan): string[] {
  return moves.map(({ fromHost, kind, standby, subject, toHost }) => {
    const end = standby ? `, standby of ${standby.machine} ${standby.host}` : ''
    return `${kind} ${subject} ${fromHost} > ${toHost}${end}`
  })
}

const EVEN_MACHINES: Objective = {
  name: 'machines',
  terms: [{ measure: { of: 'machines' }, weight: 1, kind: 'sd' }],
}
const EVEN_STORAGE: Objective = {
  name: 'storage',
  terms: [{ measure: { of: 'storage' }, weight: 1, kind: 'sd' }],
}

interface Case {
  readonly title: string
  readonly fleet: Fleet
  readonly objective: Objective
  readonly rules?: Partial<MoveRules>
  readonly hosts?: readonly number[]
  readonly plan: readonly string[]
}

const CASES: readonly Case[] = [
  {
    title: 'what is even stays',
    fleet: smallFleet(2, [
      [0, 1],
      [1, 0],
    ]),
    objective: EVEN_MACHINES,
    plan: [],
  },
  {
    title: 'a machine goes to its standby, which copies nothing',
    fleet: smallFleet(2, [
      [0, 1],
      [0, 1],
    ]),
    objective: EVEN_MACHINES,
    plan: ['Migrate a 0 > 1, standby of a 0'],
  },
  {
    title: 'a new host gets replicas',
    fleet: smallFleet(3, [
      [0, 1],
      [0, 1],
      [1, 0],
    ]),
    objective: EVEN_STORAGE,
    plan: ['Replica b-data 1 > 2, standby of b 2', 'Replica c-data 0 > 2, standby of c 2'],
  },
  {
    title: 'hosts that take no part get and give nothing',
    fleet: smallFleet(3, [
      [0, 1],
      [0, 1],
      [1, 0],
    ]),
    objective: EVEN_STORAGE,
    hosts: [0, 1],
    plan: [],
  },
  {
    title: 'a rule of domains keeps replicas in different racks',
    fleet: smallFleet(3, [
      [0, 1],
      [0, 1],
      [1, 0],
    ]),
    objective: EVEN_STORAGE,
    rules: {
      volumeSpread: () => [
        { domains: Int32Array.of(0, 1, 1), mode: 'Different', maximumPerDomain: 1 },
      ],
    },
    plan: ['Replica a-data 1 > 2, standby of a 2'],
  },
  {
    title: 'a mask that depends on others is asked again: two of a kind are not together',
    fleet: smallFleet(2, [
      [0, 1],
      [0, 1],
      [0, 1],
      [0, 1],
    ]),
    objective: EVEN_MACHINES,
    rules: { dynamic: () => true, machineHosts: withoutTwin, standby: () => 'None' },
    plan: ['Migrate a 0 > 1, standby of a -1', 'Migrate c 0 > 1, standby of c -1'],
  },
  {
    title: 'a mask keeps machines off a host',
    fleet: smallFleet(2, [
      [0, 1],
      [0, 1],
    ]),
    objective: EVEN_MACHINES,
    rules: { machineHosts: () => Uint8Array.of(1, 0) },
    plan: [],
  },
]

test.each(CASES)('$title', ({ fleet, hosts, objective, plan, rules }) => {
  const options = {
    objective,
    seed: 1,
    evaluations: 2000,
    ...(hosts
      ? { hosts: Uint8Array.from(fleet.hosts, (_, row) => Number(hosts.includes(row))) }
      : {}),
  }
  expect(told(planRebalance(fleet, { ...STRICT, ...rules }, options))).toEqual(plan)
})

/** Twins, a and b or c and d, want different hosts. */
function withoutTwin(machine: string, fleet: Fleet): Uint8Array {
  const twin = fleet.machines.get({ a: 'b', b: 'a', c: 'd', d: 'c' }[machine]!)!
  return Uint8Array.from(fleet.hosts, (_, row) => Number(row !== twin.host))
}

/** The fleet after a plan for it. */
function after(fleet: Fleet, objective: Objective, rules: Partial<MoveRules> = {}): Fleet {
  const plan = planRebalance(
    fleet,
    { ...STRICT, ...rules },
    { objective, seed: 1, evaluations: 5000 },
  )
  expect(plan.after.score).toBeLessThan(plan.before.score)
  const end = fleet.clone()
  for (const move of plan.moves) applyMove(end, move)
  return end
}

test('the usual objective evens out memory, storage and what is kept', () => {
  const end = after(smallFleet(4, Array(8).fill([0, 1])), SPREAD)
  expect([...end.columns[0]!.used]).toEqual([2, 2, 2, 2])
  expect([...end.poolPromised]).toEqual([40, 40, 40, 40])
  expect([...end.columns[0]!.standby!.reserve].every((kept) => kept <= 2)).toBe(true)
  expect(brokenRules(end)).toEqual([])
})

test('the objective of capacity frees a large hole', () => {
  const fleet = smallFleet(3, [
    [0, 1],
    [1, 2],
    [2, 0],
  ])
  for (const host of [0, 1, 2]) fleet.setCapacity(host, 0, 4)
  const needs = { amounts: { memory: 3 }, storageBytes: 0 }
  const holes = (at: Fleet) =>
    at.hosts.filter((_, host) => {
      const { capacity, standby, used } = at.columns[0]!
      return capacity[host]! - used[host]! - standby!.reserve[host]! >= 3
    }).length
  expect(holes(fleet)).toBe(0)
  expect(holes(after(fleet, capacityObjective(needs)))).toBe(1)
})

test('the objective of load separates the busy', () => {
  const fleet = smallFleet(2, [
    [0, 1],
    [0, 1],
    [1, 0],
    [1, 0],
  ])
  const load = new Map([
    ['a', 900],
    ['b', 900],
    ['c', 10],
    ['d', 10],
  ])
  const { machines } = after(fleet, loadObjective(load, Float64Array.of(1000, 1000)))
  expect(machines.get('a')!.host).not.toBe(machines.get('b')!.host)
})

test('the objective of wear takes data off worn pools', () => {
  const fleet = smallFleet(3, [
    [0, 1],
    [0, 1],
    [1, 0],
  ])
  const end = after(fleet, wearObjective(Float64Array.of(0.1, 0.9, 0.1)))
  expect(end.poolPromised[1]).toBeLessThan(20)
})

test('a volume without a machine moves by itself', () => {
  const fleet = smallFleet(3, [])
  for (const name of ['x', 'y', 'z']) {
    fleet.putVolume({ name, sizeBytes: 10, pools: [0], pinned: false })
  }
  expect([...after(fleet, EVEN_STORAGE).poolPromised]).toEqual([10, 10, 10])
})

test('a volume that machines share stays with all of them', () => {
  const fleet = smallFleet(4, [
    [0, 1],
    [0, 1],
  ])
  fleet.putVolume({ name: 'shared', sizeBytes: 40, pools: [0, 1], pinned: false })
  for (const name of ['a', 'b']) {
    const machine = fleet.machines.get(name)!
    fleet.putMachine({ ...machine, volumes: [...machine.volumes, 'shared'] })
  }
  const plan = planRebalance(fleet, STRICT, { objective: EVEN_STORAGE, seed: 1, evaluations: 5000 })
  for (const move of plan.moves) {
    applyMove(fleet, move)
    expect(brokenRules(fleet)).toEqual([])
  }
})

test('a machine that needs no data at hand goes anywhere, with its standby elsewhere', () => {
  const fleet = smallFleet(3, [
    [0, 1],
    [0, 1],
    [0, 1],
  ])
  const end = after(fleet, EVEN_MACHINES, { locality: () => 'Ignored', standby: () => 'Any' })
  const machines = [...end.machines.values()]
  expect(machines.map(({ host }) => host).sort()).toEqual([0, 1, 2])
  expect(machines.every(({ host, standby }) => standby >= 0 && standby !== host)).toBe(true)
  expect([...end.poolPromised]).toEqual([30, 30, 0])
})

test('what is too full already gets emptier, not fuller', () => {
  const fleet = smallFleet(3, [
    [0, 1],
    [0, 1],
    [0, 1],
    [0, 2],
  ])
  fleet.setCapacity(0, 0, 2)
  const end = after(fleet, EVEN_MACHINES)
  expect(end.columns[0]!.used[0]).toBeLessThanOrEqual(2)
})

test('an empty fleet has an empty plan', () => {
  const plan = planRebalance(smallFleet(0, []), STRICT, { objective: SPREAD, seed: 1 })
  expect(plan.moves).toEqual([])
})

test('a move that does not begin where its subject is, is a mistake', () => {
  const fleet = smallFleet(2, [
    [0, 1],
    [0, 1],
  ])
  const options = { objective: EVEN_MACHINES, seed: 1, evaluations: 2000 }
  const [move] = planRebalance(fleet, STRICT, options).moves
  applyMove(fleet, move!)
  expect(() => applyMove(fleet, move!)).toThrow('is not on host 0')
})

test.each([1, 2, 3])('replicas never share a rack on the way, seed %i', (seed) => {
  const fleet = randomFleet({ seed, hosts: 12, machines: 40, rack: 4, replicas: 3 })
  const racks = fleet.domainsOf('rack')
  const shared = (at: Fleet, volume: string) => {
    const { pools } = at.volumes.get(volume)!
    return pools.length - new Set(pools.map((pool) => racks[at.poolHost[pool]!])).size
  }
  const rules: MoveRules = {
    ...STRICT,
    volumeSpread: () => [{ domains: racks, mode: 'Different', maximumPerDomain: 1 }],
  }
  const plan = planRebalance(fleet, rules, { objective: SPREAD, seed, evaluations: 20_000 })
  expect(plan.moves.some(({ kind }) => kind === 'Replica')).toBe(true)
  for (const move of plan.moves) {
    const { kind, subject } = move
    const before = kind === 'Replica' ? shared(fleet, subject) : 0
    applyMove(fleet, move)
    if (kind === 'Replica') expect(shared(fleet, subject)).toBeLessThanOrEqual(before)
    expect(brokenRules(fleet)).toEqual([])
  }
})
