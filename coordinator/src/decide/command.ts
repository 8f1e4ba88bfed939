/**
 * A command is what admission makes of a request: validated, defaulted and stamped with everything
 * a decision may not get by itself (time, fresh ids, who asked). Deciding the same command on the
 * same state gives the same writes.
 */
import type {
  HardwareSection,
  Hello,
  NodePhase,
  ObservedState,
  PlacementPolicy,
  PlacementReport,
  RebalanceLimits,
  RebalancePlan,
  Role,
  RunPolicy,
  StorageClassSpec,
  StoragePoolSpec,
  Taint,
  VirtualMachineSpec,
  VolumeSpec,
} from '@keelson/shared/model'

import type { Place, StandbyChange } from '../placement/index.ts'
import type { AuthorityRecord } from '../state/index.ts'

/** What admission puts on every command. */
export interface Stamp {
  readonly now: number
  /** "user/<name>", "node/<name>" or "controller/<name>". */
  readonly actor: string
  /** A fresh UUID for the thing created, if one is. */
  readonly uid: string
}

/** Labels of a new resource. */
type Labels = Readonly<Record<string, string>>

/** Everything that can be decided, by type. */
export type Command = { readonly stamp: Stamp; readonly dryRun?: boolean } & (
  | {
      readonly type: 'InitializeCluster'
      readonly clusterId: string
      readonly authority: AuthorityRecord
    }
  | {
      readonly type: 'EnrollNode'
      readonly node: string
      readonly labels: Labels
      readonly joinTokenId: string
      readonly joinSecretSha256: string
      readonly machineKeySha256: string
    }
  | { readonly type: 'RecordHello'; readonly hello: Hello; readonly address: string }
  | {
      readonly type: 'RecordInventory'
      readonly node: string
      readonly sections: readonly HardwareSection[]
    }
  | { readonly type: 'RecordObserved'; readonly node: string; readonly observed: ObservedState }
  | {
      readonly type: 'SetNodePhase'
      readonly node: string
      readonly phase: NodePhase
      readonly reason: string
    }
  | { readonly type: 'RefreshVolumes'; readonly volumes: readonly string[] }
  | {
      readonly type: 'UpdateNode'
      readonly node: string
      readonly setLabels: Labels
      readonly removeLabels: readonly string[]
      /** One of the same key and effect is replaced. */
      readonly setTaints?: readonly Taint[]
      /** Keys, whatever the effect. */
      readonly removeTaints?: readonly string[]
      readonly schedulable?: boolean
    }
  | { readonly type: 'DeleteNode'; readonly node: string }
  | {
      readonly type: 'CreatePool'
      readonly name: string
      readonly labels: Labels
      readonly spec: StoragePoolSpec
    }
  | { readonly type: 'DeletePool'; readonly name: string; readonly node: string }
  | {
      readonly type: 'CreateClass'
      readonly name: string
      readonly labels: Labels
      readonly spec: StorageClassSpec
    }
  | { readonly type: 'DeleteClass'; readonly name: string }
  | {
      readonly type: 'CreateVolume'
      readonly name: string
      readonly labels: Labels
      /** Absent for the operator. */
      readonly tenant?: string
      readonly spec: VolumeSpec
    }
  | { readonly type: 'ResizeVolume'; readonly name: string; readonly sizeBytes: number }
  | {
      readonly type: 'MoveReplica'
      readonly volume: string
      readonly fromNode: string
      /** Empty lets placement choose. */
      readonly toNode: string
      /** Empty lets placement choose. */
      readonly toPool: string
    }
  | { readonly type: 'DeleteVolume'; readonly name: string }
  | {
      readonly type: 'CreateSnapshot'
      readonly name: string
      readonly labels: Labels
      readonly volume: string
    }
  | {
      readonly type: 'RestoreSnapshot'
      readonly snapshot: string
      readonly volume: string
      readonly sizeBytes: number
      readonly labels: Labels
    }
  | { readonly type: 'DeleteSnapshot'; readonly name: string }
  | {
      readonly type: 'CreateVirtualMachine'
      readonly name: string
      readonly labels: Labels
      /** Absent for the operator. */
      readonly tenant?: string
      readonly spec: VirtualMachineSpec
      /** A fresh UUID for each new volume. */
      readonly volumeUids: readonly string[]
      /** Taken if it still keeps every rule. */
      readonly plan?: MachinePlan
    }
  | {
      readonly type: 'UpdateVirtualMachine'
      readonly name: string
      readonly setLabels: Labels
      readonly removeLabels: readonly string[]
      /** The whole new spec. */
      readonly spec?: VirtualMachineSpec
      readonly runPolicy?: RunPolicy
      /** 0 does not check. */
      readonly expectedResourceVersion: number
    }
  | {
      readonly type: 'MoveVirtualMachine'
      readonly name: string
      /** Empty lets placement choose. */
      readonly toNode: string
    }
  | {
      readonly type: 'DeleteVirtualMachine'
      readonly name: string
      readonly keepVolumes: boolean
    }
  | { readonly type: 'RefreshVirtualMachines'; readonly machines: readonly string[] }
  | { readonly type: 'AssignStandbys'; readonly standbys: readonly StandbyChange[] }
  | {
      readonly type: 'ApplyRebalance'
      readonly plan: RebalancePlan
      /** 0 and no windows leave a limit to the policy. */
      readonly limits: RebalanceLimits
    }
  /** Without an operation the one under way. */
  | { readonly type: 'PauseRebalance'; readonly operation: string }
  | { readonly type: 'ResumeRebalance'; readonly operation: string }
  | { readonly type: 'AdvanceRebalance'; readonly operation: string }
  | {
      readonly type: 'SetPolicy'
      /** Its version and time are given by the decision. */
      readonly policy: PlacementPolicy
      /** Version it replaces; 0 for none. */
      readonly expectedVersion: number
    }
  | { readonly type: 'CancelOperation'; readonly name: string }
  | { readonly type: 'PruneHistory'; readonly keepEvents: number; readonly keepOperations: number }
  | {
      readonly type: 'CreateJoinToken'
      readonly id: string
      readonly secretSha256: string
      readonly expiresAt: number
      readonly uses?: number
      readonly node: string
    }
  | { readonly type: 'DeleteJoinToken'; readonly id: string }
  | {
      readonly type: 'CreateUserToken'
      readonly id: string
      readonly secretSha256: string
      readonly user: string
      readonly role: Role
      readonly expiresAt?: number
    }
  | { readonly type: 'DeleteUserToken'; readonly id: string }
)

/** Places found for a machine when it was looked at together with others. */
export interface MachinePlan {
  readonly node: string
  /** Empty if no guarantee asks for one. */
  readonly standbyNode: string
  /** For each new volume the places of its replicas. */
  readonly volumes: readonly (readonly Place[])[]
}

/** A command of one type. */
export type CommandOf<T extends Command['type']> = Extract<Command, { readonly type: T }>

/** What a decision says about the thing asked for. */
export interface Outcome {
  /** Name or id of the thing. */
  readonly name: string
  /** Operation to watch, if the work goes on. */
  readonly operation?: string
  /** Why it is where it is. */
  readonly report?: PlacementReport
  /** Volumes that go with a machine. */
  readonly volumes?: readonly string[]
}
