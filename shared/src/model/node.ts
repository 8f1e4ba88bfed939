import type { Condition, ObjectMeta } from './meta.ts'
import type { Taint } from './placement-demand.ts'

/** Liveness of a host's agent. Pending → Online; Online ⇄ Offline. */
export type NodePhase = 'Pending' | 'Online' | 'Offline'

/** Countable resources of a host. */
export interface NodeResources {
  /** Logical CPUs, in thousandths. */
  readonly cpuMillis: number
  readonly memoryBytes: number
  readonly storageBytes: number
}

/** What the operator wants of a host. */
export interface NodeSpec {
  /** Whether new work may be placed here. */
  readonly schedulable: boolean
  /** Hardware profile it should match; empty if none. */
  readonly profile: string
  /** Absent means none. */
  readonly taints?: readonly Taint[]
}

/** What was seen of a host. */
export interface NodeStatus {
  readonly phase: NodePhase
  readonly conditions: readonly Condition[]
  readonly capacity?: NodeResources
  readonly allocatable?: NodeResources
  readonly agentVersion: string
  /** Address the agent's session comes from. */
  readonly address: string
  /** Last heartbeat; known to the leader's memory only. */
  readonly lastSeenAt?: number
  readonly desiredGeneration: number
  readonly appliedGeneration: number
  /** What the host can do: "file", "drbd", "kvm", … */
  readonly capabilities: readonly string[]
  readonly os: string
  readonly simulated: boolean
  readonly bootId: string
}

/** A host that runs an agent. */
export interface Node {
  readonly meta: ObjectMeta
  readonly spec: NodeSpec
  readonly status: NodeStatus
}

/** Capability a host needs for volumes with more than one replica. */
export const REPLICATION_CAPABILITY = 'drbd'

/** Node label of the failure domain used where a class names none. */
export const RACK_LABEL = 'topology.kubernetes.io/rack'
