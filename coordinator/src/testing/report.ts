/** What agents report, for tests that have no agent. */
import type {
  Hello,
  ItemPhase,
  ObservedPool,
  ObservedReplica,
  ObservedSnapshot,
  ObservedState,
} from '@keelson/shared/model'
import { deriveDesiredState } from '../dispatch/index.ts'
import type { StateView } from '../state/index.ts'

/** The first message of a host. */
export function helloOf(node: string, changes: Partial<Hello> = {}): Hello {
  return {
    node,
    agentVersion: '0.1.0',
    ledgerGeneration: 0,
    clusterId: '',
    capabilities: ['file', 'drbd', 'kvm'],
    bootId: 'boot-1',
    os: 'Test 1',
    simulated: true,
    cpuCount: 4,
    memoryBytes: 8 * 2 ** 30,
    ...changes,
  }
}

/** A report with the items given and nothing else. */
export function reportOf(items: Partial<ObservedState>): ObservedState {
  return {
    appliedGeneration: 0,
    full: false,
    pools: [],
    replicas: [],
    snapshots: [],
    observedAt: 0,
    ...items,
  }
}

/** A pool as its host sees it. */
export function observedPool(uid: string, changes: Partial<ObservedPool> = {}): ObservedPool {
  const empty = { message: '', totalBytes: 0, freeBytes: 0, reflink: true, orphans: [] }
  return { uid, phase: 'Ready', ...empty, ...changes }
}

/** A replica as its host sees it; it has no size unless told. */
export function observedReplica(
  volumeUid: string,
  changes: Partial<ObservedReplica> = {},
): ObservedReplica {
  const empty = { message: '', devicePath: '', kernelDevice: '', sizeBytes: 0, allocatedBytes: 0 }
  return { volumeUid, phase: 'Ready', ...empty, ...changes }
}

/** A snapshot as its host sees it. */
export function observedSnapshot(
  uid: string,
  changes: Partial<ObservedSnapshot> = {},
): ObservedSnapshot {
  const empty = { message: '', sizeBytes: 0, allocatedBytes: 0, copiedBytes: 0 }
  return { uid, phase: 'Ready', ...empty, ...changes }
}

/** Size of a pool that nothing was reported of before. */
const NEW_POOL_BYTES = 8 * 2 ** 30

/** What a host reports that has done all it was told: everything wanted is Ready, the rest gone. */
export function faithfulReport(state: StateView, node: string): ObservedState {
  const desired = deriveDesiredState(state, node)
  const phase = (item: { readonly intent: 'Present' | 'Absent' }): ItemPhase =>
    item.intent === 'Present' ? 'Ready' : 'Absent'
  return reportOf({
    appliedGeneration: desired.generation,
    full: true,
    pools: desired.pools.map((pool) => {
      const { status } = state.pools.get(`${node}/${pool.name}`)!
      const totalBytes = status.totalBytes || NEW_POOL_BYTES
      const freeBytes = status.freeBytes || NEW_POOL_BYTES
      return observedPool(pool.uid, { phase: phase(pool), totalBytes, freeBytes })
    }),
    replicas: desired.replicas.map((replica) =>
      observedReplica(replica.volumeUid, {
        phase: phase(replica),
        ...(replica.intent === 'Present' &&
          replica.role === 'Diskful' && {
            sizeBytes: replica.sizeBytes,
            devicePath: `/dev/keelson/${replica.volume}`,
            kernelDevice: '/dev/loop0',
          }),
      }),
    ),
    snapshots: desired.snapshots.map((snapshot) =>
      observedSnapshot(snapshot.uid, {
        phase: phase(snapshot),
        ...(snapshot.intent === 'Present' && { method: 'Reflink' as const }),
      }),
    ),
  })
}
