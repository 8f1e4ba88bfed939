import { KeelsonError } from '@keelson/shared/errors'
import type { StoragePool } from '@keelson/shared/model'
import { isFile } from '@keelson/shared/model'
import { poolId, type StateView } from '../state/index.ts'
import type { CommandOf } from './command.ts'
import { createDraft, type Decision } from './draft.ts'
import { conflicting, differences, findNode, findPool, newMeta, stillDeleting } from './lookup.ts'

/** Creates a pool on a host; the host prepares it when it next looks. */
export function decideCreatePool(state: StateView, command: CommandOf<'CreatePool'>): Decision {
  const { name, labels, spec, stamp } = command
  findNode(state, spec.node)
  const id = poolId(spec.node, name)
  const draft = createDraft(state, stamp)
  const existing = state.pools.get(id)
  if (existing) {
    if (existing.status.phase === 'Deleting') stillDeleting('pool', id)
    const changed = differences(existing.spec, spec)
    if (changed.length > 0) conflicting('pool', id, changed)
    return draft.decision({ name: id })
  }
  refuseSharedDirectory(state, spec.node, spec.path)
  const pool: StoragePool = {
    meta: newMeta(name, labels, stamp),
    spec,
    status: {
      phase: 'Pending',
      conditions: [],
      totalBytes: 0,
      freeBytes: 0,
      promisedBytes: 0,
      replicaCount: 0,
      reflink: false,
      foreignFiles: [],
    },
  }
  draft.put('pool', id, pool)
  draft.touchNode(spec.node)
  draft.event('Normal', 'PoolCreated', `pool/${id}`, `${spec.kind} at ${spec.path}`)
  return draft.decision({ name: id })
}

/** Two pools in one directory, or one inside the other, would count the same space twice. */
function refuseSharedDirectory(state: StateView, node: string, path: string): void {
  for (const id of state.hosts.poolsOn(node)) {
    const other = state.pools.get(id)
    if (!other || !isFile(other.spec.kind)) continue
    const nested = `${path}/`.startsWith(`${other.spec.path}/`)
    const around = `${other.spec.path}/`.startsWith(`${path}/`)
    if (nested || around)
      throw new KeelsonError(
        'INVALID_ARGUMENT',
        `directory ${path} overlaps pool "${id}" at ${other.spec.path}`,
      )
  }
}

/** Marks an empty pool for deletion. */
export function decideDeletePool(state: StateView, command: CommandOf<'DeletePool'>): Decision {
  const pool = findPool(state, command.name, command.node)
  const id = poolId(pool.spec.node, pool.meta.name)
  const draft = createDraft(state, command.stamp)
  if (pool.status.phase === 'Deleting') return draft.decision({ name: id })
  const candidate = state.hosts.candidate(id)
  const replicas = candidate?.replicaCount ?? 0
  const snapshots = [...state.hosts.snapshotsOn(pool.spec.node)].filter((name) =>
    state.snapshots
      .get(name)
      ?.status.replicas.some((r) => r.node === pool.spec.node && r.pool === pool.meta.name),
  )
  if (replicas + snapshots.length > 0)
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `pool "${id}" holds ${replicas} replicas and ${snapshots.length} snapshots`,
      { reason: 'in-use', details: ['delete or move them first'] },
    )
  draft.put('pool', id, {
    ...pool,
    meta: { ...pool.meta, deletionRequestedAt: command.stamp.now },
    status: { ...pool.status, phase: 'Deleting' },
  })
  draft.touchNode(pool.spec.node)
  draft.event('Normal', 'PoolDeleting', `pool/${id}`, 'deletion requested')
  return draft.decision({ name: id })
}
