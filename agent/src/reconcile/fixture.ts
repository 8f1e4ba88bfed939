/** For the tests of this room: documents and views from few words. */
import type {
  DesiredPool,
  DesiredReplica,
  DesiredSnapshot,
  DesiredState,
} from '@keelson/shared/model'
import type { PoolState, SnapshotState, VolumeState } from '../storage/driver.ts'
import type { Abilities } from './plan-context.ts'
import type { HostView, PoolListing, PoolView } from './view.ts'

export const MIB = 2 ** 20

export const abilities: Abilities = {
  poolKinds: new Set(['FILE', 'FILE_THIN']),
  replication: false,
}

export function desiredPool(uid = 'p1', more: Partial<DesiredPool> = {}): DesiredPool {
  return { uid, name: uid, kind: 'FILE_THIN', path: `/srv/${uid}`, intent: 'Present', ...more }
}

export function desiredReplica(
  volumeUid: string,
  more: Partial<DesiredReplica> = {},
): DesiredReplica {
  return {
    volumeUid,
    volume: volumeUid,
    poolUid: 'p1',
    role: 'Diskful',
    sizeBytes: MIB,
    sourceSnapshotUid: '',
    intent: 'Present',
    provisioned: false,
    ...more,
  }
}

export function desiredSnapshot(uid: string, more: Partial<DesiredSnapshot> = {}): DesiredSnapshot {
  return {
    uid,
    name: uid,
    volumeUid: 'v1',
    poolUid: 'p1',
    intent: 'Present',
    provisioned: false,
    ...more,
  }
}

export function document(more: Partial<DesiredState> = {}): DesiredState {
  return {
    clusterId: 'c1',
    node: 'n1',
    generation: 1,
    pools: [desiredPool()],
    replicas: [],
    snapshots: [],
    ...more,
  }
}

export const roomyPool: PoolState = {
  totalBytes: 1024 * MIB,
  freeBytes: 512 * MIB,
  trashBytes: 0,
  filesystem: 'fake',
  supportsReflink: true,
  warnings: [],
}

export function volume(uid: string, more: Partial<VolumeState> = {}): VolumeState {
  return {
    uid,
    name: uid,
    sizeBytes: MIB,
    allocatedBytes: 0,
    devicePath: `/dev/keelson/${uid}`,
    kernelDevice: '/dev/loop1',
    ready: true,
    warnings: [],
    ...more,
  }
}

export function snapshot(uid: string, more: Partial<SnapshotState> = {}): SnapshotState {
  return {
    uid,
    name: uid,
    volumeUid: 'v1',
    sizeBytes: MIB,
    allocatedBytes: 0,
    method: 'Reflink',
    createdAt: 0,
    ...more,
  }
}

/** What a listing is written as: items as arrays. */
export interface ListingParts {
  readonly volumes?: readonly VolumeState[]
  readonly snapshots?: readonly SnapshotState[]
  readonly missing?: readonly string[]
  readonly orphans?: readonly string[]
  readonly everSeen?: readonly string[]
  readonly uncertain?: readonly string[]
}

export function listed(parts: ListingParts = {}): PoolView {
  const listing: PoolListing = {
    state: roomyPool,
    volumes: new Map((parts.volumes ?? []).map((each) => [each.uid, each])),
    snapshots: new Map((parts.snapshots ?? []).map((each) => [each.uid, each])),
    missing: new Set(parts.missing ?? []),
    orphans: parts.orphans ?? [],
    everSeen: new Set(parts.everSeen ?? []),
    uncertain: new Set(parts.uncertain ?? []) as PoolListing['uncertain'],
  }
  return { kind: 'Listed', listing }
}

export function host(pools: Readonly<Record<string, PoolView>>): HostView {
  return new Map(Object.entries(pools))
}
