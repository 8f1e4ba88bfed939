import type * as pb from '../gen/keelson/v1/cluster.ts'
import type * as pbEvent from '../gen/keelson/v1/event.ts'
import type * as pbOperation from '../gen/keelson/v1/operation.ts'
import type {
  ClusterStatus,
  ControllerStatus,
  Event,
  EventType,
  JoinToken,
  Operation,
  OperationKind,
  OperationPhase,
  Role,
  UserToken,
  Violation,
} from '../model/index.ts'
import { objectMetaCodec } from './common.ts'
import {
  int64,
  int64Map,
  list,
  number,
  oneOf,
  optional,
  optionalTime,
  record,
  required,
  text,
  time,
} from './record.ts'

/** Operation. */
export const operationCodec = record<pbOperation.Operation, Operation>({
  meta: required(objectMetaCodec),
  kind: oneOf<pbOperation.OperationKind, OperationKind>({
    1: 'SnapshotCreate',
    2: 'SnapshotRestore',
    3: 'VolumeResize',
    4: 'VolumeMove',
    5: 'Rebalance',
  }),
  subject: text,
  phase: oneOf<pbOperation.OperationPhase, OperationPhase>({
    1: 'Running',
    2: 'Succeeded',
    3: 'Failed',
    4: 'Cancelled',
  }),
  progressPercent: number,
  message: text,
  finishedAt: optionalTime,
})

/** Event. */
export const eventCodec = record<pbEvent.Event, Event>({
  sequence: int64,
  time,
  type: oneOf<pbEvent.EventType, EventType>({ 1: 'Normal', 2: 'Warning' }),
  reason: text,
  subject: text,
  message: text,
  actor: text,
})

/** Role. */
export const roleCodec = oneOf<pb.Role, Role>({ 1: 'admin', 2: 'viewer' })

/** Violation. */
export const violationCodec = record<pb.Violation, Violation>({
  rule: text,
  subject: text,
  message: text,
})

/** The public part of a join token: the hash of its secret never leaves the coordinator. */
export const joinTokenCodec = record<pb.JoinToken, Omit<JoinToken, 'secretSha256'>>({
  id: text,
  expiresAt: time,
  usesLeft: optional(number),
  node: text,
})

/** The public part of a user token. */
export const userTokenCodec = record<pb.UserToken, Omit<UserToken, 'secretSha256'>>({
  id: text,
  user: text,
  role: roleCodec,
  createdAt: time,
  expiresAt: optionalTime,
})

/** ClusterStatus. */
export const clusterStatusCodec = record<pb.ClusterStatus, ClusterStatus>({
  clusterId: text,
  version: text,
  storeEngine: text,
  revision: int64,
  storeSizeBytes: int64,
  servingSince: time,
  startMs: number,
  counts: int64Map,
  caExpiresAt: time,
  lastBackupAt: optionalTime,
  controllers: list(
    record<pb.ControllerStatus, ControllerStatus>({
      name: text,
      passes: int64,
      lastStartedAt: optionalTime,
      lastDurationMs: number,
      lastError: text,
    }),
  ),
})
