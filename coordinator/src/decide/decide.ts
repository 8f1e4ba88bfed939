import { unreachable } from '@keelson/shared/errors'
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
import type { Command } from './command.ts'
import type { Decision } from './draft.ts'
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
import { decideCreatePool, decideDeletePool } from './pool.ts'
import { decideCreateSnapshot, decideDeleteSnapshot, decideRestoreSnapshot } from './snapshot.ts'
import { decideCreateVolume, decideDeleteVolume, decideResizeVolume } from './volume.ts'

/**
 * The decision about a command on a state: the writes of one transaction, or a KeelsonError that
 * says why not. Pure; the same command on the same state decides the same.
 */
export function decide(state: StateView, command: Command): Decision {
  switch (command.type) {
    case 'InitializeCluster':
      return decideInitializeCluster(state, command)
    case 'EnrollNode':
      return decideEnrollNode(state, command)
    case 'RecordHello':
      return decideRecordHello(state, command)
    case 'RecordInventory':
      return decideRecordInventory(state, command)
    case 'RecordObserved':
      return decideRecordObserved(state, command)
    case 'SetNodePhase':
      return decideSetNodePhase(state, command)
    case 'RefreshVolumes':
      return decideRefreshVolumes(state, command)
    case 'UpdateNode':
      return decideUpdateNode(state, command)
    case 'DeleteNode':
      return decideDeleteNode(state, command)
    case 'CreatePool':
      return decideCreatePool(state, command)
    case 'DeletePool':
      return decideDeletePool(state, command)
    case 'CreateClass':
      return decideCreateClass(state, command)
    case 'DeleteClass':
      return decideDeleteClass(state, command)
    case 'CreateVolume':
      return decideCreateVolume(state, command)
    case 'MoveReplica':
      return decideMoveReplica(state, command)
    case 'ResizeVolume':
      return decideResizeVolume(state, command)
    case 'DeleteVolume':
      return decideDeleteVolume(state, command)
    case 'CreateSnapshot':
      return decideCreateSnapshot(state, command)
    case 'RestoreSnapshot':
      return decideRestoreSnapshot(state, command)
    case 'DeleteSnapshot':
      return decideDeleteSnapshot(state, command)
    case 'CancelOperation':
      return decideCancelOperation(state, command)
    case 'PruneHistory':
      return decidePruneHistory(state, command)
    case 'CreateJoinToken':
      return decideCreateJoinToken(state, command)
    case 'DeleteJoinToken':
      return decideDeleteJoinToken(state, command)
    case 'CreateUserToken':
      return decideCreateUserToken(state, command)
    case 'DeleteUserToken':
      return decideDeleteUserToken(state, command)
    default:
      return unreachable(command)
  }
}
