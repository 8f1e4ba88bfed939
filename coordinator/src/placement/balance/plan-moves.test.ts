/** Plans for the cluster's records, carried out by the decisions that make each move. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createPopulatedWorld,
  faithfulReport,
  machineSpec,
  newDisk,
  runs,
  type World,
} from '../../testing/index.ts'
import { planMoves } from './plan-moves.ts'

const GIB = 2 ** 30
const NO_LIMITS = {
  ...{ movesPerNode: 8, movesPerDomain: 8, failureDomain: '', bandwidthBytesPerSecond: 0 },
  windows: [],
}
const SPREAD = {
  ...{ objective: 'Spread' as const, budgetBytes: 0, maximumMoves: 100 },
  ...{ labelSelector: '', seed: 1 },
}

function reportAll(world: World): void {
  for (const node of world.state.nodes.sortedIds())
    world.run('RecordObserved', node, { node, observed: faithfulReport(world.state, node) })
}

function cordon(world: World, nodes: readonly string[], schedulable: boolean): void {
  const fields = { setLabels: {}, removeLabels: [], schedulable }
  for (const node of nodes) world.run('UpdateNode', node, { node, ...fields })
}

interface Draw {
  readonly sizes: readonly number[]
  readonly classes: readonly boolean[]
  readonly machines: number
}

/** Everything on n0 and n1, as if n2 and n3 had come later. */
function lopsided({ classes, machines, sizes }: Draw): World {
  const world = createPopulatedWorld()
  cordon(world, ['n2', 'n3'], false)
  for (const [index, size] of sizes.entries()) {
    const name = `v${index}`
    const storageClass = classes[index] ? 'different' : ''
    const spec = { sizeBytes: size * GIB, storageClass, pool: '', replicas: 2, nodes: [] }
    world.run('CreateVolume', name, { name, labels: {}, spec: { ...spec, sourceSnapshot: '' } })
  }
  for (let index = 0; index < machines; index++) {
    const name = `m${index}`
    const spec = machineSpec({
      disks: [newDisk(name, 'root', { sizeBytes: GIB, replicas: 2 })],
      volumeLocality: index % 2 === 0 ? 'Required' : 'Preferred',
    })
    const fields = { name, labels: {}, tenant: '', spec, volumeUids: [`uid-${name}-root`] }
    world.run('CreateVirtualMachine', name, fields)
  }
  cordon(world, ['n2', 'n3'], true)
  reportAll(world)
  return world
}

const draws: fc.Arbitrary<Draw> = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 1, maxLength: 5 }),
  classes: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
  machines: fc.integer({ min: 0, max: 4 }),
})

function carryOut(world: World, plan: ReturnType<typeof planMoves>): string[] {
  const { operation = '' } = world.run('ApplyRebalance', 'plan', {
    plan: { id: 'plan', ...plan },
    limits: NO_LIMITS,
  })
  for (let round = 0; round < 60; round++) {
    for (let before = -1; before !== world.state.revision; ) {
      before = world.state.revision
      world.run('AdvanceRebalance', operation, { operation })
    }
    reportAll(world)
  }
  return world.state.rebalances
    .get(operation)!
    .moves.map(({ message, phase }) => `${phase}${message && `: ${message}`}`)
}

describe('a plan for the cluster as it is', () => {
  it('can be carried out to its end, and leaves the cluster as it says', () => {
    fc.assert(
      fc.property(draws, (draw) => {
        const world = lopsided(draw)
        const plan = planMoves(world.state, SPREAD)
        if (plan.moves.length === 0) return
        expect(plan.imbalanceAfter).toBeLessThan(plan.imbalanceBefore)
        const fates = carryOut(world, plan)
        expect(fates).toEqual(plan.moves.map(() => 'Done'))
        const after = planMoves(world.state, SPREAD)
        expect(after.imbalanceBefore).toBeCloseTo(plan.imbalanceAfter, 6)
      }),
      runs(12),
    )
  })

  it('leaves alone what cannot move', () => {
    const world = lopsided({ sizes: [1, 1, 1, 1], classes: [], machines: 0 })
    world.run('CreateSnapshot', 's', { name: 's', labels: {}, volume: 'v0' })
    world.run('MoveReplica', 'v1', { volume: 'v1', fromNode: 'n0', toNode: 'n2', toPool: '' })
    const subjects = planMoves(world.state, SPREAD).moves.map(({ subject }) => subject)
    expect(subjects.length).toBeGreaterThan(0)
    expect(subjects).not.toContain('volume/v0')
    expect(subjects).not.toContain('volume/v1')
  })

  it('neither empties nor fills hosts that are offline, and fills no cordoned one', () => {
    const world = lopsided({ sizes: [1, 1, 1, 1], classes: [], machines: 0 })
    cordon(world, ['n3'], false)
    world.run('SetNodePhase', 'n2', { node: 'n2', phase: 'Offline', reason: 'no heartbeat' })
    const hosts = planMoves(world.state, SPREAD).moves.flatMap(({ toNode }) => toNode)
    expect(hosts).not.toContain('n2')
    expect(hosts).not.toContain('n3')
  })
})
