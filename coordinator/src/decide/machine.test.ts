import { isDiskful, type PlacementPolicy } from '@keelson/shared/model'
import { describe, expect, it } from 'vitest'
import { createPopulatedWorld, machineSpec, newDisk, type World } from '../testing/index.ts'
import { MAXIMUM_WRITES } from './draft.ts'
import { type CommandOf, planVirtualMachines } from './index.ts'

const GIB = 2 ** 30

/** The loss of any one host is to be survived. */
const POLICY: PlacementPolicy = {
  ...{ scope: 'Cluster', name: '', version: 0, weights: {} },
  guarantees: [{ failureDomain: '', losses: 1, mode: 'Enforce' }],
}

function creation(
  world: World,
  name: string,
  spec = machineSpec({ disks: [newDisk(name, 'root', { sizeBytes: GIB, replicas: 2 })] }),
): CommandOf<'CreateVirtualMachine'> {
  const volumeUids = spec.disks.map((disk) => world.stamp(`${name}/${disk.name}`).uid)
  const stamp = world.stamp(name)
  return { type: 'CreateVirtualMachine', stamp, name, labels: {}, spec, volumeUids }
}

describe('machines that are planned together', () => {
  it('are made in the places of the plan, each with a standby where one is asked for', () => {
    const world = createPopulatedWorld()
    world.run('SetPolicy', 'policy', { policy: POLICY, expectedVersion: 0 })
    const commands = Array.from({ length: 8 }, (_, index) => creation(world, `m${index}`))
    const plans = planVirtualMachines(world.state, commands)
    for (const [index, command] of commands.entries()) {
      const plan = plans[index]!
      world.decide({ ...command, plan })
      const { node, standbyNode } = world.state.virtualMachines.get(command.name)!.status
      expect([plan.node, plan.standbyNode]).toContain(node)
      expect(standbyNode).not.toBe('')
      expect(standbyNode).not.toBe(node)
      const { replicas } = world.state.volumes.get(`${command.name}-root`)!.status
      const copies = replicas.filter(isDiskful)
      const places = copies.map((replica) => `${replica.node}/${replica.pool}`).sort()
      const planned = plan.volumes[0]!.map((place) => `${place.node}/${place.pool}`).sort()
      expect(places).toEqual(planned)
      expect(replicas.map(({ role }) => role)).toEqual(['Diskful', 'Diskful', 'TieBreaker'])
    }
  })

  it('go elsewhere if their place is taken by now', () => {
    const world = createPopulatedWorld()
    const spec = machineSpec({ compute: { ...machineSpec().compute, memoryBytes: 5 * GIB } })
    const command = creation(world, 'late', spec)
    const [plan] = planVirtualMachines(world.state, [command])
    const rules = { ...spec.rules, nodes: [plan!.node] }
    world.decide(creation(world, 'early', { ...spec, rules }))
    world.decide({ ...command, plan: plan! })
    expect(world.state.virtualMachines.get('early')?.status.node).toBe(plan!.node)
    expect(world.state.virtualMachines.get('late')?.status.node).not.toBe(plan!.node)
  })
})

describe('the largest machine', () => {
  it('is made and deleted in one transaction each', () => {
    const world = createPopulatedWorld()
    const disks = Array.from({ length: 8 }, (_, index) =>
      newDisk('web', `d${index}`, { sizeBytes: GIB / 8, replicas: 4 }),
    )
    const made = world.decide(creation(world, 'web', machineSpec({ disks })))
    // One record and one event for each volume and the machine, and the document of each host; no
    // host is left for a tie-breaker.
    expect(made.writes.length).toBe(9 + 9 + 4)
    const stamp = world.stamp('web')
    const fields = { name: 'web', keepVolumes: false }
    const gone = world.decide({ type: 'DeleteVirtualMachine', stamp, ...fields })
    expect(gone.writes.length).toBe(9 + 9 + 4)
    // With eight replicas of each volume on hosts of their own, a tie-breaker and a replica that
    // is on its way, whose operation ends with an event: still one transaction.
    expect(9 + 9 + 8 * (8 + 1 + 1) + 2 * 8).toBeLessThanOrEqual(MAXIMUM_WRITES)
  })
})
