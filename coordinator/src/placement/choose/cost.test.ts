import { describe, expect, it } from 'vitest'
import { createFleet, type Fleet, type MachineRequest } from '../fleet/index.ts'
import { applyChoice, createChooser } from './chooser.ts'
import { createCosts, fromSteps, machineScoreParts, volumeScoreParts } from './cost.ts'
import { chanceOf, randomFleet, randomMachine } from './fixture.ts'
import { brokenHoles, stockOf } from './stock.ts'
import { weightsAlone } from './weights.ts'

const sumOf = (parts: readonly { readonly value: number; readonly weight: number }[]) =>
  parts.reduce((sum, { value, weight }) => sum + value * weight, 0)

const MACHINE: MachineRequest = {
  name: 'new',
  amounts: [
    { column: 0, amount: 8 },
    { column: 1, amount: 1 },
  ],
  hosts: undefined,
  volumes: [],
  attached: [],
  locality: 'Ignored',
  standby: 'None',
  numa: undefined,
  preference: undefined,
  seed: 0,
}

const OLD = { name: 'old', standby: -1, volumes: [], pinned: false }

/** Hosts with this much memory, of which some has a GPU. */
function fleetOf(memory: readonly number[], gpus: readonly number[] = []): Fleet {
  const hosts = memory.map((amount, row) => ({
    name: `host-${row}`,
    labels: {},
    capacity: { memory: amount, cpu: 100, gpu: gpus[row] ?? 0 },
  }))
  const columns = ['gpu']
  return createFleet({ hosts, pools: [], columns, standbyColumns: ['memory'], lossLabel: '' })
}

describe('the parts of a score', () => {
  it('add up to minus the cost, but for a constant that preferences bring', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const chance = chanceOf(seed)
      const fleet = randomFleet(chance, 12)
      for (let step = 0; step < 6; step++) {
        const request = randomMachine(chance, fleet, `m${step}`)
        const costs = createCosts(fleet)
        const offsets = new Set<number>()
        for (let host = 0; host < fleet.hostCount; host++) {
          const cost = fromSteps(costs.machine(request, host))
          if (cost === Infinity) continue
          offsets.add(Math.round((cost + sumOf(machineScoreParts(fleet, request, host))) * 1e5))
        }
        expect(offsets.size, `seed ${seed}`).toBeLessThan(2)
        for (const volume of request.volumes)
          for (let pool = 0; pool < fleet.poolCount; pool++) {
            const cost = fromSteps(costs.replica(volume, pool))
            if (cost === Infinity || volume.preference) continue
            expect(-sumOf(volumeScoreParts(fleet, volume, pool))).toBeCloseTo(cost, 5)
          }
        const choice = createChooser(fleet).choose(request)
        if (choice) applyChoice(fleet, request, choice)
      }
    }
  })

  it('are never negative costs and never not a number', () => {
    const fleet = fleetOf([64, 0, 64])
    fleet.setCapacity(2, 0, 0)
    const costs = createCosts(fleet)
    for (const amount of [0, 1, 64])
      for (let host = 0; host < 3; host++)
        expect(
          costs.machine({ ...MACHINE, amounts: [{ column: 0, amount }] }, host),
        ).toBeGreaterThanOrEqual(0)
  })
})

describe('holes', () => {
  it.each([
    [128, 0, 8, 128 + 64 + 32 + 16 + 8, 16],
    [128, 28, 8, 32 + 16 + 8, 0],
    [128, 28, 4, 4, 8],
    [128, 28, 12, 32 + 16, 128 + 64 + 32],
    [128, 28, 40, 64, 128 + 64],
    [128, 64, 8, 64 + 32 + 16 + 8, 16],
    [128, 100, 16, 16, 32],
  ])('of a host of %i with %i in use, %i more break %i and, between, of %i', (...row) => {
    const [capacity, used, amount, halves, between] = row
    const fleet = fleetOf([capacity])
    fleet.putMachine({ ...OLD, host: 0, amounts: [{ column: 0, amount: used }] })
    const broken = brokenHoles(stockOf(fleet)[0]!, 0, amount) * capacity
    expect(broken).toBeCloseTo(halves + between * Math.SQRT1_2, 9)
  })

  it('are kept: a small machine goes where no room for a large one is lost', () => {
    const fleet = fleetOf([128, 128])
    fleet.putMachine({ ...OLD, host: 1, amounts: [{ column: 0, amount: 24 }] })
    expect(createChooser(fleet).choose(MACHINE)?.host).toBe(1)
    expect(createChooser(fleet, { holes: 0 }).choose(MACHINE)?.host).toBe(0)
  })
})

it('a machine leaves hosts with what few have to those that want it', () => {
  const fleet = fleetOf([64, 64, 64, 64], [4, 0, 0, 0])
  for (let seed = 0; seed < 400; seed++)
    expect(createChooser(fleet).choose({ ...MACHINE, seed })?.host).not.toBe(0)
  const withGpu = { ...MACHINE, amounts: [...MACHINE.amounts, { column: 2, amount: 1 }] }
  expect(createChooser(fleet).choose(withGpu)?.host).toBe(0)
})

/** Hosts of 64 with a pool each, of these names and sizes; none where the name is empty. */
function fleetWithPools(pools: readonly (readonly [name: string, capacityBytes: number])[]): Fleet {
  const hosts = pools.map((_, row) => ({
    name: `host-${row}`,
    labels: {},
    capacity: { memory: 64, cpu: 100 },
  }))
  return createFleet({
    hosts,
    pools: pools.flatMap(([name, capacityBytes], host) =>
      name === '' ? [] : [{ name, host, capacityBytes }],
    ),
    standbyColumns: ['memory'],
    lossLabel: '',
  })
}

const VOLUME = {
  name: 'data',
  sizeBytes: 10,
  replicas: 1,
  pools: undefined,
  spread: [],
  preference: undefined,
}

const poolsPart = (fleet: Fleet, host: number) =>
  0 - machineScoreParts(fleet, MACHINE, host).find(({ name }) => name === 'pools')!.value

describe('pools', () => {
  it('that few hosts have are left to those that want them, as long as they are free', () => {
    const fleet = fleetWithPools([
      ['fast', 100],
      ['slow', 100],
      ['slow', 100],
      ['', 0],
    ])
    const share = 8 / 64 + 1 / 100
    expect(fleet.hosts.map((_, host) => poolsPart(fleet, host))).toEqual(
      [0.75, 0.5, 0.5, 0].map((rarity) => expect.closeTo(rarity * share, 9)),
    )
    expect(createChooser(fleet).choose(MACHINE)?.host).toBe(3)
    fleet.putVolume({ name: 'old', sizeBytes: 100, pools: [0], pinned: false })
    expect(poolsPart(fleet, 0)).toBe(0)
    fleet.setPoolCapacity(0, 0)
    expect(poolsPart(fleet, 0)).toBe(0)
  })

  it('of names of their own are one sort, so that none is rare where each host has one', () => {
    const own = fleetWithPools([
      ['a', 100],
      ['b', 100],
      ['c', 100],
    ])
    expect(own.hosts.map((_, host) => poolsPart(own, host))).toEqual([0, 0, 0])
  })
})

describe('a replica', () => {
  it('goes where space lasts as long as memory, if a machine comes with it', () => {
    const fleet = fleetWithPools([
      ['p', 100],
      ['p', 100],
      ['p', 100],
    ])
    fleet.putMachine({ ...OLD, host: 1, amounts: [{ column: 0, amount: 48 }] })
    const costs = createCosts(fleet)
    const [first, filled, last] = [0, 1, 2].map((pool) => costs.replica(VOLUME, pool))
    expect(first).toBe(last)
    expect(filled).toBeLessThan(first!)
    const alone = createCosts(fleet, weightsAlone(undefined))
    expect(alone.replica(VOLUME, 1)).toBe(alone.replica(VOLUME, 0))
  })

  it.each([
    ['of an empty host', 0, 0, 0.1],
    ['beside half the memory', 32, 0, 0.05],
    ['beside no memory', 64, 0, 0],
    ['in half the space', 0, 50, 0.2],
    ['in the last space, where the price ends', 0, 90, 0.4],
  ])('binds memory: %s', (_, memory, promised, bound) => {
    const fleet = fleetWithPools([['p', 100]])
    fleet.putMachine({ ...OLD, host: 0, amounts: [{ column: 0, amount: memory }] })
    fleet.putVolume({ name: 'old', sizeBytes: promised, pools: [0], pinned: false })
    const part = volumeScoreParts(fleet, VOLUME, 0).find(({ name }) => name === 'bind')
    expect(-part!.value).toBeCloseTo(bound, 9)
  })
})

it('a preference moves a machine, and its weight says how far', () => {
  const fleet = fleetOf([64, 64])
  const preference = Float64Array.of(0, 1)
  const preferring = { ...MACHINE, preference }
  expect(createChooser(fleet).choose(preferring)?.host).toBe(1)
  fleet.putMachine({ ...OLD, host: 1, amounts: [{ column: 0, amount: 50 }] })
  expect(createChooser(fleet).choose(preferring)?.host).toBe(1)
  expect(createChooser(fleet, { preference: 0.01, holes: 0 }).choose(preferring)?.host).toBe(0)
})
