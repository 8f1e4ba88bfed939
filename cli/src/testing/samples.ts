/** Resources for tests, with whatever a test cares about put over them. */
import {
  type DeepPartial,
  Event,
  HardwareInventory,
  Node,
  NodePhase,
  Operation,
  OperationPhase,
  ReplicaPhase,
  ReplicaRole,
  Snapshot,
  SnapshotPhase,
  StoragePool,
  StoragePoolKind,
  StoragePoolPhase,
  VirtualMachine,
  VirtualMachinePhase,
  Volume,
  VolumePhase,
} from '@keelson/shared/api'

/** When all samples were made. */
export const CREATED = new Date('2026-05-01T12:00:00Z')
/** An hour later. */
export const NOW_MS = CREATED.getTime() + 3_600_000

const GIB = 2n ** 30n

function meta(name: string) {
  return {
    name,
    uid: `uid-${name}`,
    labels: {},
    generation: 1n,
    resourceVersion: 7n,
    createdAt: CREATED,
  }
}

/** A ready volume of 1 GiB with one replica. */
export function sampleVolume(name = 'data', over: DeepPartial<Volume> = {}): Volume {
  return Volume.fromPartial({
    meta: meta(name),
    spec: { sizeBytes: GIB, replicas: 1, pool: 'local' },
    ...over,
    status: {
      phase: VolumePhase.VOLUME_PHASE_READY,
      actualSizeBytes: GIB,
      replicas: [sampleReplica('n1')],
      ...over.status,
    },
  })
}

/** A ready replica. */
export function sampleReplica(node: string, over: { phase?: ReplicaPhase; message?: string } = {}) {
  return {
    node,
    pool: 'local',
    role: ReplicaRole.REPLICA_ROLE_DISKFUL,
    phase: ReplicaPhase.REPLICA_PHASE_READY,
    devicePath: '/dev/keelson/data',
    kernelDevice: '/dev/loop3',
    allocatedBytes: GIB / 4n,
    sizeBytes: GIB,
    reportedAt: CREATED,
    ...over,
  }
}

/** A volume nobody has made yet. */
export function pendingVolume(name = 'data', replica: { message?: string } = {}): Volume {
  const { message = '' } = replica
  const { REPLICA_PHASE_FAILED, REPLICA_PHASE_PENDING } = ReplicaPhase
  return sampleVolume(name, {
    status: {
      phase: VolumePhase.VOLUME_PHASE_PENDING,
      replicas: [
        {
          node: 'n1',
          pool: 'local',
          role: ReplicaRole.REPLICA_ROLE_DISKFUL,
          phase: message === '' ? REPLICA_PHASE_PENDING : REPLICA_PHASE_FAILED,
          message,
        },
      ],
      actualSizeBytes: 0n,
    },
  })
}

/** The same volume on its way out. */
export function deletingVolume(name = 'data'): Volume {
  const volume = sampleVolume(name, { status: { phase: VolumePhase.VOLUME_PHASE_DELETING } })
  return { ...volume, meta: { ...volume.meta!, deletionRequestedAt: CREATED, resourceVersion: 9n } }
}

/** A machine on n1 with one disk. */
export function sampleMachine(
  name = 'web',
  over: DeepPartial<VirtualMachine> = {},
): VirtualMachine {
  return VirtualMachine.fromPartial({
    meta: meta(name),
    ...over,
    spec: {
      runPolicy: 1,
      compute: { vcpus: 4, memoryBytes: 16n * GIB, cpuModel: 'host-model', architecture: 'amd64' },
      disks: [{ name: 'root', source: { $case: 'volume', value: `${name}-root` }, bus: 1 }],
      ...over.spec,
    },
    status: {
      phase: VirtualMachinePhase.VIRTUAL_MACHINE_PHASE_STARTING,
      node: 'n1',
      reserved: { cpuMillis: 1_000n, memoryBytes: 17n * GIB, overheadBytes: GIB },
      disks: [{ name: 'root', volume: `${name}-root`, local: true }],
      ...over.status,
    },
  })
}

/** A ready pool of 100 GiB. */
export function samplePool(name = 'local', node = 'n1'): StoragePool {
  return StoragePool.fromPartial({
    meta: { ...meta(name), uid: `uid-${node}-${name}` },
    spec: {
      node,
      kind: StoragePoolKind.STORAGE_POOL_KIND_FILE_THIN,
      path: '/srv/pool',
      overcommitPercent: 200,
    },
    status: {
      phase: StoragePoolPhase.STORAGE_POOL_PHASE_READY,
      totalBytes: 100n * GIB,
      freeBytes: 60n * GIB,
      promisedBytes: GIB,
      replicaCount: 1,
      reflink: true,
    },
  })
}

/** A ready snapshot. */
export function sampleSnapshot(name = 'monday'): Snapshot {
  return Snapshot.fromPartial({
    meta: meta(name),
    spec: { volume: 'data' },
    status: { phase: SnapshotPhase.SNAPSHOT_PHASE_READY, sizeBytes: GIB },
  })
}

/** A host that is online. */
export function sampleNode(name = 'n1'): Node {
  return Node.fromPartial({
    meta: { ...meta(name), labels: { 'topology.kubernetes.io/rack': 'a' } },
    spec: { schedulable: true },
    status: {
      phase: NodePhase.NODE_PHASE_ONLINE,
      capacity: { cpuMillis: 64_000n, memoryBytes: 256n * GIB, storageBytes: 0n },
      lastSeenAt: new Date(NOW_MS - 4_000),
      capabilities: ['file', 'kvm'],
      agentVersion: '0.1.0',
    },
  })
}

/** An operation that is half done. */
export function sampleOperation(name = 'op-1', phase?: OperationPhase): Operation {
  return Operation.fromPartial({
    meta: meta(name),
    kind: 3,
    subject: 'volume/data',
    phase: phase ?? OperationPhase.OPERATION_PHASE_RUNNING,
    progressPercent: 50,
    message: 'growing from 1 GiB to 2 GiB',
  })
}

/** An event. */
export function sampleEvent(sequence: bigint, reason = 'VolumeCreated'): Event {
  return Event.fromPartial({
    ...{ sequence, reason, time: CREATED, type: 1, subject: 'volume/data' },
    message: '1 GiB placed on n1/local',
    actor: 'user/ada',
  })
}

/** A report with a section that was read, one with gaps and one that could not be read. */
export function sampleHardware(node = 'n1'): HardwareInventory {
  const read = (
    name: string,
    status: 1 | 2 | 3,
    gaps: { path: string; reason: string }[] = [],
  ) => ({
    ...{ name, status, gaps },
    collectedAt: new Date(NOW_MS - 12_000),
  })
  return HardwareInventory.fromPartial({
    node,
    sections: [
      {
        meta: read('memory', 2, [{ path: 'dimms', reason: '/dev/mem cannot be opened' }]),
        facts: { $case: 'memory', value: { totalBytes: 256n * GIB } },
      },
      {
        meta: read('disks', 1),
        facts: {
          $case: 'disks',
          value: {
            disks: [
              { kernelName: 'sda', sizeBytes: 960n * 10n ** 9n, usage: 2, rotational: false },
              { kernelName: 'sdb', usage: 0 },
            ],
          },
        },
      },
      { meta: read('system', 3, [{ path: 'system', reason: '/sys/class/dmi does not exist' }]) },
    ],
  })
}
