import { describe, expect, it } from 'vitest'
import { createPopulatedWorld, faithfulReport, type World } from '../testing/index.ts'
import { checkInvariants } from './invariants.ts'
import type { RecordKind, RecordTypes, Write } from './records.ts'

/** A sound cluster: volume "data" on n0 to n3 with a snapshot "s1", and "more" that is growing. */
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
  for (const node of world.state.nodes.sortedIds())
    world.run('RecordObserved', node, { node, observed: faithfulReport(world.state, node) })
  world.run('CreateSnapshot', 's1', { name: 's1', labels: {}, volume: 'data' })
  world.run('ResizeVolume', 'more', { name: 'more', sizeBytes: 2 ** 21 })
  return world
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
    [
      'name-is-key',
      (world) =>
        tamper(world, 'volume', 'data', (volume) => ({
          ...volume,
          meta: { ...volume.meta, name: 'date' },
        })),
    ],
  ]

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
