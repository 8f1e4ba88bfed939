import { describe, expect, it } from 'vitest'
import { type Choice, createFleet, type Fleet, type MachineRequest } from '../fleet/index.ts'
import { applyChoice, createChooser } from './chooser.ts'
import { createCosts } from './cost.ts'
import {
  broken,
  type Chance,
  chanceOf,
  costOf,
  leastCost,
  randomFleet,
  randomMachine,
  randomVolume,
} from './fixture.ts'
import { weightsAlone } from './weights.ts'

/** Changes the fleet behind the chooser's back, as growth, failures and removals do. */
function disturb(chance: Chance, fleet: Fleet): void {
  const row = Math.floor(chance() * fleet.hostCount)
  if (chance() < 0.2) fleet.setCapacity(row, 0, Math.floor(chance() * 40))
  const pool = fleet.poolsOf(row)[0]
  if (chance() < 0.2 && pool !== undefined) fleet.setPoolCapacity(pool, Math.floor(chance() * 90))
  const [machine] = fleet.machines.keys()
  if (chance() < 0.2 && machine !== undefined) fleet.removeMachine(machine)
  const [volume] = fleet.volumes.keys()
  if (chance() < 0.2 && volume !== undefined) fleet.removeVolume(volume)
}

/** A fleet's history: requests of a few shapes, each decided and applied. */
function* history(
  seed: number,
  mostHosts: number,
  decide: (fleet: Fleet) => (request: MachineRequest) => Choice | null,
  steps = 12,
): Generator<{ fleet: Fleet; request: MachineRequest; choice: Choice | null }> {
  const chance = chanceOf(seed)
  const fleet = randomFleet(chance, mostHosts)
  const chooseIn = decide(fleet)
  const shapes = Array.from({ length: 4 }, (_, i) => randomMachine(chance, fleet, `m${i}`))
  for (let step = 0; step < steps; step++) {
    const shape = shapes[Math.floor(chance() * shapes.length)]!
    const request = {
      ...shape,
      name: `machine-${step}`,
      volumes: shape.volumes.map((volume, i) => ({ ...volume, name: `volume-${step}-${i}` })),
      seed: Math.floor(chance() * 1000),
    }
    const choice = chooseIn(request)
    yield { fleet, request, choice }
    if (choice) applyChoice(fleet, request, choice)
    disturb(chance, fleet)
  }
}

describe('a choice', () => {
  it('keeps every rule and costs the least of all choices that do', () => {
    let placed = 0
    let refused = 0
    for (let seed = 1; seed <= 400; seed++)
      for (const { choice, fleet, request } of history(seed, 6, (f) => createChooser(f).choose)) {
        const costs = createCosts(fleet)
        const where = `seed ${seed}, ${request.name}`
        const least = leastCost(fleet, costs, request)
        expect(choice?.cost ?? Infinity, where).toBeCloseTo(least, 9)
        if (!choice) {
          refused++
          continue
        }
        placed++
        expect(broken(fleet, request, choice), where).toBe(undefined)
        expect(costOf(fleet, costs, request, choice), where).toBeCloseTo(choice.cost, 9)
      }
    expect(placed).toBeGreaterThan(1000)
    expect(refused).toBeGreaterThan(500)
  })

  it('is the same whether costs are kept from decision to decision or made anew', () => {
    let compared = 0
    for (let seed = 1; seed <= 100; seed++) {
      const both = (fleet: Fleet) => {
        const kept = createChooser(fleet, undefined, { shapes: 3 })
        const anew = createChooser(fleet, undefined, { shapes: 0 })
        return (request: MachineRequest) => {
          const choice = kept.choose(request)
          expect(choice, `seed ${seed}, ${request.name}`).toEqual(anew.choose(request))
          compared++
          return choice
        }
      }
      for (const _ of history(seed, 150, both, 30));
    }
    expect(compared).toBe(3000)
  })
})

describe('pools of a volume alone', () => {
  it('are the cheapest that keep the rules', () => {
    for (let seed = 1; seed <= 500; seed++) {
      const chance = chanceOf(seed)
      const fleet = randomFleet(chance, 8)
      const volume = randomVolume(chance, fleet, 'data')
      const request = {
        ...randomMachine(chance, fleet, 'none'),
        amounts: [],
        hosts: undefined,
        volumes: [volume],
        attached: [],
        locality: 'Ignored',
        standby: 'None',
        preference: undefined,
      } as const
      const costs = createCosts(fleet, weightsAlone({ rare: 0 }))
      const pools = createChooser(fleet).chooseVolume(volume, seed)
      const cost = pools
        ? costOf(fleet, costs, request, { host: 0, standby: -1, pools: [pools], cost: 0 })
        : Infinity
      expect(cost, `seed ${seed}`).toBeCloseTo(leastCost(fleet, costs, request), 9)
    }
  })

  it('spread over hosts, however small the volumes and unlike the hosts are', () => {
    const memory = Array.from({ length: 20 }, (_, host) => 64 + 32 * (host % 5))
    const fleet = createFleet({
      hosts: memory.map((gib, host) => ({
        name: `n${host}`,
        labels: {},
        capacity: { memory: gib * 2 ** 30, cpu: 32_000 },
      })),
      pools: memory.map((_, host) => ({ name: 'local', host, capacityBytes: 100 * 2 ** 40 })),
      standbyColumns: [],
      lossLabel: '',
    })
    const chooser = createChooser(fleet)
    const count = new Array<number>(memory.length).fill(0)
    for (let seed = 0; seed < 1_000; seed++) {
      const request = { name: `v${seed}`, sizeBytes: 16 * 2 ** 20, replicas: 1, spread: [] }
      const volume = { ...request, pools: undefined, preference: undefined }
      const pools = chooser.chooseVolume(volume, seed % memory.length)!
      fleet.putVolume({ ...request, pools, pinned: false })
      count[pools[0]!]!++
    }
    expect(Math.max(...count)).toBeLessThan(100)
    expect(Math.min(...count)).toBeGreaterThan(25)
  })
})
