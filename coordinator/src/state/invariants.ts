/**
 * What must hold in every state, as a library: tests and the simulation check it after every
 * transaction, `keelson cluster verify` checks it on the live cluster. A violation is a bug in the
 * product, whatever the input was.
 */
import type { Operation, Replica, Violation, Volume } from '@keelson/shared/model'
import { countedReplicas, snapshotPhase, volumePhase } from '@keelson/shared/model'
import type { StateView } from './cluster-state.ts'
import { MACHINE_RULES } from './machine-invariants.ts'
import { poolId } from './records.ts'

type Report = (rule: string, subject: string, message: string) => void
type Rule = (state: StateView, report: Report) => void

/** Every broken invariant of the state; empty for a sound one. */
export function checkInvariants(state: StateView): Violation[] {
  const violations: Violation[] = []
  for (const rule of RULES)
    rule(state, (name, subject, message) => violations.push({ rule: name, subject, message }))
  return violations
}

function replicasAreOnDistinctNodes(state: StateView, report: Report): void {
  for (const volume of state.volumes.values()) {
    const nodes = volume.status.replicas.map((replica) => replica.node)
    if (new Set(nodes).size !== nodes.length)
      report('replica-node-unique', subject(volume), `replicas on ${nodes.join(', ')}`)
  }
}

function replicasReferToPools(state: StateView, report: Report): void {
  for (const volume of state.volumes.values())
    for (const replica of volume.status.replicas)
      if (replica.role === 'Diskful' && !state.pools.has(poolId(replica.node, replica.pool)))
        report('replica-pool-exists', subject(volume), `pool ${replica.pool} of ${replica.node}`)
}

/** A tie-breaker holds nothing, and one is enough: only a move brings the next. */
function tieBreakersOnlyVote(state: StateView, report: Report): void {
  for (const volume of state.volumes.values()) {
    const witnesses = countedReplicas(volume).filter(({ role }) => role === 'TieBreaker')
    for (const { allocatedBytes, node, pool, sizeBytes } of witnesses)
      if (pool !== '' || sizeBytes + allocatedBytes > 0)
        report('tie-breaker-only-votes', subject(volume), `holds data on ${node}`)
    if (witnesses.filter(({ phase }) => phase !== 'Deleting').length > 1)
      report('tie-breaker-alone', subject(volume), witnesses.map(({ node }) => node).join(', '))
  }
}

function poolsReferToNodes(state: StateView, report: Report): void {
  for (const [id, pool] of state.pools.entries())
    if (!state.nodes.has(pool.spec.node))
      report('pool-node-exists', `pool/${id}`, `node ${pool.spec.node} does not exist`)
}

function snapshotsReferToVolumes(state: StateView, report: Report): void {
  for (const { meta, spec, status } of state.snapshots.values()) {
    const name = `snapshot/${meta.name}`
    if (!state.volumes.has(spec.volume))
      report('snapshot-volume-exists', name, `volume ${spec.volume} does not exist`)
    for (const replica of status.replicas)
      if (!state.pools.has(poolId(replica.node, replica.pool)))
        report('snapshot-pool-exists', name, `pool ${replica.pool} of ${replica.node}`)
    const phase = snapshotPhase(meta.deletionRequestedAt !== undefined, status.replicas)
    if (phase !== status.phase)
      report('snapshot-phase-derived', name, `is ${status.phase}, not ${phase}`)
  }
}

function volumesReferToClasses(state: StateView, report: Report): void {
  for (const volume of state.volumes.values()) {
    const { storageClass } = volume.spec
    if (storageClass !== '' && !state.classes.has(storageClass))
      report('volume-class-exists', subject(volume), `class ${storageClass} does not exist`)
  }
}

/** One operation of a kind on a subject at a time, and none without its subject. */
function operationsRunOnce(state: StateView, report: Report): void {
  for (const operation of state.operations.values()) {
    if (operation.phase !== 'Running') continue
    const { kind, subject: about, meta } = operation
    const running = state.runningOperation(kind, about)
    if (running !== operation)
      report('operation-runs-once', about, `${meta.name} and ${running?.meta.name} are ${kind}`)
    if (!subjectExists(state, operation))
      report('operation-subject-exists', about, `${meta.name} still runs`)
  }
}

function subjectExists(state: StateView, { kind, meta, subject: about }: Operation): boolean {
  const name = about.slice(about.indexOf('/') + 1)
  if (kind === 'Rebalance') return state.rebalances.has(meta.name)
  return (about.startsWith('snapshot/') ? state.snapshots : state.volumes).has(name)
}

/** A move has both its replicas and its running operation, and the operation has its move. */
function movesAreOperations(state: StateView, report: Report): void {
  for (const volume of state.volumes.values()) {
    const { move, replicas } = volume.status
    if (!move) continue
    const { fromNode, operation, toNode } = move
    for (const node of [fromNode, toNode])
      if (!replicas.some((replica) => replica.node === node))
        report('move-replicas-exist', subject(volume), `has none on ${node}`)
    if (state.runningOperation('VolumeMove', subject(volume))?.meta.name !== operation)
      report('move-has-operation', subject(volume), `${operation} does not run`)
  }
  for (const { kind, meta, phase, subject: about } of state.operations.values()) {
    if (kind !== 'VolumeMove' || phase !== 'Running') continue
    const volume = state.volumes.get(about.slice(about.indexOf('/') + 1))
    if (volume?.status.move?.operation !== meta.name)
      report('operation-has-move', about, `${meta.name} runs`)
  }
}

/** A rebalance that is not Done has its running operation; one at rest has no move under way. */
function rebalancesAreOperations(state: StateView, report: Report): void {
  for (const [id, { moves, operation, phase }] of state.rebalances.entries()) {
    if (id !== operation) report('name-is-key', `rebalance/${id}`, `named ${operation}`)
    const ended = state.operations.get(id)?.phase
    if ((ended === 'Running') !== (phase !== 'Done'))
      report('rebalance-has-operation', `rebalance/${id}`, `is ${phase}, its operation ${ended}`)
    // Cancelling ends the operation at once and lets moves under way end.
    const open = moves.filter((move) => move.phase === 'Running').length
    const atRest = phase === 'Paused' || (phase === 'Done' && ended !== 'Cancelled')
    if (open > 0 && atRest) report('rebalance-at-rest', `rebalance/${id}`, `${open} moves run`)
  }
}

function drbdIdentitiesAreUnique(state: StateView, report: Report): void {
  const minors = new Map<string, string>()
  const ports = new Map<string, string>()
  for (const volume of state.volumes.values()) {
    const nodeIds = new Set<number>()
    for (const replica of volume.status.replicas) {
      claim(minors, volume, replica, replica.drbdMinor, 'replica-minor-unique', report)
      claim(ports, volume, replica, replica.drbdPort, 'replica-port-unique', report)
      if (replica.drbdNodeId === undefined) continue
      if (nodeIds.has(replica.drbdNodeId))
        report('replica-node-id-unique', subject(volume), `node-id ${replica.drbdNodeId} twice`)
      nodeIds.add(replica.drbdNodeId)
    }
  }
}

function claim(
  taken: Map<string, string>,
  volume: Volume,
  replica: Replica,
  number: number | undefined,
  rule: string,
  report: Report,
): void {
  if (number === undefined) return
  const key = `${replica.node} ${number}`
  const other = taken.get(key)
  if (other) report(rule, subject(volume), `${number} on ${replica.node} is also ${other}'s`)
  taken.set(key, subject(volume))
}

function uidsAreUnique(state: StateView, report: Report): void {
  const seen = new Map<string, string>()
  const { classes, nodes, pools, snapshots, virtualMachines, volumes } = state
  const tables = [volumes, snapshots, pools, classes, nodes, virtualMachines] as const
  for (const table of tables)
    for (const { meta } of table.values()) {
      const other = seen.get(meta.uid)
      if (other) report('uid-unique', meta.name, `uid ${meta.uid} is also ${other}'s`)
      seen.set(meta.uid, meta.name)
    }
}

function phasesFollowReplicas(state: StateView, report: Report): void {
  for (const volume of state.volumes.values()) {
    const deleting = volume.meta.deletionRequestedAt !== undefined
    const phase = volumePhase(deleting, countedReplicas(volume))
    if (phase !== volume.status.phase)
      report('volume-phase-derived', subject(volume), `is ${volume.status.phase}, not ${phase}`)
    if (volume.status.replicas.length === 0)
      report('volume-has-replicas', subject(volume), 'has no replicas')
  }
}

function promisesAreKept(state: StateView, report: Report): void {
  const sums = new Map<string, number>()
  const add = (pool: string, bytes: number) => sums.set(pool, (sums.get(pool) ?? 0) + bytes)
  for (const volume of state.volumes.values())
    for (const replica of volume.status.replicas)
      if (replica.role === 'Diskful') add(poolId(replica.node, replica.pool), volume.spec.sizeBytes)
  for (const snapshot of state.snapshots.values())
    for (const replica of snapshot.status.replicas)
      add(poolId(replica.node, replica.pool), snapshot.status.sizeBytes)
  for (const candidate of state.hosts.candidates()) {
    const id = poolId(candidate.pool.spec.node, candidate.pool.meta.name)
    const counted = sums.get(id) ?? 0
    if (counted !== candidate.promisedBytes)
      report('promise-index', `pool/${id}`, `index says ${candidate.promisedBytes}, sum ${counted}`)
  }
}

function namesMatchKeys(state: StateView, report: Report): void {
  for (const [id, volume] of state.volumes.entries())
    if (volume.meta.name !== id) report('name-is-key', `volume/${id}`, `named ${volume.meta.name}`)
  for (const [id, pool] of state.pools.entries())
    if (poolId(pool.spec.node, pool.meta.name) !== id)
      report('name-is-key', `pool/${id}`, `named ${pool.spec.node}/${pool.meta.name}`)
}

const RULES: readonly Rule[] = [
  replicasAreOnDistinctNodes,
  replicasReferToPools,
  tieBreakersOnlyVote,
  poolsReferToNodes,
  snapshotsReferToVolumes,
  volumesReferToClasses,
  operationsRunOnce,
  movesAreOperations,
  rebalancesAreOperations,
  drbdIdentitiesAreUnique,
  uidsAreUnique,
  phasesFollowReplicas,
  promisesAreKept,
  namesMatchKeys,
  ...MACHINE_RULES,
]

function subject(volume: Volume): string {
  return `volume/${volume.meta.name}`
}
