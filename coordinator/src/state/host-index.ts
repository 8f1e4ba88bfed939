/**
 * Who stands on which host: the replicas and snapshots of a node, the bytes promised in a pool, the
 * DRBD minors and ports in use. Kept step by step with the tables, so that nothing that concerns
 * one host ever scans all volumes.
 */
import {
  isThin,
  type Node,
  type Snapshot,
  type StoragePool,
  type VirtualMachine,
  type Volume,
} from '@keelson/shared/model'
import { poolId, type Write } from './records.ts'

/** A pool as placement sees it, with the sums it needs. */
export interface Candidate {
  readonly pool: StoragePool
  /** Host of the pool; absent if it was forgotten. */
  readonly node: Node | undefined
  /** 32 bits made of the pool's uid once, for deciding between equals. */
  readonly hash: number
  // The rest is copied or added up here, so that a scan over all candidates reads one object each:
  // with a thousand hosts it is memory that placement waits for, not arithmetic.
  /** Whether the host is online and schedulable and the pool Ready. */
  readonly open: boolean
  readonly thin: boolean
  readonly totalBytes: number
  readonly freeBytes: number
  readonly overcommitPercent: number
  /** Sizes of everything placed in the pool. */
  readonly promisedBytes: number
  /** Bytes that what is placed there takes, as last reported. */
  readonly allocatedBytes: number
  /** Part of the promise that is not made yet, so that the pool's free bytes do not show it. */
  readonly unmadeBytes: number
  readonly replicaCount: number
}

/** Read access to the index. */
export interface HostIndex {
  /** Every pool, in order of creation. */
  candidates(): readonly Candidate[]
  /** One pool by id. */
  candidate(id: string): Candidate | undefined
  /** Names of the volumes with a replica on the host. */
  volumesOn(node: string): ReadonlySet<string>
  /** Names of the snapshots with a replica on the host. */
  snapshotsOn(node: string): ReadonlySet<string>
  /** Names of the machines on the host, on their way to it, or with their standby there. */
  machinesOn(node: string): ReadonlySet<string>
  /** Names of the machines that use the volume. */
  machinesOf(volume: string): ReadonlySet<string>
  /** Ids of the pools of the host. */
  poolsOn(node: string): ReadonlySet<string>
  /** Names of the snapshots of a volume. */
  snapshotsOf(volume: string): ReadonlySet<string>
  /** Name of the volume with that uid. */
  volumeByUid(uid: string): string | undefined
  /** Name of the snapshot with that uid. */
  snapshotByUid(uid: string): string | undefined
  /** DRBD minors taken on the host. */
  minorsOn(node: string): ReadonlySet<number>
  /** DRBD ports taken on the host. */
  portsOn(node: string): ReadonlySet<number>
}

/** The index with its one writer. */
export interface WritableHostIndex extends HostIndex {
  /** Takes `before` (the record it replaces) out and puts the write in. */
  replace(write: Write & { kind: IndexedKind }, before: unknown): void
}

/** What is added up per pool. */
type Sums = Pick<Candidate, 'promisedBytes' | 'allocatedBytes' | 'unmadeBytes' | 'replicaCount'>

const NOTHING: Sums = { promisedBytes: 0, allocatedBytes: 0, unmadeBytes: 0, replicaCount: 0 }

type IndexedKind = 'node' | 'pool' | 'volume' | 'virtualMachine' | 'snapshot'
type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** An empty index. */
export function createHostIndex(): WritableHostIndex {
  const candidates = new Map<string, Mutable<Candidate>>()
  let candidateList: readonly Candidate[] | undefined
  const nodes = new Map<string, Node>()
  const sums = new Map<string, Mutable<Sums>>()
  const volumesOn = createMultimap<string>()
  const snapshotsOn = createMultimap<string>()
  const poolsOn = createMultimap<string>()
  const snapshotsOf = createMultimap<string>()
  const machinesOn = createMultimap<string>()
  const machinesOf = createMultimap<string>()
  const minorsOn = createMultimap<number>()
  const portsOn = createMultimap<number>()
  const volumeByUid = new Map<string, string>()
  const snapshotByUid = new Map<string, string>()

  function add(pool: string, item: Sums, sign: 1 | -1): void {
    const sum = sums.get(pool) ?? { ...NOTHING }
    sum.promisedBytes += sign * item.promisedBytes
    sum.allocatedBytes += sign * item.allocatedBytes
    sum.unmadeBytes += sign * item.unmadeBytes
    sum.replicaCount += sign * item.replicaCount
    sums.set(pool, sum)
    const candidate = candidates.get(pool)
    if (candidate) Object.assign(candidate, sum)
  }

  function indexVolume(volume: Volume, sign: 1 | -1): void {
    const { name, uid } = volume.meta
    if (sign > 0) volumeByUid.set(uid, name)
    else volumeByUid.delete(uid)
    for (const replica of volume.status.replicas) {
      volumesOn.update(replica.node, name, sign)
      if (replica.role === 'Diskful') {
        const promisedBytes = volume.spec.sizeBytes
        const { allocatedBytes, sizeBytes } = replica
        const unmadeBytes = Math.max(0, promisedBytes - sizeBytes)
        const item = { promisedBytes, allocatedBytes, unmadeBytes, replicaCount: 1 }
        add(poolId(replica.node, replica.pool), item, sign)
      }
      if (replica.drbdMinor !== undefined) minorsOn.update(replica.node, replica.drbdMinor, sign)
      if (replica.drbdPort !== undefined) portsOn.update(replica.node, replica.drbdPort, sign)
    }
  }

  function indexSnapshot(snapshot: Snapshot, sign: 1 | -1): void {
    const { name, uid } = snapshot.meta
    if (sign > 0) snapshotByUid.set(uid, name)
    else snapshotByUid.delete(uid)
    snapshotsOf.update(snapshot.spec.volume, name, sign)
    for (const replica of snapshot.status.replicas) {
      snapshotsOn.update(replica.node, name, sign)
      const promisedBytes = snapshotPromise(snapshot)
      const { allocatedBytes, phase } = replica
      const unmadeBytes = phase === 'Ready' ? 0 : promisedBytes
      const item = { promisedBytes, allocatedBytes, unmadeBytes, replicaCount: 0 }
      add(poolId(replica.node, replica.pool), item, sign)
    }
  }

  function indexMachine({ meta, status }: VirtualMachine, sign: 1 | -1): void {
    for (const node of [status.node, status.targetNode, status.standbyNode])
      if (node !== '') machinesOn.update(node, meta.name, sign)
    for (const { volume } of status.disks) machinesOf.update(volume, meta.name, sign)
  }

  function indexPool(id: string, pool: StoragePool | undefined, before: StoragePool | undefined) {
    if (before) poolsOn.update(before.spec.node, id, -1)
    if (!pool) {
      candidates.delete(id)
      candidateList = undefined
      return
    }
    poolsOn.update(pool.spec.node, id, 1)
    const node = nodes.get(pool.spec.node)
    const known = candidates.get(id)
    if (known) {
      Object.assign(known, { pool, ...summaryOf(pool, node) })
      return
    }
    candidates.set(id, {
      pool,
      node,
      hash: hashOf(pool.meta.uid),
      ...summaryOf(pool, node),
      ...(sums.get(id) ?? NOTHING),
    })
    candidateList = undefined
  }

  function indexNode(name: string, node: Node | undefined): void {
    if (node) nodes.set(name, node)
    else nodes.delete(name)
    for (const id of poolsOn.get(name)) {
      const candidate = candidates.get(id)
      if (candidate) Object.assign(candidate, { node, ...summaryOf(candidate.pool, node) })
    }
  }

  return {
    candidates() {
      candidateList ??= [...candidates.values()]
      return candidateList
    },
    candidate: (id) => candidates.get(id),
    volumesOn: volumesOn.get,
    snapshotsOn: snapshotsOn.get,
    machinesOn: machinesOn.get,
    machinesOf: machinesOf.get,
    poolsOn: poolsOn.get,
    snapshotsOf: snapshotsOf.get,
    minorsOn: minorsOn.get,
    portsOn: portsOn.get,
    volumeByUid: (uid) => volumeByUid.get(uid),
    snapshotByUid: (uid) => snapshotByUid.get(uid),
    replace(write, before) {
      switch (write.kind) {
        case 'node':
          return indexNode(write.id, write.value)
        case 'pool':
          return indexPool(write.id, write.value, before as StoragePool | undefined)
        case 'volume':
          if (before) indexVolume(before as Volume, -1)
          if (write.value) indexVolume(write.value, 1)
          return
        case 'virtualMachine':
          if (before) indexMachine(before as VirtualMachine, -1)
          if (write.value) indexMachine(write.value, 1)
          return
        case 'snapshot':
          if (before) indexSnapshot(before as Snapshot, -1)
          if (write.value) indexSnapshot(write.value, 1)
      }
    },
  }
}

/** What placement reads of a pool and its host. */
function summaryOf({ spec, status }: StoragePool, node: Node | undefined) {
  return {
    open: node?.status.phase === 'Online' && node.spec.schedulable && status.phase === 'Ready',
    thin: isThin(spec.kind),
    totalBytes: status.totalBytes,
    freeBytes: status.freeBytes,
    overcommitPercent: spec.overcommitPercent,
  }
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/**
 * What a snapshot takes of a pool's promise. A copy (or one not made yet) may need its full size; a
 * reflink shares blocks, but every later write to the volume can unshare one, so it counts in full
 * too: a promise is about the worst case.
 */
function snapshotPromise(snapshot: Snapshot): number {
  return snapshot.status.sizeBytes
}

/** Sets by key, with a count per member, since two records may name the same pair for a moment. */
function createMultimap<V>() {
  const empty: ReadonlySet<V> = new Set<V>()
  const sets = new Map<string, Set<V>>()
  const counts = new Map<string, Map<V, number>>()
  return {
    get: (key: string): ReadonlySet<V> => sets.get(key) ?? empty,
    update(key: string, member: V, sign: 1 | -1): void {
      const count = counts.get(key) ?? new Map<V, number>()
      const set = sets.get(key) ?? new Set<V>()
      const next = (count.get(member) ?? 0) + sign
      if (next > 0) {
        count.set(member, next)
        set.add(member)
      } else {
        count.delete(member)
        set.delete(member)
      }
      if (set.size > 0) {
        sets.set(key, set)
        counts.set(key, count)
      } else {
        sets.delete(key)
        counts.delete(key)
      }
    },
  }
}
