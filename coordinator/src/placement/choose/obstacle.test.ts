import { describe, expect, it } from 'vitest'
import { createFleet, type Fleet, type MachineRequest } from '../fleet/index.ts'
import { createChooser } from './chooser.ts'
import { machineObstacle, volumeObstacle } from './obstacle.ts'

/** Two hosts with 10 of everything and a third that is small; a pool of 100 on the first two. */
function threeHosts(): Fleet {
  const capacity = { memory: 10, cpu: 10, gpu: 1 }
  return createFleet({
    hosts: [
      { name: 'one', labels: {}, capacity },
      { name: 'two', labels: {}, capacity },
      { name: 'small', labels: {}, capacity: { memory: 2, cpu: 10 } },
    ],
    pools: [
      { name: 'data', host: 0, capacityBytes: 100 },
      { name: 'data', host: 1, capacityBytes: 100 },
    ],
    columns: ['gpu'],
    standbyColumns: ['memory'],
    lossLabel: '',
  })
}

const MACHINE: MachineRequest = {
  name: 'new',
  amounts: [
    { column: 0, amount: 4 },
    { column: 1, amount: 4 },
  ],
  hosts: undefined,
  volumes: [],
  attached: [],
  locality: 'Required',
  standby: 'None',
  numa: undefined,
  preference: undefined,
  seed: 1,
}
const VOLUME = {
  name: 'disk',
  sizeBytes: 60,
  replicas: 1,
  pools: undefined,
  spread: [],
  preference: undefined,
} as const

/** Something of a size on a host, with a standby if there is one. */
function put(fleet: Fleet, host: number, amount: number, standby = -1): void {
  const name = `old-${fleet.machines.size}`
  const amounts = [{ column: 0, amount }]
  fleet.putMachine({ name, host, standby, amounts, volumes: [], pinned: false })
}

describe('what keeps a machine from a host', () => {
  const cases: readonly [string, (fleet: Fleet) => void, Partial<MachineRequest>, object | null][] =
    [
      ['nothing', () => {}, {}, null],
      ['exactly enough', (fleet) => put(fleet, 0, 6), {}, null],
      ['memory in use', (fleet) => put(fleet, 0, 7), {}, { rule: 'memory', needs: 4, has: 3 }],
      [
        'memory kept for the loss of another host',
        (fleet) => put(fleet, 1, 7, 0),
        {},
        { rule: 'memory', needs: 4, has: 3 },
      ],
      [
        'cpu',
        () => {},
        { amounts: [{ column: 1, amount: 11 }] },
        { rule: 'cpu', needs: 11, has: 10 },
      ],
      [
        'another column',
        () => {},
        { amounts: [{ column: 2, amount: 2 }] },
        { rule: 'gpu', needs: 2, has: 1 },
      ],
      [
        'data that is elsewhere',
        () => {},
        { attached: [[0], [1]] },
        { rule: 'locality', needs: 2, has: 1 },
      ],
      ['data that may be elsewhere', () => {}, { attached: [[1]], locality: 'Preferred' }, null],
      [
        'a pool too full for a new volume',
        (fleet) => fleet.setPoolCapacity(0, 50),
        { volumes: [VOLUME] },
        { rule: 'space', needs: 60, has: 50, volume: 'disk' },
      ],
      ['a standby with room', () => {}, { standby: 'Any' }, null],
      [
        'no standby with room',
        (fleet) => put(fleet, 1, 7),
        { standby: 'Any' },
        { rule: 'standby', needs: 4, has: 3 },
      ],
      [
        'a standby that keeps room for this host already',
        (fleet) => put(fleet, 0, 5, 1),
        { standby: 'Any', amounts: [{ column: 0, amount: 5 }] },
        null,
      ],
      [
        'a standby that keeps too much room for this host',
        (fleet) => put(fleet, 0, 5, 1),
        { standby: 'Any', amounts: [{ column: 0, amount: 5.5 }] },
        { rule: 'memory', needs: 5.5, has: 5 },
      ],
    ]
  it.each(cases)('%s', (_, prepare, request, expected) => {
    const fleet = threeHosts()
    prepare(fleet)
    expect(machineObstacle(fleet, { ...MACHINE, ...request }, 0)).toEqual(expected)
  })

  it('a host without the resource has none of it', () => {
    const wanted = { ...MACHINE, amounts: [{ column: 2, amount: 1 }] }
    expect(machineObstacle(threeHosts(), wanted, 2)).toEqual({ rule: 'gpu', needs: 1, has: 0 })
  })
})

describe('what keeps a replica from a pool', () => {
  it('is its room, the promised part not counting', () => {
    const fleet = threeHosts()
    expect(volumeObstacle(fleet, VOLUME, 0)).toBe(null)
    fleet.putVolume({ name: 'old', sizeBytes: 41, pools: [0], pinned: false })
    expect(volumeObstacle(fleet, VOLUME, 0)).toEqual({ rule: 'space', needs: 60, has: 59 })
  })
})

describe('a choice among few', () => {
  it('keeps two volumes off a pool that holds only one of them', () => {
    const fleet = threeHosts()
    const volumes = [VOLUME, { ...VOLUME, name: 'second' }]
    const far = { ...MACHINE, volumes, locality: 'Ignored' } as const
    expect(createChooser(fleet).choose(far)?.pools.flat().toSorted()).toEqual([0, 1])
    expect(createChooser(fleet).choose({ ...far, locality: 'Required' })).toBe(null)
  })

  it('lets machines of different hosts share the room that one standby keeps', () => {
    const fleet = threeHosts()
    fleet.setCapacity(2, 0, 4)
    const hosts = Uint8Array.of(1, 1, 1)
    put(fleet, 0, 4, 2)
    put(fleet, 1, 3)
    const request: MachineRequest = { ...MACHINE, hosts, standby: 'Any' }
    expect(createChooser(fleet).choose(request)).toMatchObject({ host: 1, standby: 2 })
  })

  it('does not give all equals to the first host', () => {
    const hosts = Array.from({ length: 100 }, (_, row) => ({
      name: `host-${row}`,
      labels: {},
      capacity: { memory: 10, cpu: 10 },
    }))
    const fleet = createFleet({ hosts, pools: [], standbyColumns: [], lossLabel: '' })
    const chooser = createChooser(fleet)
    const seeds = Array.from({ length: 200 }, (_, index) => index * 7919)
    const chosen = new Set(seeds.map((seed) => chooser.choose({ ...MACHINE, seed })?.host))
    expect(chosen.size).toBeGreaterThan(60)
  })
})
