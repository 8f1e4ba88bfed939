import type { StateView } from '../state/index.ts'
import { decideCancelOperation } from './cancel.ts'
import { decideCreateClass, decideDeleteClass } from './class.ts'
import {
  decideCreateJoinToken,
  decideCreateUserToken,
  decideDeleteJoinToken,
  decideDeleteUserToken,
  decideInitializeCluster,
  decidePruneHistory,
} from './cluster.ts'
import type { Command, CommandOf } from './command.ts'
import type { Decision } from './draft.ts'
import { decideCreateVirtualMachine, decideDeleteVirtualMachine } from './machine.ts'
import {
  decideMoveVirtualMachine,
  decideRefreshVirtualMachines,
  decideUpdateVirtualMachine,
} from './machine-change.ts'
import { decideAssignStandbys } from './machine-standby.ts'
import { decideMoveReplica } from './move.ts'
import {
  decideDeleteNode,
  decideEnrollNode,
  decideRecordHello,
  decideRecordInventory,
  decideSetNodePhase,
  decideUpdateNode,
} from './node.ts'
import { decideRecordObserved, decideRefreshVolumes } from './observed.ts'
import { decideSetPolicy } from './policy.ts'
import { decideCreatePool, decideDeletePool } from './pool.ts'
import { decideApplyRebalance, decidePauseRebalance, decideResumeRebalance } from './rebalance.ts'
import { decideAdvanceRebalance } from './rebalance-step.ts'
import { decideCreateSnapshot, decideDeleteSnapshot, decideRestoreSnapshot } from './snapshot.ts'
import { decideCreateVolume, decideDeleteVolume, decideResizeVolume } from './volume.ts'

/** How each command is decided; the compiler asks for every one. */
const DECISIONS: {
  readonly [T in Command['type']]: (state: StateView, command: CommandOf<T>) => Decision
} = {
  InitializeCluster: decideInitializeCluster,
  EnrollNode: decideEnrollNode,
  RecordHello: decideRecordHello,
  RecordInventory: decideRecordInventory,
  RecordObserved: decideRecordObserved,
  SetNodePhase: decideSetNodePhase,
  RefreshVolumes: decideRefreshVolumes,
  UpdateNode: decideUpdateNode,
  DeleteNode: decideDeleteNode,
  CreatePool: decideCreatePool,
  DeletePool: decideDeletePool,
  CreateClass: decideCreateClass,
  DeleteClass: decideDeleteClass,
  CreateVolume: decideCreateVolume,
  MoveReplica: decideMoveReplica,
  ResizeVolume: decideResizeVolume,
  DeleteVolume: decideDeleteVolume,
  CreateSnapshot: decideCreateSnapshot,
  RestoreSnapshot: decideRestoreSnapshot,
  DeleteSnapshot: decideDeleteSnapshot,
  CreateVirtualMachine: decideCreateVirtualMachine,
  UpdateVirtualMachine: decideUpdateVirtualMachine,
  MoveVirtualMachine: decideMoveVirtualMachine,
  DeleteVirtualMachine: decideDeleteVirtualMachine,
  RefreshVirtualMachines: decideRefreshVirtualMachines,
  AssignStandbys: decideAssignStandbys,
  ApplyRebalance: decideApplyRebalance,
  PauseRebalance: decidePauseRebalance,
  ResumeRebalance: decideResumeRebalance,
  AdvanceRebalance: decideAdvanceRebalance,
  SetPolicy: decideSetPolicy,
  CancelOperation: decideCancelOperation,
  PruneHistory: decidePruneHistory,
  CreateJoinToken: decideCreateJoinToken,
  DeleteJoinToken: decideDeleteJoinToken,
  CreateUserToken: decideCreateUserToken,
  DeleteUserToken: decideDeleteUserToken,
}

/**
 * The decision about a command on a state: the writes of one transaction, or a KeelsonError that
 * says why not. Pure; the same command on the same state decides the same.
 */
export function decide(state: StateView, command: Command): Decision {
  // The entry is that of the command's own type, which the compiler cannot follow.
  return DECISIONS[command.type](state, command as never)
}
