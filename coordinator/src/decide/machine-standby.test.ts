import { isDiskful, type PlacementPolicy, type RebalancePlan } from '@keelson/shared/model'
import { describe, expect, it } from 'vitest'
import {
  createPopulatedWorld,
  faithfulReport,
  machineSpec,
  newDisk,
  type World,
} from '../testing/index.ts'

const GIB = 2 ** 30
const POLICY: PlacementPolicy = {
  ...{ scope: 'Cluster', name: '', version: 0, weights: {} },
  guarantees: [{ failureDomain: '', losses: 1, mode: 'Enforce' }],
}
const NO_LIMITS = {
  ...{ movesPerNode: 0, movesPerDomain: 0, failureDomain: '', bandwidthBytesPerSecond: 0 },
  windows: [],
}

function reportAll(world: World): void {
  for (const node of world.state.nodes.sortedIds())
    world.run('RecordObserved', node, { node, observed: faithfulReport(world.state, node) })
}

/** A machine that must run beside its data, with its standby beside the other replica. */
function createWorld(): World {
  const world = createPopulatedWorld()
  world.run('SetPolicy', 'policy', { policy: POLICY, expectedVersion: 0 })
  const spec = machineSpec({
    disks: [newDisk('web', 'root', { sizeBytes: GIB, replicas: 2 })],
    volumeLocality: 'Required',
  })
  world.run('CreateVirtualMachine', 'web', {
    ...{ name: 'web', labels: {}, tenant: '', volumeUids: ['uid-web-root'], spec },
  })
  reportAll(world)
  return world
}

function hostsOf({ state }: World): string[] {
  const { replicas } = state.volumes.get('web-root')!.status
  return replicas
    .filter(isDiskful)
    .map(({ node }) => node)
    .sort()
}

describe('the standby of a machine', () => {
  it('follows the data when a rebalance moves the replica it is beside', () => {
    const world = createWorld()
    const { node, standbyNode } = world.state.virtualMachines.get('web')!.status
    expect([node, standbyNode].sort()).toEqual(hostsOf(world))
    const { replicas } = world.state.volumes.get('web-root')!.status
    const free = (name: string) => replicas.every((replica) => replica.node !== name)
    const toNode = world.state.nodes.sortedIds().find(free)!
    const plan: RebalancePlan = {
      ...{ id: 'plan', objective: 'Spread', copiedBytes: GIB, summary: '', resourceVersion: 0 },
      ...{ imbalanceBefore: 1, imbalanceAfter: 0 },
      moves: [
        {
          ...{ number: 1, kind: 'Replica', subject: 'volume/web-root', copiedBytes: GIB, gain: 0 },
          ...{ fromNode: standbyNode, fromPool: 'p0', toNode, toPool: 'p0', reason: '', after: [] },
        },
      ],
    }
    const { operation = '' } = world.run('ApplyRebalance', 'plan', { plan, limits: NO_LIMITS })
    for (let round = 0; round < 3; round++) {
      world.run('AdvanceRebalance', operation, { operation })
      reportAll(world)
    }
    expect(hostsOf(world)).toEqual([node, toNode].sort())
    expect(world.state.rebalances.get(operation)?.phase).toBe('Done')
    expect(world.state.virtualMachines.get('web')!.status).toMatchObject({
      ...{ node, standbyNode: toNode },
    })
  })
})
