import type { MovePhase, RebalancePhase, RebalancePlan, ReplicaMove } from '@keelson/shared/model'
import { describe, expect, it } from 'vitest'
import { createPopulatedWorld, faithfulReport, type World } from '../testing/index.ts'
import { checkInvariants } from './invariants.ts'
import type { RecordKind, RecordTypes, Write } from './records.ts'

/**
 * A sound cluster: volume "data" on n0 to n3 with a snapshot "s1", "more" that is growing, "moved"
 * with a replica on its way, and a rebalance that has begun nothing.
 */
function soundWorld(): World {
  const world = createPopulatedWorld()
  const spec = {
    sizeBytes: 2 ** 20,
    storageClass: 'prefer',
    pool: '',
    nodes: [],
    sourceSnapshot: '',
  }
  for (const name of ['data', 'more'])
    world.run('CreateVolume', name, { name, labels: {}, spec: { ...spec, replicas: 4 } })
  world.run('CreateVolume', 'moved', { name: 'moved', labels: {}, spec: { ...spec, replicas: 2 } })
  for (const node of world.state.nodes.sortedIds())
    world.run('RecordObserved', node, { node, observed: faithfulReport(world.state, node) })
  world.run('CreateSnapshot', 's1', { name: 's1', labels: {}, volume: 'data' })
  world.run('ResizeVolume', 'more', { name: 'more', sizeBytes: 2 ** 21 })
  const [{ node: fromNode } = { node: '' }] = world.state.volumes.get('moved')!.status.replicas
  world.run('MoveReplica', 'moved', { volume: 'moved', fromNode, toNode: '', toPool: '' })
  world.run('ApplyRebalance', 'rebalance', { plan: PLAN, limits: NO_LIMITS })
  return world
}

const NO_LIMITS = {
  ...{ movesPerNode: 0, movesPerDomain: 0, failureDomain: '', bandwidthBytesPerSecond: 0 },
  windows: [],
}
const PLAN: RebalancePlan = {
  ...{ id: 'plan', objective: 'Spread', copiedBytes: 0, summary: '', resourceVersion: 0 },
  ...{ imbalanceBefore: 1, imbalanceAfter: 0 },
  moves: [
    {
      ...{ number: 1, kind: 'Replica', subject: 'volume/more', copiedBytes: 0, gain: 0 },
      ...{ fromNode: 'n0', fromPool: 'p0', toNode: 'n1', toPool: 'p0', reason: '', after: [] },
    },
  ],
}

/** Changes a record behind the back of all decisions. */
function tamper<K extends RecordKind>(
  { state }: World,
  kind: K,
  id: string,
  change: (record: RecordTypes[K]) => RecordTypes[K] | undefined,
): void {
  const value = change(state.table(kind).get(id)!)
  state.apply([{ kind, id, value } as Write], state.revision + 1)
}

const remove = () => undefined

describe('a sound state', () => {
  it('breaks no rule', () => {
    expect(checkInvariants(soundWorld().state)).toEqual([])
  })
})

describe('a state that is not sound', () => {
  type Replicas = RecordTypes['volume']['status']['replicas']
  const replicas = (change: (all: Replicas) => Replicas) => (volume: RecordTypes['volume']) => ({
    ...volume,
    status: { ...volume.status, replicas: change(volume.status.replicas) },
  })
  const first = (fields: Partial<Replicas[number]>) =>
    replicas(([one, ...rest]) => [{ ...one!, ...fields }, ...rest])

  const votes = (fields: Partial<Replicas[number]>) =>
    replicas((all) => all.map((one) => (one.role === 'TieBreaker' ? { ...one, ...fields } : one)))

  const broken: [rule: string, break_: (world: World) => void][] = [
    [
      'replica-node-unique',
      (world) =>
        tamper(
          world,
          'volume',
          'data',
          replicas((all) => [...all, all[0]!]),
        ),
    ],
    ['replica-pool-exists', (world) => tamper(world, 'volume', 'data', first({ pool: 'gone' }))],
    [
      'tie-breaker-only-votes',
      (world) => tamper(world, 'volume', 'moved', votes({ sizeBytes: 1 })),
    ],
    [
      'tie-breaker-alone',
      (world) =>
        tamper(
          world,
          'volume',
          'data',
          replicas((all) =>
            all.map((one, index) => (index < 2 ? { ...one, role: 'TieBreaker' } : one)),
          ),
        ),
    ],
    ['pool-node-exists', (world) => tamper(world, 'node', 'n0', remove)],
    ['snapshot-volume-exists', (world) => tamper(world, 'volume', 'data', remove)],
    ['snapshot-pool-exists', (world) => tamper(world, 'pool', 'n0/p0', remove)],
    [
      'snapshot-phase-derived',
      (world) =>
        tamper(world, 'snapshot', 's1', (snapshot) => ({
          ...snapshot,
          status: { ...snapshot.status, phase: 'Ready' },
        })),
    ],
    ['volume-class-exists', (world) => tamper(world, 'class', 'prefer', remove)],
    ['operation-subject-exists', (world) => tamper(world, 'volume', 'more', remove)],
    [
      'operation-runs-once',
      ({ state }) => {
        const running = [...state.operations.values()][0]!
        const twin = { ...running, meta: { ...running.meta, name: 'op-twin', uid: 'twin' } }
        state.apply([{ kind: 'operation', id: 'op-twin', value: twin }], state.revision + 1)
      },
    ],
    [
      'replica-minor-unique',
      (world) => tamper(world, 'volume', 'data', sameAs(world, 'drbdMinor')),
    ],
    ['replica-port-unique', (world) => tamper(world, 'volume', 'data', sameAs(world, 'drbdPort'))],
    [
      'replica-node-id-unique',
      (world) => tamper(world, 'volume', 'data', first({ drbdNodeId: 3 })),
    ],
    [
      'uid-unique',
      (world) =>
        tamper(world, 'class', 'same', (item) => ({
          ...item,
          meta: { ...item.meta, uid: world.state.volumes.get('data')!.meta.uid },
        })),
    ],
    [
      'volume-phase-derived',
      (world) =>
        tamper(world, 'volume', 'data', (volume) => ({
          ...volume,
          status: { ...volume.status, phase: 'Failed' },
        })),
    ],
    [
      'volume-has-replicas',
      (world) =>
        tamper(
          world,
          'volume',
          'data',
          replicas(() => []),
        ),
    ],
    ['move-replicas-exist', (world) => tamper(world, 'volume', 'moved', move({ toNode: 'n9' }))],
    ['move-has-operation', (world) => tamper(world, 'volume', 'moved', move({ operation: 'op' }))],
    [
      'operation-has-move',
      (world) =>
        tamper(world, 'volume', 'moved', (volume) => {
          const { move: _, ...status } = volume.status
          return { ...volume, status }
        }),
    ],
    ['rebalance-has-operation', (world) => rebalance(world, 'Done', 'Done')],
    ['rebalance-at-rest', (world) => rebalance(world, 'Paused', 'Running')],
    [
      'name-is-key',
      (world) =>
        tamper(world, 'volume', 'data', (volume) => ({
          ...volume,
          meta: { ...volume.meta, name: 'date' },
        })),
    ],
  ]

  function move(changes: Partial<ReplicaMove>) {
    return (volume: RecordTypes['volume']) => {
      const under = { ...volume.status.move!, ...changes }
      return { ...volume, status: { ...volume.status, move: under } }
    }
  }

  /** Puts the phases of the rebalance and of its only move. */
  function rebalance(world: World, phase: RebalancePhase, moved: MovePhase): void {
    const [id = ''] = world.state.rebalances.sortedIds()
    tamper(world, 'rebalance', id, (record) => {
      const moves = record.moves.map((status) => ({ ...status, phase: moved }))
      return { ...record, phase, moves }
    })
  }

  /** The first replica with a number of the other volume's on the same host. */
  function sameAs({ state }: World, field: 'drbdMinor' | 'drbdPort') {
    return (volume: RecordTypes['volume']) => {
      const [one] = volume.status.replicas
      const other = state.volumes
        .get('more')
        ?.status.replicas.find((replica) => replica.node === one?.node)
      return first({ [field]: other?.[field] })(volume)
    }
  }

  it.each(broken)('breaks %s', (rule, break_) => {
    const world = soundWorld()
    break_(world)
    expect(checkInvariants(world.state).map((violation) => violation.rule)).toContain(rule)
  })
})
