import type * as pb from '../gen/keelson/v1/node.ts'
import type { Node, NodePhase, NodeResources, NodeSpec, NodeStatus } from '../model/index.ts'
import { conditionCodec, objectMetaCodec } from './common.ts'
import {
  bool,
  int64,
  list,
  oneOf,
  optional,
  optionalTime,
  record,
  required,
  text,
  texts,
} from './record.ts'

const resources = record<pb.NodeResources, NodeResources>({
  cpuMillis: int64,
  memoryBytes: int64,
  storageBytes: int64,
})

/** Node. */
export const nodeCodec = record<pb.Node, Node>({
  meta: required(objectMetaCodec),
  spec: required(record<pb.NodeSpec, NodeSpec>({ schedulable: bool, profile: text })),
  status: required(
    record<pb.NodeStatus, NodeStatus>({
      phase: oneOf<pb.NodePhase, NodePhase>({ 1: 'Pending', 2: 'Online', 3: 'Offline' }),
      conditions: list(conditionCodec),
      capacity: optional(resources),
      allocatable: optional(resources),
      agentVersion: text,
      address: text,
      lastSeenAt: optionalTime,
      desiredGeneration: int64,
      appliedGeneration: int64,
      capabilities: texts,
      os: text,
      simulated: bool,
      bootId: text,
    }),
  ),
})
