import type * as pb from '../gen/keelson/v1/node.ts'
import type {
  Node,
  NodePhase,
  NodeResources,
  NodeSpec,
  NodeStatus,
  Taint,
  TaintEffect,
} from '../model/index.ts'
import { conditionCodec, objectMetaCodec } from './common.ts'
import {
  bool,
  int64,
  list,
  oneOf,
  optional,
  optionalList,
  optionalTime,
  record,
  required,
  text,
  texts,
  word,
} from './record.ts'

const resources = record<pb.NodeResources, NodeResources>({
  cpuMillis: int64,
  memoryBytes: int64,
  storageBytes: int64,
})

/** TaintEffect, a word on the wire as in Kubernetes. */
export const taintEffectCodec = word<TaintEffect>('NoSchedule', 'PreferNoSchedule', 'NoExecute')

/** Taint. */
export const taintCodec = record<pb.Taint, Taint>({
  key: text,
  value: text,
  effect: taintEffectCodec,
})

/** Node. */
export const nodeCodec = record<pb.Node, Node>({
  meta: required(objectMetaCodec),
  spec: required(
    record<pb.NodeSpec, NodeSpec>({
      schedulable: bool,
      profile: text,
      taints: optionalList(taintCodec),
    }),
  ),
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
