/** Moves of replicas that machines run beside. The rest is in `testdata/volume-move.txt`. */
import { KeelsonError } from '@keelson/shared/errors'
import { describe, expect, it } from 'vitest'
import {
  createPopulatedWorld,
  faithfulReport,
  machineSpec,
  volumeDisk,
  type World,
} from '../testing/index.ts'

const GIB = 2 ** 30

/** Volume "data" on n0 and n1, and machine "web", which must run beside its data, on `node`. */
function createWorld(node: string): World {
  const world = createPopulatedWorld()
  const spec = { sizeBytes: GIB, storageClass: '', pool: '', replicas: 2, nodes: ['n0', 'n1'] }
  world.run('CreateVolume', 'data', {
    ...{ name: 'data', labels: {}, spec: { ...spec, sourceSnapshot: '' } },
  })
  const volume = world.state.volumes.get('data')!
  const free = { ...volume, spec: { ...volume.spec, nodes: [] } }
  world.state.apply([{ kind: 'volume', id: 'data', value: free }], world.state.revision + 1)
  report(world, 'n0', 'n1')
  const disks = [volumeDisk('data')]
  const machine = machineSpec({ disks, volumeLocality: 'Required' })
  world.run('CreateVirtualMachine', 'web', {
    ...{ name: 'web', labels: {}, tenant: '', volumeUids: [] },
    spec: { ...machine, rules: { ...machine.rules, nodes: [node] } },
  })
  const web = world.state.virtualMachines.get('web')!
  const roaming = { ...web, spec: machine }
  world.state.apply(
    [{ kind: 'virtualMachine', id: 'web', value: roaming }],
    world.state.revision + 1,
  )
  return world
}

function report(world: World, ...nodes: readonly string[]): void {
  for (const node of nodes)
    world.run('RecordObserved', node, { node, observed: faithfulReport(world.state, node) })
}

function move(world: World, fromNode: string): string {
  const fields = { volume: 'data', fromNode, toNode: 'n2', toPool: '' }
  return world.run('MoveReplica', 'data', fields).operation!
}

function places(world: World): string[] {
  const { replicas } = world.state.volumes.get('data')!.status
  return replicas.map(({ node, phase }) => `${node} ${phase}`).sort()
}

describe('a replica that a machine must run beside', () => {
  it('stays, while another one goes', () => {
    const world = createWorld('n0')
    expect(() => move(world, 'n0')).toThrow('is used by machine "web" on n0')
    move(world, 'n1')
    report(world, 'n2', 'n1')
    expect(places(world)).toEqual(['n0 Ready', 'n2 Ready'])
  })

  it('stays when the machine comes while it is on its way: the new one is taken back', () => {
    const world = createWorld('n0')
    const operation = move(world, 'n1')
    world.run('MoveVirtualMachine', 'web', { name: 'web', toNode: 'n1' })
    report(world, 'n2')
    expect(places(world)).toEqual(['n0 Ready', 'n1 Ready', 'n2 Deleting'])
    expect(world.state.operations.get(operation)).toMatchObject({
      ...{ phase: 'Failed', message: 'machine "web" runs on n1 beside it by now' },
    })
    report(world, 'n2')
    expect(places(world)).toEqual(['n0 Ready', 'n1 Ready'])
  })

  it('is not taken back from under a machine', () => {
    const world = createWorld('n0')
    const operation = move(world, 'n1')
    world.run('SetNodePhase', 'n0', { node: 'n0', phase: 'Offline', reason: 'no heartbeat' })
    world.run('RefreshVolumes', 'all', { volumes: ['data'] })
    report(world, 'n2')
    expect(places(world)).toEqual(['n0 Unknown', 'n1 Ready', 'n2 Ready'])
    const web = world.state.virtualMachines.get('web')!
    const there = { ...web, status: { ...web.status, node: 'n2' } }
    world.state.apply(
      [{ kind: 'virtualMachine', id: 'web', value: there }],
      world.state.revision + 1,
    )
    const cancel = () => world.run('CancelOperation', operation, { name: operation })
    expect(cancel).toThrow(KeelsonError)
    expect(cancel).toThrow('machine "web" runs on n2 beside the new replica')
  })
})
