import type * as pbSnapshot from '../gen/keelson/v1/snapshot.ts'
import type * as pb from '../gen/keelson/v1/volume.ts'
import type {
  Replica,
  ReplicaMove,
  ReplicaPhase,
  ReplicaRole,
  Snapshot,
  SnapshotMethod,
  SnapshotPhase,
  SnapshotReplica,
  Volume,
  VolumePhase,
  VolumeSpec,
  VolumeStatus,
} from '../model/index.ts'
import { conditionCodec, objectMetaCodec } from './common.ts'
import {
  optionalTieBreakerModeCodec,
  placementRulesCodec,
  replicaRuleCodec,
} from './placement-demand.ts'
import {
  int64,
  list,
  number,
  oneOf,
  optional,
  optionalList,
  optionalOneOf,
  optionalTime,
  record,
  required,
  text,
  texts,
} from './record.ts'

/** ReplicaRole. */
export const replicaRoleCodec = oneOf<pb.ReplicaRole, ReplicaRole>({
  1: 'Diskful',
  2: 'Diskless',
  3: 'TieBreaker',
})

/** VolumeSpec. */
export const volumeSpecCodec = record<pb.VolumeSpec, VolumeSpec>({
  sizeBytes: int64,
  storageClass: text,
  pool: text,
  replicas: number,
  nodes: texts,
  sourceSnapshot: text,
  rules: optional(placementRulesCodec),
  replicaRules: optionalList(replicaRuleCodec),
  tieBreakerMode: optionalTieBreakerModeCodec,
})

const replicaCodec = record<pb.Replica, Replica>({
  node: text,
  pool: text,
  role: replicaRoleCodec,
  phase: oneOf<pb.ReplicaPhase, ReplicaPhase>({
    1: 'Pending',
    2: 'Ready',
    3: 'Failed',
    4: 'Unknown',
    5: 'Deleting',
  }),
  devicePath: text,
  kernelDevice: text,
  allocatedBytes: int64,
  sizeBytes: int64,
  message: text,
  drbdNodeId: optional(number),
  drbdMinor: optional(number),
  drbdPort: optional(number),
  reportedAt: optionalTime,
})

/** Volume. */
export const volumeCodec = record<pb.Volume, Volume>({
  meta: required(objectMetaCodec),
  spec: required(volumeSpecCodec),
  status: required(
    record<pb.VolumeStatus, VolumeStatus>({
      phase: oneOf<pb.VolumePhase, VolumePhase>({
        1: 'Pending',
        2: 'Ready',
        3: 'Degraded',
        4: 'Failed',
        5: 'Deleting',
      }),
      conditions: list(conditionCodec),
      replicas: list(replicaCodec),
      actualSizeBytes: int64,
      move: optional(
        record<pb.ReplicaMove, ReplicaMove>({ fromNode: text, toNode: text, operation: text }),
      ),
    }),
  ),
})

/** SnapshotMethod. */
export const snapshotMethodCodec = optionalOneOf<pbSnapshot.SnapshotMethod, SnapshotMethod>({
  1: 'Reflink',
  2: 'Copy',
})

const snapshotPhaseCodec = oneOf<pbSnapshot.SnapshotPhase, SnapshotPhase>({
  1: 'Pending',
  2: 'Ready',
  3: 'Failed',
  4: 'Deleting',
})

/** Snapshot. */
export const snapshotCodec = record<pbSnapshot.Snapshot, Snapshot>({
  meta: required(objectMetaCodec),
  spec: required(record<pbSnapshot.SnapshotSpec, Snapshot['spec']>({ volume: text })),
  status: required(
    record<pbSnapshot.SnapshotStatus, Snapshot['status']>({
      phase: snapshotPhaseCodec,
      conditions: list(conditionCodec),
      replicas: list(
        record<pbSnapshot.SnapshotReplica, SnapshotReplica>({
          node: text,
          pool: text,
          phase: snapshotPhaseCodec,
          method: snapshotMethodCodec,
          allocatedBytes: int64,
          copiedBytes: int64,
          message: text,
        }),
      ),
      sizeBytes: int64,
    }),
  ),
})
