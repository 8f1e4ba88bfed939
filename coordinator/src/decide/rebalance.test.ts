/**
 * Rebalances carried out step by step, while hosts report well and badly, people pause, resume,
 * cancel and change things, and the coordinator starts again from its records.
 */
import { KeelsonError } from '@keelson/shared/errors'
import {
  isDiskful,
  type Move,
  type ObjectMeta,
  type RebalanceLimits,
  type Volume,
} from '@keelson/shared/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ClusterState,
  checkInvariants,
  createClusterState,
  decodeRecord,
  encodeRecord,
  RECORD_KINDS,
  type Write,
} from '../state/index.ts'
import {
  createPopulatedWorld,
  faithfulReport,
  fingerprint,
  helloOf,
  NODES,
  reportOf,
  runs,
  VOLUMES,
} from '../testing/index.ts'
import { type Command, type CommandOf, decide } from './index.ts'

const GIB = 2 ** 30

const LIMITS: RebalanceLimits = {
  movesPerNode: 1,
  movesPerDomain: 2,
  failureDomain: '',
  bandwidthBytesPerSecond: 0,
  windows: [],
}

/** A cluster that forgets everything but its records when it starts again. */
function createCluster() {
  const world = createPopulatedWorld()
  let state: ClusterState = world.state
  let requests = 0
  const cluster = {
    get state() {
      return state
    },
    /** Decides, applies and checks every invariant; false for a refusal. */
    submit<T extends Command['type']>(
      type: T,
      fields: Omit<CommandOf<T>, 'type' | 'stamp'>,
    ): boolean {
      const stamp = world.stamp(`request ${++requests}`)
      const command = { type, stamp, ...fields } as unknown as Command
      world.advance(1_000)
      try {
        const { writes } = decide(state, command)
        if (writes.length > 0) state.apply(writes, state.revision + 1)
        expect(checkInvariants(state), `after ${type}`).toEqual([])
        return writes.length > 0
      } catch (error) {
        if (!(error instanceof KeelsonError)) throw error
        return false
      }
    },
    restart() {
      const next = createClusterState()
      for (const kind of RECORD_KINDS)
        for (const id of state.table(kind).sortedIds()) {
          const value = decodeRecord(kind, id, encodeRecord(state.table(kind).get(id)!))
          const revision = 'meta' in value ? (value.meta as ObjectMeta).resourceVersion : 0
          next.apply([{ kind, id, value } as Write], revision)
        }
      next.apply([], state.revision)
      state = next
    },
    report(node: string) {
      const ledgerGeneration = state.generations.get(node)?.generation ?? 0
      const hello = helloOf(node, { ledgerGeneration })
      cluster.submit('RecordHello', { hello, address: '' })
      const report = faithfulReport(state, node)
      cluster.submit('RecordObserved', { node, observed: report })
    },
    /** As the controller does it. */
    advance() {
      for (const operation of state.rebalances.sortedIds())
        while (cluster.submit('AdvanceRebalance', { operation })) expect(heldLimits(state)).toBe('')
    },
  }
  return cluster
}

type Cluster = ReturnType<typeof createCluster>

/** What is under way beyond the limits, in words. */
function heldLimits(state: ClusterState): string {
  const counts = new Map<string, number>()
  for (const { meta, status } of state.volumes.values())
    for (const node of status.move ? [status.move.fromNode, status.move.toNode] : []) {
      counts.set(node, (counts.get(node) ?? 0) + 1)
      const ours = [...state.rebalances.values()].some(({ moves, plan }) =>
        moves.some(
          ({ phase }, index) =>
            phase === 'Running' && plan.moves[index]!.subject === `volume/${meta.name}`,
        ),
      )
      if (ours && counts.get(node)! > 1) return `${node} has ${counts.get(node)} moves`
    }
  return ''
}

interface Actions {
  advance: object
  report: { readonly node: string }
  reportAll: object
  fail: { readonly node: string; readonly phase: 'Failed' | 'Pending' }
  silence: { readonly node: string }
  pause: object
  resume: object
  cancel: object
  restart: object
  deleteVolume: { readonly volume: string }
  userMove: { readonly volume: string; readonly position: number }
  apply: { readonly moves: readonly Draw[] }
}

/** A move as drawn: which replica goes where, after which of those before it. */
interface Draw {
  readonly volume: string
  readonly position: number
  readonly to: string
  readonly after: readonly number[]
}

type Action = { readonly [K in keyof Actions]: { readonly does: K } & Actions[K] }[keyof Actions]

const node = fc.constantFrom(...NODES.slice(0, 4))
const volume = fc.constantFrom(...VOLUMES)
const draw: fc.Arbitrary<Draw> = fc.record({
  volume,
  position: fc.nat(2),
  to: node,
  after: fc.array(fc.nat(7), { maxLength: 2 }),
})

function action<K extends keyof Actions>(
  weight: number,
  does: K,
  fields: { readonly [F in keyof Actions[K]]: fc.Arbitrary<Actions[K][F]> },
) {
  const arbitrary = fc.record({ does: fc.constant(does), ...fields })
  return { weight, arbitrary: arbitrary as unknown as fc.Arbitrary<Action> }
}

const anyAction: fc.Arbitrary<Action> = fc.oneof(
  action(8, 'advance', {}),
  action(8, 'report', { node }),
  action(3, 'reportAll', {}),
  action(2, 'fail', { node, phase: fc.constantFrom('Failed', 'Pending') }),
  action(2, 'silence', { node }),
  action(2, 'pause', {}),
  action(2, 'resume', {}),
  action(1, 'cancel', {}),
  action(3, 'restart', {}),
  action(1, 'deleteVolume', { volume }),
  action(1, 'userMove', { volume, position: fc.nat(2) }),
  action(3, 'apply', { moves: fc.array(draw, { minLength: 1, maxLength: 8 }) }),
)

const walks = fc.array(anyAction, { maxLength: 60, size: 'max' })

function populated(): Cluster {
  const cluster = createCluster()
  for (const [index, name] of VOLUMES.entries()) {
    const storageClass = index % 2 === 0 ? 'different' : ''
    const spec = { sizeBytes: GIB, storageClass, pool: '', replicas: 2, nodes: [] }
    cluster.submit('CreateVolume', { name, labels: {}, spec: { ...spec, sourceSnapshot: '' } })
  }
  for (const one of cluster.state.nodes.sortedIds()) cluster.report(one)
  return cluster
}

function perform(cluster: Cluster, step: Action): void {
  const { state } = cluster
  const running = state.runningOperation('Rebalance', 'cluster')?.meta.name ?? 'none'
  switch (step.does) {
    case 'advance':
      return cluster.advance()
    case 'report':
      return cluster.report(step.node)
    case 'reportAll':
      return state.nodes.sortedIds().forEach(cluster.report)
    case 'fail': {
      const honest = faithfulReport(state, step.node)
      const replicas = honest.replicas.map((replica) => ({
        ...replica,
        ...{ phase: step.phase, sizeBytes: 0, message: 'it went wrong' },
      }))
      const observed = reportOf({ ...honest, replicas })
      return void cluster.submit('RecordObserved', { node: step.node, observed })
    }
    case 'silence': {
      const fields = { node: step.node, phase: 'Offline' as const, reason: 'no heartbeat' }
      cluster.submit('SetNodePhase', fields)
      return void cluster.submit('RefreshVolumes', { volumes: VOLUMES })
    }
    case 'pause':
      return void cluster.submit('PauseRebalance', { operation: '' })
    case 'resume':
      return void cluster.submit('ResumeRebalance', { operation: '' })
    case 'cancel':
      return void cluster.submit('CancelOperation', { name: running })
    case 'restart': {
      const before = fingerprint(state)
      cluster.restart()
      return expect(fingerprint(cluster.state) === before, 'the same state').toBe(true)
    }
    case 'deleteVolume':
      return void cluster.submit('DeleteVolume', { name: step.volume })
    case 'userMove': {
      const replica = replicaAt(state.volumes.get(step.volume), step.position)
      const fields = { volume: step.volume, fromNode: replica?.node ?? '', toNode: '', toPool: '' }
      return void cluster.submit('MoveReplica', fields)
    }
    case 'apply':
      return void cluster.submit('ApplyRebalance', { limits: LIMITS, plan: planOf(state, step) })
  }
}

function replicaAt(found: Volume | undefined, position: number) {
  const replicas = found?.status.replicas ?? []
  return replicas[position % Math.max(1, replicas.length)]
}

function planOf(state: ClusterState, { moves: draws }: Actions['apply']) {
  const moves = draws.map(({ after, position, to, volume: name }, index): Move => {
    const replica = replicaAt(state.volumes.get(name), position)
    return {
      ...{ number: index + 1, kind: 'Replica', subject: `volume/${name}`, copiedBytes: GIB },
      ...{ fromNode: replica?.node ?? 'n0', fromPool: 'p0', toNode: to, toPool: 'p0' },
      ...{ gain: 0, reason: '', after: after.filter((number) => number >= 1 && number <= index) },
    }
  })
  return {
    ...{ id: 'plan', objective: 'Spread' as const, moves, copiedBytes: moves.length * GIB },
    ...{ imbalanceBefore: 1, imbalanceAfter: 0, summary: '', resourceVersion: 0 },
  }
}

/** Copies of each volume that is to stay; the old place counts until it is told to go. */
function copies(state: ClusterState): Map<string, number> {
  const stay = [...state.volumes.values()].filter(
    ({ meta }) => meta.deletionRequestedAt === undefined,
  )
  return new Map(
    stay.map(({ meta, status }) => [
      meta.uid,
      status.replicas.filter((one) => isDiskful(one) && one.phase !== 'Deleting').length,
    ]),
  )
}

describe('whatever happens while a rebalance is carried out', () => {
  it('no rule is broken, no limit is passed, and no volume has a copy less', () => {
    fc.assert(
      fc.property(walks, (actions) => {
        const cluster = populated()
        for (const step of actions) {
          perform(cluster, step)
          for (const [uid, count] of copies(cluster.state))
            expect(count, uid).toBeGreaterThanOrEqual(2)
          for (const { meta, spec, status } of cluster.state.volumes.values()) {
            if (spec.storageClass !== 'different' || status.move) continue
            const kept = status.replicas.filter(
              (replica) => isDiskful(replica) && replica.phase !== 'Deleting',
            )
            const racks = kept.map(({ node: name }) => rackOf(cluster.state, name))
            expect(new Set(racks).size, `racks of ${meta.name}`).toBe(kept.length)
          }
        }
      }),
      runs(40),
    )
  })

  it('hosts that do what they are told let it end, and what ended agrees with where things are', () => {
    fc.assert(
      fc.property(walks, (actions) => {
        const cluster = populated()
        for (const step of actions) perform(cluster, step)
        cluster.submit('ResumeRebalance', { operation: '' })
        for (let round = 0; round < 24; round++) {
          for (const one of cluster.state.nodes.sortedIds()) cluster.report(one)
          cluster.advance()
        }
        for (const { moves, operation, phase } of cluster.state.rebalances.values()) {
          expect(phase, operation).toBe('Done')
          for (const status of moves) {
            expect(['Done', 'Skipped', 'Failed']).toContain(status.phase)
            if (status.phase !== 'Done') expect(status.message).not.toBe('')
          }
        }
        for (const { phase, subject } of cluster.state.operations.values())
          expect(phase, subject).not.toBe('Running')
      }),
      runs(40),
    )
  })

  it('starting again changes nothing of what is decided next', () => {
    fc.assert(
      fc.property(walks, (actions) => {
        const steady = populated()
        const fresh = populated()
        for (const step of actions.filter(({ does }) => does !== 'restart')) {
          perform(steady, step)
          fresh.restart()
          perform(fresh, step)
        }
        expect(fingerprint(fresh.state) === fingerprint(steady.state), 'the same').toBe(true)
      }),
      runs(12),
    )
  })
})

function rackOf(state: ClusterState, name: string): string | undefined {
  return state.nodes.get(name)?.meta.labels['topology.kubernetes.io/rack']
}
