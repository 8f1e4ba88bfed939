/**
 * What a host reports becomes state here. A report is a fact about the host, never an order: an
 * item nobody knows is ignored (the agent shows it as an orphan), an item that is not well is
 * recorded as such, and a record goes away only when its removal was asked for and is confirmed.
 *
 * What a host has made for the first time is marked `provisioned` in its document from then on, so
 * the report touches the host: its ledger must know by the time it starts with no coordinator in
 * sight, or it would replace lost data. The host could note it by itself; but as long as one side
 * alone writes documents, those of one generation are the same. The price is one small record in a
 * transaction that is written anyway, and one more document, gathered and held like any other.
 */
import type {
  ItemPhase,
  ObservedPool,
  ObservedReplica,
  ObservedSnapshot,
  Replica,
  ReplicaPhase,
  SnapshotReplica,
  StoragePool,
  Volume,
} from '@keelson/shared/model'
import {
  countedReplicas,
  formatSize,
  isDiskful,
  setCondition,
  wasMade,
  wasTaken,
} from '@keelson/shared/model'
import type { StateView } from '../state/index.ts'
import type { CommandOf } from './command.ts'
import { createDraft, type Decision, type Draft } from './draft.ts'
import { dropMoved, followMove } from './move.ts'
import { endOperation } from './operation.ts'
import { putSnapshot } from './snapshot.ts'
import { putVolume } from './volume.ts'

/**
 * Most items of a report that fit one transaction. A replica writes at most fourteen records:
 * itself, the ends of a growth and of a restore, an event for each of the three, and the documents
 * of eight other hosts: seven replicas and a tie-breaker. Nothing grows or is restored while it
 * moves. The document of the reporting host is written once for all items.
 */
export const MAXIMUM_ITEMS = 8

/** Records the items of a report; unchanged items write nothing. */
export function decideRecordObserved(
  state: StateView,
  command: CommandOf<'RecordObserved'>,
): Decision {
  const { node, observed, stamp } = command
  const draft = createDraft(state, stamp)
  for (const item of observed.pools) recordPool(draft, node, item)
  for (const item of observed.replicas) recordReplica(draft, node, item)
  for (const item of observed.snapshots) recordSnapshot(draft, node, item)
  return draft.decision({ name: node })
}

function recordPool(draft: Draft, node: string, item: ObservedPool): void {
  const id = [...draft.state.hosts.poolsOn(node)].find(
    (candidate) => draft.state.pools.get(candidate)?.meta.uid === item.uid,
  )
  const pool = id === undefined ? undefined : draft.get('pool', id)
  if (id === undefined || !pool) return
  if (pool.status.phase === 'Deleting' && item.phase === 'Absent') {
    draft.remove('pool', id)
    draft.touchNode(node)
    draft.event('Normal', 'PoolDeleted', `pool/${id}`, `${node} has let go of it`)
    return
  }
  const next = withReport(pool, item, draft.stamp.now)
  if (JSON.stringify(next.status) === JSON.stringify(pool.status)) return
  draft.put('pool', id, next)
  if (next.status.phase === pool.status.phase) return
  if (next.status.phase === 'Ready')
    draft.event('Normal', 'PoolReady', `pool/${id}`, `${formatSize(item.totalBytes)} in all`)
  if (next.status.phase === 'Failed')
    draft.event('Warning', 'PoolFailed', `pool/${id}`, item.message)
}

function withReport(pool: StoragePool, item: ObservedPool, now: number): StoragePool {
  const phase = pool.status.phase === 'Deleting' ? 'Deleting' : poolPhase(item.phase)
  const seen = item.phase === 'Ready'
  const conditions = setCondition(
    pool.status.conditions,
    {
      type: 'Ready',
      status: seen ? 'True' : 'False',
      reason: seen ? 'PoolReady' : 'PoolNotReady',
      message: item.message,
    },
    now,
  )
  return {
    ...pool,
    status: {
      ...pool.status,
      phase,
      conditions,
      // A pool that cannot be read keeps its last sizes: unknown is not zero.
      totalBytes: seen ? item.totalBytes : pool.status.totalBytes,
      freeBytes: seen ? item.freeBytes : pool.status.freeBytes,
      reflink: seen ? item.reflink : pool.status.reflink,
      foreignFiles: item.orphans,
    },
  }
}

function poolPhase(phase: ItemPhase): StoragePool['status']['phase'] {
  return phase === 'Ready' ? 'Ready' : phase === 'Failed' ? 'Failed' : 'Pending'
}

function recordReplica(draft: Draft, node: string, item: ObservedReplica): void {
  const name = draft.state.hosts.volumeByUid(item.volumeUid)
  const volume = name === undefined ? undefined : draft.get('volume', name)
  const replica = volume?.status.replicas.find((candidate) => candidate.node === node)
  if (!volume || !replica) return
  if (replica.phase === 'Deleting') {
    if (item.phase === 'Absent') dropReplica(draft, volume, node)
    return
  }
  const next = replicaWithReport(replica, item, draft.stamp.now)
  if (sameReport(next, replica)) return
  const replicas = volume.status.replicas.map((other) => (other === replica ? next : other))
  putReported(draft, volume, replicas)
  if (wasMade(next) && !wasMade(replica)) draft.touchNode(node)
  const subject = `volume/${volume.meta.name}`
  if (next.phase === replica.phase) return
  if (next.phase === 'Failed')
    draft.event('Warning', 'ReplicaFailed', subject, `on ${node}: ${item.message}`)
  if (next.phase === 'Ready') draft.event('Normal', 'ReplicaReady', subject, readyWords(next))
}

function readyWords(replica: Replica): string {
  const { devicePath, node } = replica
  return isDiskful(replica) ? `on ${node} at ${devicePath}` : `tie-breaker on ${node}`
}

function replicaWithReport(replica: Replica, item: ObservedReplica, now: number): Replica {
  const seen = { phase: replicaPhase(item.phase), message: item.message, reportedAt: now }
  // Whatever a host says of it, a tie-breaker holds nothing.
  if (!isDiskful(replica)) return { ...replica, ...seen }
  return {
    ...replica,
    ...seen,
    devicePath: item.devicePath || replica.devicePath,
    kernelDevice: item.kernelDevice,
    // A replica that is not there at present keeps its size: that it once was made matters.
    sizeBytes: item.sizeBytes || replica.sizeBytes,
    allocatedBytes: item.allocatedBytes,
  }
}

function sameReport(a: Replica, b: Replica): boolean {
  return JSON.stringify({ ...a, reportedAt: 0 }) === JSON.stringify({ ...b, reportedAt: 0 })
}

function replicaPhase(phase: ItemPhase): ReplicaPhase {
  return phase === 'Ready' ? 'Ready' : phase === 'Failed' ? 'Failed' : 'Pending'
}

/** Puts a volume with new replica reports, and ends the operations they complete. */
function putReported(draft: Draft, volume: Volume, replicas: readonly Replica[]): void {
  // A cancelled growth may have reached a host before the cancellation: what has grown stays grown.
  const sizeBytes = Math.max(volume.spec.sizeBytes, ...replicas.map((replica) => replica.sizeBytes))
  const next = followMove(draft, {
    ...volume,
    spec: { ...volume.spec, sizeBytes },
    status: { ...volume.status, replicas },
  })
  const sizes = countedReplicas(next)
    .filter((replica) => isDiskful(replica) && replica.phase !== 'Deleting')
    .map((replica) => replica.sizeBytes)
  const actualSizeBytes = Math.min(...sizes)
  putVolume(draft, { ...next, status: { ...next.status, actualSizeBytes } })
  if (sizeBytes > volume.spec.sizeBytes)
    for (const replica of replicas) draft.touchNode(replica.node)
  const subject = `volume/${volume.meta.name}`
  const resize = draft.state.runningOperation('VolumeResize', subject)
  if (resize && actualSizeBytes >= sizeBytes)
    endOperation(draft, resize, 'Succeeded', `grown to ${formatSize(actualSizeBytes)}`)
  const restore = draft.state.runningOperation('SnapshotRestore', subject)
  if (restore && replicas.filter(isDiskful).every((replica) => replica.phase === 'Ready'))
    endOperation(draft, restore, 'Succeeded', `restored ${formatSize(actualSizeBytes)}`)
}

/** A host has let go of its replica; the last one takes the volume's record with it. */
function dropReplica(draft: Draft, volume: Volume, node: string): void {
  const { name } = volume.meta
  const replicas = volume.status.replicas.filter((replica) => replica.node !== node)
  draft.touchNode(node)
  if (replicas.length > 0)
    return putVolume(
      draft,
      dropMoved(draft, { ...volume, status: { ...volume.status, replicas } }, node),
    )
  draft.remove('volume', name)
  draft.event('Normal', 'VolumeDeleted', `volume/${name}`, 'every host has let go of it')
  for (const kind of ['VolumeResize', 'SnapshotRestore'] as const) {
    const operation = draft.state.runningOperation(kind, `volume/${name}`)
    if (operation) endOperation(draft, operation, 'Failed', 'the volume was deleted')
  }
}

function recordSnapshot(draft: Draft, node: string, item: ObservedSnapshot): void {
  const name = draft.state.hosts.snapshotByUid(item.uid)
  const snapshot = name === undefined ? undefined : draft.get('snapshot', name)
  const replica = snapshot?.status.replicas.find((candidate) => candidate.node === node)
  if (name === undefined || !snapshot || !replica) return
  const others = snapshot.status.replicas.filter((other) => other !== replica)
  if (replica.phase === 'Deleting') {
    if (item.phase !== 'Absent') return
    draft.touchNode(node)
    if (others.length > 0)
      return putSnapshot(draft, { ...snapshot, status: { ...snapshot.status, replicas: others } })
    draft.remove('snapshot', name)
    draft.event('Normal', 'SnapshotDeleted', `snapshot/${name}`, 'every host has let go of it')
    return
  }
  const next = snapshotWithReport(replica, item)
  if (JSON.stringify(next) === JSON.stringify(replica)) return
  const replicas = snapshot.status.replicas.map((other) => (other === replica ? next : other))
  putSnapshot(draft, { ...snapshot, status: { ...snapshot.status, replicas } })
  if (wasTaken(next) && !wasTaken(replica)) draft.touchNode(node)
  followSnapshot(draft, name, snapshot.status.sizeBytes, replicas)
  if (next.phase === 'Failed' && replica.phase !== 'Failed')
    draft.event('Warning', 'SnapshotFailed', `snapshot/${name}`, `on ${node}: ${item.message}`)
}

function snapshotWithReport(replica: SnapshotReplica, item: ObservedSnapshot): SnapshotReplica {
  return {
    ...replica,
    phase: item.phase === 'Ready' ? 'Ready' : item.phase === 'Failed' ? 'Failed' : 'Pending',
    message: item.message,
    allocatedBytes: item.allocatedBytes,
    copiedBytes: item.copiedBytes,
    ...(item.phase === 'Ready' && item.method !== undefined && { method: item.method }),
  }
}

/** Moves the snapshot's operation along with the slowest host. */
function followSnapshot(
  draft: Draft,
  name: string,
  sizeBytes: number,
  replicas: readonly SnapshotReplica[],
): void {
  const operation = draft.state.runningOperation('SnapshotCreate', `snapshot/${name}`)
  if (!operation) return
  if (replicas.every((replica) => replica.phase === 'Ready')) {
    const methods = [...new Set(replicas.map((replica) => replica.method ?? 'unknown'))]
    return endOperation(draft, operation, 'Succeeded', `taken (${methods.join(', ')})`)
  }
  const copied = Math.min(...replicas.map((r) => (r.phase === 'Ready' ? sizeBytes : r.copiedBytes)))
  const progressPercent = sizeBytes === 0 ? 0 : Math.floor((copied * 100) / sizeBytes)
  const failed = replicas.find((replica) => replica.phase === 'Failed')
  const message = failed ? `${failed.node}: ${failed.message}` : operation.message
  if (progressPercent === operation.progressPercent && message === operation.message) return
  draft.put('operation', operation.meta.name, { ...operation, progressPercent, message })
}

/** Gives replicas on hosts that went offline the phase Unknown. */
export function decideRefreshVolumes(
  state: StateView,
  command: CommandOf<'RefreshVolumes'>,
): Decision {
  const draft = createDraft(state, command.stamp)
  for (const name of command.volumes) {
    const volume = state.volumes.get(name)
    if (!volume) continue
    const replicas = volume.status.replicas.map((replica) =>
      isLost(state, replica)
        ? { ...replica, phase: 'Unknown' as const, message: `node ${replica.node} is offline` }
        : replica,
    )
    if (replicas.some((replica, index) => replica !== volume.status.replicas[index]))
      putVolume(draft, { ...volume, status: { ...volume.status, replicas } })
  }
  return draft.decision({ name: '' })
}

function isLost(state: StateView, replica: Replica): boolean {
  if (replica.phase === 'Unknown' || replica.phase === 'Deleting') return false
  return state.nodes.get(replica.node)?.status.phase !== 'Online'
}

/** Whether a volume has a replica that `decideRefreshVolumes` would change. */
export function needsRefresh(state: StateView, name: string): boolean {
  return state.volumes.get(name)?.status.replicas.some((replica) => isLost(state, replica)) ?? false
}
