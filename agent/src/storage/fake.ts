/**
 * Storage that exists only in memory, for simulated hosts and for tests of whatever stands above
 * the seam. It is deterministic and passes the same conformance suite as the real drivers. Faults
 * come in through two hooks: a call that never had its effect, and one whose reply was lost.
 */
import { KeelsonError } from '@keelson/shared/errors'
import { isThin } from '@keelson/shared/model'
import type { Clock } from '@keelson/shared/runtime'
import {
  checkPoolEmpty,
  checkSnapshot,
  checkSource,
  checkUid,
  checkVolume,
  lostVolume,
  vanishedPool,
} from './checks.ts'
import type {
  CallOptions,
  PoolConfig,
  PoolInventory,
  PoolState,
  ReclaimResult,
  RemovePoolOptions,
  SnapshotConfig,
  SnapshotState,
  StorageDriver,
  VolumeConfig,
  VolumeState,
} from './driver.ts'
import type { FakeContent, FakeDisk, FakePool, FakeVolume } from './fake-disk.ts'
import { contentBytes, emptyTrash, poolState, takeSpace, volumeState } from './fake-space.ts'

/** One call, as fault hooks see it. */
export interface FakeCall {
  readonly method: keyof StorageDriver
  readonly poolUid: string
  /** Of the volume or snapshot; empty for calls about the whole pool. */
  readonly uid: string
}

/** Settings of a fake driver. */
export interface FakeStorageOptions {
  readonly disk: FakeDisk
  readonly clock: Pick<Clock, 'now'>
  /** Default 30 s. */
  readonly trashHoldMs?: number
  /** Runs before each call; may wait, and fails the call by throwing. */
  readonly beforeCall?: (call: FakeCall) => Promise<void> | void
  /** Runs after a call's effect and before its reply: a crash between the two, by throwing. */
  readonly afterCall?: (call: FakeCall) => Promise<void> | void
}

type Effect<A extends readonly unknown[], R> = (
  context: FakeContext,
  pool: PoolConfig,
  ...args: A
) => R

interface FakeContext {
  readonly disk: FakeDisk
  readonly now: () => number
  readonly trashHoldMs: number
}

/** A driver over `options.disk`. Every call takes effect in one instant. */
export function createFakeStorage(options: FakeStorageOptions): StorageDriver {
  const context: FakeContext = {
    disk: options.disk,
    now: () => options.clock.now(),
    trashHoldMs: options.trashHoldMs ?? 30_000,
  }
  async function call<R>(about: FakeCall, signal: AbortSignal | undefined, effect: () => R) {
    signal?.throwIfAborted()
    await options.beforeCall?.(about)
    signal?.throwIfAborted()
    const result = effect()
    await options.afterCall?.(about)
    return result
  }
  const ofPool =
    <O extends CallOptions, R>(method: keyof StorageDriver, effect: Effect<[O], R>) =>
    (pool: PoolConfig, o = {} as O) =>
      call({ method, poolUid: pool.uid, uid: '' }, o.signal, () => effect(context, pool, o))
  const ofItem =
    <T extends string | { uid: string }, R>(
      method: keyof StorageDriver,
      effect: Effect<[T, CallOptions], R>,
    ) =>
    (pool: PoolConfig, item: T, o: CallOptions = {}) => {
      const uid = typeof item === 'string' ? item : item.uid
      return call({ method, poolUid: pool.uid, uid }, o.signal, () =>
        effect(context, pool, item, o),
      )
    }
  return {
    preparePool: ofPool('preparePool', preparePool),
    removePool: ofPool<RemovePoolOptions, void>('removePool', removePool),
    listPool: ofPool('listPool', listPool),
    reclaim: ofPool('reclaim', reclaim),
    ensureVolume: ofItem('ensureVolume', ensureVolume),
    removeVolume: ofItem('removeVolume', removeVolume),
    createSnapshot: ofItem('createSnapshot', createSnapshot),
    removeSnapshot: ofItem('removeSnapshot', removeSnapshot),
  }
}

function preparePool(context: FakeContext, config: PoolConfig): PoolState {
  const { disk } = context
  checkUid('pool', config.uid)
  const present = disk.pools.get(config.path)
  if (present === undefined) {
    if (disk.prepared.has(config.uid)) throw vanishedPool(config)
    disk.pools.set(config.path, {
      config,
      volumes: new Map(),
      snapshots: new Map(),
      records: new Set(),
      trash: [],
    })
  }
  const pool = openPool(context, config)
  disk.prepared.add(config.uid)
  return poolState(context.disk, pool)
}

function removePool(context: FakeContext, config: PoolConfig, options: RemovePoolOptions): void {
  const { disk } = context
  if (!disk.pools.has(config.path)) {
    if (disk.prepared.has(config.uid) && !options.lost) throw vanishedPool(config)
    disk.prepared.delete(config.uid)
    return
  }
  const pool = openPool(context, config)
  checkPoolEmpty(config, pool.records.size, pool.snapshots.size)
  disk.pools.delete(config.path)
  disk.prepared.delete(config.uid)
}

function listPool(context: FakeContext, config: PoolConfig): PoolInventory {
  const pool = openPool(context, config)
  return {
    state: poolState(context.disk, pool),
    volumes: [...pool.volumes.values()].map((volume) => volumeState(pool, volume)),
    snapshots: [...pool.snapshots.values()].map((snapshot) => snapshot.state),
    missingVolumes: [...pool.records].filter((uid) => !pool.volumes.has(uid)),
    orphans: orphansOf(context.disk, config.path),
  }
}

function orphansOf(disk: FakeDisk, path: string): string[] {
  const inside = [...disk.foreign].filter((foreign) => foreign.startsWith(`${path}/`))
  return inside.map((foreign) => foreign.slice(path.length + 1)).sort()
}

function ensureVolume(
  context: FakeContext,
  config: PoolConfig,
  wanted: VolumeConfig,
  options: CallOptions,
): VolumeState {
  const volumeConfig = checkVolume(wanted)
  const pool = openPool(context, config)
  const volume =
    pool.volumes.get(volumeConfig.uid) ?? createVolume(context, pool, volumeConfig, options)
  if (volume.name !== volumeConfig.name)
    throw new KeelsonError('ALREADY_EXISTS', `volume ${volume.uid} is called ${volume.name}`)
  if (volumeConfig.sizeBytes > volume.sizeBytes) {
    const added = isThin(pool.config.kind) ? 0 : volumeConfig.sizeBytes - volume.sizeBytes
    takeSpace(context.disk, pool, `growing volume ${volume.name}`, added)
    volume.sizeBytes = volumeConfig.sizeBytes
  }
  volume.attached = true
  return volumeState(pool, volume)
}

function createVolume(
  context: FakeContext,
  pool: FakePool,
  wanted: VolumeConfig,
  options: CallOptions,
): FakeVolume {
  if (wanted.provisioned || pool.records.has(wanted.uid))
    throw lostVolume(pool.config, wanted.uid, [])
  const sourceUid = wanted.sourceSnapshotUid
  const source = sourceUid === undefined ? undefined : pool.snapshots.get(sourceUid)
  if (sourceUid !== undefined && source === undefined) {
    const problem = `volume ${wanted.name} starts from snapshot ${sourceUid}, which is not in pool ${pool.config.name}`
    throw new KeelsonError('NOT_FOUND', problem)
  }
  if (source !== undefined) checkSource(wanted, source.state)
  const content: FakeContent = source?.content ?? new Map()
  const copiedBytes = context.disk.supportsReflink ? 0 : contentBytes(content)
  takeSpace(
    context.disk,
    pool,
    `volume ${wanted.name}`,
    isThin(pool.config.kind) ? copiedBytes : wanted.sizeBytes,
  )
  const totalBytes = contentBytes(content)
  if (copiedBytes > 0) options.onProgress?.({ copiedBytes: totalBytes, totalBytes })
  const volume: FakeVolume = {
    uid: wanted.uid,
    name: wanted.name,
    sizeBytes: wanted.sizeBytes,
    content,
    attached: false,
    inUse: false,
    beingWritten: false,
  }
  pool.volumes.set(volume.uid, volume)
  pool.records.add(volume.uid)
  return volume
}

function removeVolume(context: FakeContext, config: PoolConfig, uid: string): void {
  checkUid('volume', uid)
  const pool = openPool(context, config)
  const volume = pool.volumes.get(uid)
  if (volume?.inUse || volume?.beingWritten)
    throw new KeelsonError('FAILED_PRECONDITION', `volume ${volume.name} is in use`, {
      reason: 'in-use',
      details: ['held by the simulation'],
    })
  if (volume !== undefined) {
    const { allocatedBytes } = volumeState(pool, volume)
    pool.trash.push({ removedAt: context.now(), allocatedBytes })
  }
  pool.volumes.delete(uid)
  pool.records.delete(uid)
}

function createSnapshot(
  context: FakeContext,
  config: PoolConfig,
  wanted: SnapshotConfig,
): SnapshotState {
  checkSnapshot(wanted)
  const pool = openPool(context, config)
  const existing = pool.snapshots.get(wanted.uid)?.state
  if (existing !== undefined) {
    if (existing.volumeUid === wanted.volumeUid && existing.name === wanted.name) return existing
    const problem = `snapshot ${wanted.uid} is ${existing.name} of volume ${existing.volumeUid}`
    throw new KeelsonError('ALREADY_EXISTS', problem)
  }
  const volume = pool.volumes.get(wanted.volumeUid)
  if (volume === undefined) {
    const problem = `volume ${wanted.volumeUid} is not in pool ${config.name}`
    throw new KeelsonError('NOT_FOUND', problem)
  }
  const shares = context.disk.supportsReflink
  if (!shares && volume.beingWritten)
    throw new KeelsonError('FAILED_PRECONDITION', `volume ${volume.name} is being written`, {
      reason: 'in-use',
    })
  const allocatedBytes = contentBytes(volume.content)
  takeSpace(
    context.disk,
    pool,
    `snapshot ${wanted.name}`,
    shares && isThin(pool.config.kind) ? 0 : allocatedBytes,
  )
  const { uid, name, volumeUid } = wanted
  const { sizeBytes } = volume
  const method = shares ? 'Reflink' : 'Copy'
  const createdAt = context.now()
  const state = { uid, name, volumeUid, sizeBytes, allocatedBytes, method, createdAt } as const
  pool.snapshots.set(uid, { state, content: volume.content })
  return state
}

function removeSnapshot(context: FakeContext, config: PoolConfig, uid: string): void {
  checkUid('snapshot', uid)
  const pool = openPool(context, config)
  const snapshot = pool.snapshots.get(uid)
  if (snapshot === undefined) return
  pool.trash.push({ removedAt: context.now(), allocatedBytes: snapshot.state.allocatedBytes })
  pool.snapshots.delete(uid)
}

function reclaim(context: FakeContext, config: PoolConfig): ReclaimResult {
  return emptyTrash(openPool(context, config), context.now() - context.trashHoldMs)
}

function openPool(context: FakeContext, config: PoolConfig): FakePool {
  const pool = context.disk.pools.get(config.path)
  if (pool === undefined) throw vanishedPool(config)
  const { uid, clusterId, name, kind } = pool.config
  if (uid === config.uid && clusterId === config.clusterId && kind === config.kind) return pool
  const problem = `pool directory ${config.path} belongs to pool ${name} (${uid}) of cluster ${clusterId}`
  throw new KeelsonError('FAILED_PRECONDITION', problem)
}
