import { KeelsonError } from '@keelson/shared/errors'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StateView } from '../../state/index.ts'
import { commandsOf, createPopulatedWorld, runs, walks } from '../../testing/index.ts'
import { createScene, GIB, volumeDemand } from '../fixture.ts'
import { compileVolume } from '../rules/index.ts'
import { createFleetView, type FleetView, fleetView } from './view.ts'

/** Everything a view says, in a form that can be compared. */
function contentOf(view: FleetView) {
  const { fleet } = view
  const rows = Array.from({ length: fleet.hostCount }, (_, row) => row)
  return {
    hosts: fleet.hosts,
    pools: fleet.pools,
    poolRecords: view.pools.map(({ pool }) => pool),
    nodes: view.nodes,
    columns: fleet.columns.map(({ capacity, name, standby, used }) => ({
      name,
      capacity: [...capacity],
      used: [...used],
      reserve: standby && [...standby.reserve],
    })),
    poolCapacity: [...fleet.poolCapacity],
    poolPromised: [...fleet.poolPromised],
    machines: new Map([...fleet.machines].sort(([a], [b]) => (a < b ? -1 : 1))),
    volumes: new Map([...fleet.volumes].sort(([a], [b]) => (a < b ? -1 : 1))),
    facts: rows.map(view.facts),
    known: rows.map(view.capacityKnown),
    tainted: new Set(view.tainted),
    bound: new Set([...view.bound].sort()),
  }
}

function expectSame(state: StateView): void {
  expect(contentOf(fleetView(state))).toEqual(contentOf(createFleetView(state)))
}

describe('a view', () => {
  it('kept through the journal equals one built anew, at every step of every walk', () => {
    fc.assert(
      fc.property(walks(60), (actions) => {
        const world = createPopulatedWorld()
        for (const action of actions)
          for (const command of commandsOf(world, action)) {
            try {
              world.decide(command)
            } catch (error) {
              if (!(error instanceof KeelsonError)) throw error
            }
            expectSame(world.state)
          }
      }),
      runs(20),
    )
  })

  it('gives masks that equal masks made anew, at every step of every walk', () => {
    const demands = [
      volumeDemand(),
      volumeDemand({ replicas: 2 }),
      volumeDemand({ pool: 'p0', rules: { nodes: ['n0', 'n1'] } }),
    ]
    fc.assert(
      fc.property(walks(40), (actions) => {
        const world = createPopulatedWorld()
        for (const action of actions)
          for (const command of commandsOf(world, action)) {
            try {
              world.decide(command)
            } catch (error) {
              if (!(error instanceof KeelsonError)) throw error
            }
            const subject = { name: 'new', uid: 'new' }
            for (const demand of demands) {
              const kept = compileVolume(fleetView(world.state), subject, demand)
              const anew = compileVolume(createFleetView(world.state), subject, demand)
              expect(kept.mask).toEqual(anew.mask)
              for (const [row, open] of kept.mask.open.entries())
                expect(kept.rules.every(({ check }) => check(row) === null)).toBe(open === 1)
            }
          }
      }),
      runs(10),
    )
  })

  it('is the same as long as the structure is, and another after a label has changed', () => {
    const scene = createScene()
    scene.host('n1', 'a')
    const view = fleetView(scene.state)
    scene.volume('v', 10, ['n1'])
    expect(fleetView(scene.state)).toBe(view)
    expect([...view.fleet.poolPromised]).toEqual([10 * GIB])
    scene.host('n1', 'b')
    expect(fleetView(scene.state)).not.toBe(view)
    expectSame(scene.state)
  })

  it('stays when the total of a pool wavers, and is made anew when it has grown', () => {
    const scene = createScene()
    scene.host('n1', 'a')
    const view = fleetView(scene.state)
    scene.pool('n1', 'p', 100.5)
    expect(fleetView(scene.state)).toBe(view)
    expect([...view.fleet.poolCapacity]).toEqual([100.5 * GIB])
    scene.pool('n1', 'p', 150)
    expect(fleetView(scene.state)).not.toBe(view)
    expectSame(scene.state)
  })

  it('counts machines with what their host set aside, and room where they migrate to', () => {
    const scene = createScene()
    for (const name of ['n1', 'n2']) scene.host(name, 'a')
    scene.machine('m', 'n1')
    const machine = scene.state.virtualMachines.get('m')!
    const status = { ...machine.status, targetNode: 'n2' }
    scene.write({ kind: 'virtualMachine', id: 'm', value: { ...machine, status } })
    const [memory] = fleetView(scene.state).fleet.columns
    expect(memory!.used[0]).toBe(machine.status.reserved!.memoryBytes)
    expect(memory!.used[1]).toBe(memory!.used[0])
    scene.write({ kind: 'virtualMachine', id: 'm', value: undefined })
    expect([...fleetView(scene.state).fleet.columns[0]!.used]).toEqual([0, 0])
  })

  it('keeps memory and a CPU for the host itself, and takes what a host says as it is', () => {
    const scene = createScene()
    const allocatable = { cpuMillis: 12_000, memoryBytes: 60 * GIB, storageBytes: 0 }
    scene.host('bare', 'a')
    scene.host('said', 'a', { status: { allocatable } })
    scene.host('silent', 'a', {
      status: { capacity: { cpuMillis: 0, memoryBytes: 0, storageBytes: 0 } },
    })
    const view = fleetView(scene.state)
    const [memory, cpu] = view.fleet.columns
    expect([...memory!.capacity]).toEqual([64 * GIB - Math.ceil(64 * GIB * 0.05), 60 * GIB, 0])
    expect([...cpu!.capacity]).toEqual([15_000, 12_000, 0])
    expect([0, 1, 2].map(view.capacityKnown)).toEqual([true, true, false])
  })

  it('keeps room for standbys only where a guarantee is enforced, by the coarsest', () => {
    const scene = createScene()
    for (const name of ['n1', 'n2', 'n3']) scene.host(name, name === 'n3' ? 'b' : 'a')
    expect(fleetView(scene.state).fleet.columns[0]!.standby).toBeUndefined()
    scene.policy({
      guarantees: [
        { failureDomain: '', losses: 1, mode: 'Enforce' },
        { failureDomain: 'topology.kubernetes.io/rack', losses: 1, mode: 'Enforce' },
      ],
    })
    const { columns, lossDomains } = fleetView(scene.state).fleet
    expect(columns.every(({ standby }) => standby !== undefined)).toBe(true)
    expect([...lossDomains]).toEqual([0, 0, 1])
  })
})
