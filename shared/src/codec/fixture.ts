/**
 * Arbitrary domain values, one shape per type. A shape names every field of its type, so that a
 * field added to the model does not compile until it is drawn here too.
 */
import fc from 'fast-check'
import type {
  AgentMessage,
  ClusterStatus,
  ControllerStatus,
  CoordinatorMessage,
  DesiredPool,
  DesiredReplica,
  DesiredSnapshot,
  DesiredState,
  Event,
  FunnelStep,
  Hello,
  JoinToken,
  Node,
  NodeResources,
  NodeSpec,
  NodeStatus,
  NodeVerdict,
  ObservedPool,
  ObservedReplica,
  ObservedSnapshot,
  ObservedState,
  Operation,
  PlacementReport,
  Replica,
  ReplicaMove,
  ScorePart,
  Snapshot,
  SnapshotReplica,
  StorageClass,
  StorageClassSpec,
  StoragePool,
  StoragePoolSpec,
  StoragePoolStatus,
  Taint,
  UserToken,
  VerdictGroup,
  Violation,
  Volume,
  VolumeStatus,
  Welcome,
} from '../model/index.ts'
import { poolKind, taintEffect, volumeSpec } from './fixture-demand.ts'
import {
  type Arbitrary,
  big,
  bool,
  conditions,
  count,
  double,
  type Fields,
  labelKey,
  labels,
  list,
  maybe,
  meta,
  oneOf,
  shape,
  some,
  text,
  texts,
  time,
} from './fixture-shape.ts'

const resources = shape<NodeResources>({ cpuMillis: big, memoryBytes: big, storageBytes: big })

/** A host. */
export const anyNode = shape<Node>({
  meta,
  spec: shape<NodeSpec>({
    schedulable: bool,
    profile: text,
    taints: maybe(some(shape<Taint>({ key: text, value: text, effect: taintEffect }))),
  }),
  status: shape<NodeStatus>({
    phase: oneOf('Pending', 'Online', 'Offline'),
    conditions,
    capacity: maybe(resources),
    allocatable: maybe(resources),
    agentVersion: text,
    address: text,
    lastSeenAt: maybe(time),
    desiredGeneration: big,
    appliedGeneration: big,
    capabilities: texts,
    os: text,
    simulated: bool,
    bootId: text,
  }),
})

/** A pool. */
export const anyPool = shape<StoragePool>({
  meta,
  spec: shape<StoragePoolSpec>({
    node: text,
    kind: poolKind,
    path: text,
    overcommitPercent: count,
  }),
  status: shape<StoragePoolStatus>({
    phase: oneOf('Pending', 'Ready', 'Failed', 'Deleting'),
    conditions,
    totalBytes: big,
    freeBytes: big,
    promisedBytes: big,
    replicaCount: count,
    reflink: bool,
    foreignFiles: texts,
  }),
})

/** A storage class. */
export const anyClass = shape<StorageClass>({
  meta,
  spec: shape<StorageClassSpec>({
    replicas: count,
    pool: text,
    poolKinds: list(poolKind),
    poolSelector: text,
    failureDomain: text,
    failureDomainMode: oneOf('Different', 'PreferDifferent', 'Same'),
  }),
})

const replicaRole = oneOf('Diskful', 'Diskless', 'TieBreaker')

/** A volume. */
export const anyVolume = shape<Volume>({
  meta,
  spec: volumeSpec,
  status: shape<VolumeStatus>({
    phase: oneOf('Pending', 'Ready', 'Degraded', 'Failed', 'Deleting'),
    conditions,
    replicas: list(
      shape<Replica>({
        node: text,
        pool: text,
        role: replicaRole,
        phase: oneOf('Pending', 'Ready', 'Failed', 'Unknown', 'Deleting'),
        devicePath: text,
        kernelDevice: text,
        allocatedBytes: big,
        sizeBytes: big,
        message: text,
        drbdNodeId: maybe(count),
        drbdMinor: maybe(count),
        drbdPort: maybe(count),
        reportedAt: maybe(time),
      }),
    ),
    actualSizeBytes: big,
    move: maybe(shape<ReplicaMove>({ fromNode: text, toNode: text, operation: text })),
  }),
})

const snapshotPhase = oneOf('Pending', 'Ready', 'Failed', 'Deleting')
const snapshotMethod = oneOf('Reflink', 'Copy')

/** A snapshot. */
export const anySnapshot = shape<Snapshot>({
  meta,
  spec: shape<Snapshot['spec']>({ volume: text }),
  status: shape<Snapshot['status']>({
    phase: snapshotPhase,
    conditions,
    replicas: list(
      shape<SnapshotReplica>({
        node: text,
        pool: text,
        phase: snapshotPhase,
        method: maybe(snapshotMethod),
        allocatedBytes: big,
        copiedBytes: big,
        message: text,
      }),
    ),
    sizeBytes: big,
  }),
})

/** An operation. */
export const anyOperation = shape<Operation>({
  meta,
  kind: oneOf('SnapshotCreate', 'SnapshotRestore', 'VolumeResize', 'VolumeMove', 'Rebalance'),
  subject: text,
  phase: oneOf('Running', 'Succeeded', 'Failed', 'Cancelled'),
  progressPercent: count,
  message: text,
  finishedAt: maybe(time),
})

/** An event. */
export const anyEvent = shape<Event>({
  sequence: big,
  time,
  type: oneOf('Normal', 'Warning'),
  reason: text,
  subject: text,
  message: text,
  actor: text,
})

/** A broken invariant. */
export const anyViolation = shape<Violation>({ rule: text, subject: text, message: text })

/** A join token without its secret. */
export const anyJoinToken = shape<Omit<JoinToken, 'secretSha256'>>({
  id: text,
  expiresAt: time,
  usesLeft: maybe(count),
  node: text,
})

/** A user token without its secret. */
export const anyUserToken = shape<Omit<UserToken, 'secretSha256'>>({
  id: text,
  user: text,
  role: oneOf('admin', 'viewer'),
  createdAt: time,
  expiresAt: maybe(time),
})

/** The cluster as a whole. */
export const anyClusterStatus = shape<ClusterStatus>({
  clusterId: text,
  version: text,
  storeEngine: text,
  revision: big,
  storeSizeBytes: big,
  servingSince: time,
  startMs: count,
  counts: fc.dictionary(labelKey, big, { maxKeys: 3, noNullPrototype: true }),
  caExpiresAt: time,
  lastBackupAt: maybe(time),
  controllers: list(
    shape<ControllerStatus>({
      name: text,
      passes: big,
      lastStartedAt: maybe(time),
      lastDurationMs: count,
      lastError: text,
    }),
  ),
})

const reportFields: Fields<Omit<PlacementReport, 'parts'>> = {
  subject: text,
  placeable: bool,
  summary: text,
  replicasRequested: count,
  nodes: list(
    shape<NodeVerdict>({
      node: text,
      pool: text,
      chosen: bool,
      rejectedBy: text,
      reason: text,
      scores: list(shape<ScorePart>({ name: text, value: double, weight: double })),
      totalScore: double,
    }),
  ),
  funnel: list(shape<FunnelStep>({ filter: text, remaining: count })),
  closestMiss: text,
  suggestedFix: text,
  resourceVersion: big,
  groups: maybe(some(shape<VerdictGroup>({ filter: text, count, example: text, nodes: texts }))),
}

/** A placement report, some with the reports of its parts. */
export const anyPlacementReport = shape<PlacementReport>({
  ...reportFields,
  parts: maybe(some(shape<Omit<PlacementReport, 'parts'>>(reportFields))),
})

const intent = oneOf('Present', 'Absent')
const itemPhase = oneOf('Pending', 'Ready', 'Failed', 'Absent')

/** A desired document. */
export const anyDesiredState = shape<DesiredState>({
  clusterId: text,
  node: text,
  generation: big,
  pools: list(shape<DesiredPool>({ uid: text, name: text, kind: poolKind, path: text, intent })),
  replicas: list(
    shape<DesiredReplica>({
      volumeUid: text,
      volume: text,
      poolUid: text,
      role: replicaRole,
      sizeBytes: big,
      sourceSnapshotUid: text,
      intent,
      provisioned: bool,
      drbdNodeId: maybe(count),
      drbdMinor: maybe(count),
      drbdPort: maybe(count),
    }),
  ),
  snapshots: list(
    shape<DesiredSnapshot>({
      uid: text,
      name: text,
      volumeUid: text,
      poolUid: text,
      intent,
      provisioned: bool,
    }),
  ),
})

/** A report. */
export const anyObservedState = shape<ObservedState>({
  appliedGeneration: big,
  full: bool,
  pools: list(
    shape<ObservedPool>({
      uid: text,
      phase: itemPhase,
      message: text,
      totalBytes: big,
      freeBytes: big,
      reflink: bool,
      orphans: texts,
    }),
  ),
  replicas: list(
    shape<ObservedReplica>({
      volumeUid: text,
      phase: itemPhase,
      message: text,
      devicePath: text,
      kernelDevice: text,
      sizeBytes: big,
      allocatedBytes: big,
    }),
  ),
  snapshots: list(
    shape<ObservedSnapshot>({
      uid: text,
      phase: itemPhase,
      message: text,
      method: maybe(snapshotMethod),
      sizeBytes: big,
      allocatedBytes: big,
      copiedBytes: big,
    }),
  ),
  observedAt: time,
})

const hello = shape<Hello>({
  node: text,
  agentVersion: text,
  ledgerGeneration: big,
  clusterId: text,
  capabilities: texts,
  bootId: text,
  os: text,
  simulated: bool,
  cpuCount: count,
  memoryBytes: big,
})

const welcome = shape<Welcome>({
  clusterId: text,
  heartbeatIntervalMs: count,
  inventoryHashes: labels,
})

/** A message from an agent; what hardware looks like is drawn in hardware.test.ts. */
export const anyAgentMessage: Arbitrary<AgentMessage> = fc.oneof(
  hello.map((value) => ({ type: 'hello' as const, hello: value })),
  big.map((ledgerGeneration) => ({ type: 'heartbeat' as const, ledgerGeneration })),
  anyObservedState.map((observed) => ({ type: 'observed' as const, observed })),
  fc.constant({ type: 'inventory' as const, sections: [] }),
)

/** A message from the coordinator. */
export const anyCoordinatorMessage: Arbitrary<CoordinatorMessage> = fc.oneof(
  welcome.map((value) => ({ type: 'welcome' as const, welcome: value })),
  anyDesiredState.map((desired) => ({ type: 'desired' as const, desired })),
)
