import { KeelsonError, unreachable } from '../errors/index.ts'
import type * as pb from '../gen/keelson/agent/v1/agent.ts'
import type {
  AgentMessage,
  CoordinatorMessage,
  DesiredPool,
  DesiredReplica,
  DesiredSnapshot,
  DesiredState,
  Hello,
  Intent,
  ItemPhase,
  ObservedPool,
  ObservedReplica,
  ObservedSnapshot,
  ObservedState,
  Welcome,
} from '../model/index.ts'
import { hardwareReadingsCodec, hardwareSectionsCodec } from './hardware.ts'
import {
  bool,
  type Codec,
  int64,
  list,
  number,
  oneOf,
  optional,
  record,
  text,
  textMap,
  texts,
  time,
} from './record.ts'
import { poolKindCodec } from './storage.ts'
import { replicaRoleCodec, snapshotMethodCodec } from './volume.ts'

const intent = oneOf<pb.Intent, Intent>({ 1: 'Present', 2: 'Absent' })
const itemPhase = oneOf<pb.ItemPhase, ItemPhase>({
  1: 'Pending',
  2: 'Ready',
  3: 'Failed',
  4: 'Absent',
})

/** DesiredState. */
export const desiredStateCodec = record<pb.DesiredState, DesiredState>({
  clusterId: text,
  node: text,
  generation: int64,
  pools: list(
    record<pb.DesiredPool, DesiredPool>({
      uid: text,
      name: text,
      kind: poolKindCodec,
      path: text,
      intent,
    }),
  ),
  replicas: list(
    record<pb.DesiredReplica, DesiredReplica>({
      volumeUid: text,
      volume: text,
      poolUid: text,
      role: replicaRoleCodec,
      sizeBytes: int64,
      sourceSnapshotUid: text,
      intent,
      provisioned: bool,
      drbdNodeId: optional(number),
      drbdMinor: optional(number),
      drbdPort: optional(number),
    }),
  ),
  snapshots: list(
    record<pb.DesiredSnapshot, DesiredSnapshot>({
      uid: text,
      name: text,
      volumeUid: text,
      poolUid: text,
      intent,
      provisioned: bool,
    }),
  ),
})

/** ObservedState. */
export const observedStateCodec = record<pb.ObservedState, ObservedState>({
  appliedGeneration: int64,
  full: bool,
  pools: list(
    record<pb.ObservedPool, ObservedPool>({
      uid: text,
      phase: itemPhase,
      message: text,
      totalBytes: int64,
      freeBytes: int64,
      reflink: bool,
      orphans: texts,
    }),
  ),
  replicas: list(
    record<pb.ObservedReplica, ObservedReplica>({
      volumeUid: text,
      phase: itemPhase,
      message: text,
      devicePath: text,
      kernelDevice: text,
      sizeBytes: int64,
      allocatedBytes: int64,
    }),
  ),
  snapshots: list(
    record<pb.ObservedSnapshot, ObservedSnapshot>({
      uid: text,
      phase: itemPhase,
      message: text,
      method: snapshotMethodCodec,
      sizeBytes: int64,
      allocatedBytes: int64,
      copiedBytes: int64,
    }),
  ),
  observedAt: time,
})

const helloCodec = record<pb.Hello, Hello>({
  node: text,
  agentVersion: text,
  ledgerGeneration: int64,
  clusterId: text,
  capabilities: texts,
  bootId: text,
  os: text,
  simulated: bool,
  cpuCount: number,
  memoryBytes: int64,
})

const welcomeCodec = record<pb.Welcome, Welcome>({
  clusterId: text,
  heartbeatIntervalMs: number,
  inventoryHashes: textMap,
})

const heartbeatCodec = record<pb.Heartbeat, Omit<AgentMessage & { type: 'heartbeat' }, 'type'>>({
  readings: optional(hardwareReadingsCodec),
  ledgerGeneration: int64,
})

const inventoryCodec = record<
  pb.InventoryReport,
  Omit<AgentMessage & { type: 'inventory' }, 'type'>
>({ sections: hardwareSectionsCodec })

/** A message from an agent; an empty one (from a newer agent) is INVALID_ARGUMENT. */
export const agentMessageCodec: Codec<pb.SessionRequest, AgentMessage> = {
  read({ message }, path) {
    switch (message?.$case) {
      case 'hello':
        return { type: 'hello', hello: helloCodec.read(message.value, `${path}.hello`) }
      case 'heartbeat':
        return { type: 'heartbeat', ...heartbeatCodec.read(message.value, `${path}.heartbeat`) }
      case 'inventory':
        return { type: 'inventory', ...inventoryCodec.read(message.value, `${path}.inventory`) }
      case 'observed':
        return {
          type: 'observed',
          observed: observedStateCodec.read(message.value, `${path}.observed`),
        }
      case undefined:
        throw new KeelsonError('INVALID_ARGUMENT', `${path}: unknown message from a newer agent`)
      default:
        return unreachable(message)
    }
  },
  write(message) {
    switch (message.type) {
      case 'hello':
        return { message: { $case: 'hello', value: helloCodec.write(message.hello) } }
      case 'heartbeat':
        return { message: { $case: 'heartbeat', value: heartbeatCodec.write(message) } }
      case 'inventory':
        return { message: { $case: 'inventory', value: inventoryCodec.write(message) } }
      case 'observed':
        return { message: { $case: 'observed', value: observedStateCodec.write(message.observed) } }
      default:
        return unreachable(message)
    }
  },
}

/** A message from the coordinator; an empty one is INVALID_ARGUMENT. */
export const coordinatorMessageCodec: Codec<pb.SessionResponse, CoordinatorMessage> = {
  read({ message }, path) {
    switch (message?.$case) {
      case 'welcome':
        return { type: 'welcome', welcome: welcomeCodec.read(message.value, `${path}.welcome`) }
      case 'desired':
        return {
          type: 'desired',
          desired: desiredStateCodec.read(message.value, `${path}.desired`),
        }
      case undefined:
        throw new KeelsonError('INVALID_ARGUMENT', `${path}: unknown message, newer coordinator`)
      default:
        return unreachable(message)
    }
  },
  write(message) {
    switch (message.type) {
      case 'welcome':
        return { message: { $case: 'welcome', value: welcomeCodec.write(message.welcome) } }
      case 'desired':
        return { message: { $case: 'desired', value: desiredStateCodec.write(message.desired) } }
      default:
        return unreachable(message)
    }
  },
}
