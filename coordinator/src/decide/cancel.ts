import { KeelsonError } from '@keelson/shared/errors'
import { formatSize } from '@keelson/shared/model'
import type { StateView } from '../state/index.ts'
import type { CommandOf } from './command.ts'
import { createDraft, type Decision, type Draft } from './draft.ts'
import { found } from './lookup.ts'
import { cancelMove } from './move.ts'
import { endOperation } from './operation.ts'
import { cancelRebalance } from './rebalance.ts'
import { markSnapshotDeleting } from './snapshot.ts'
import { markDeleting, putVolume, refuseInUse } from './volume.ts'

/** Undoes a running operation, or says why it is past undoing. */
export function decideCancelOperation(
  state: StateView,
  command: CommandOf<'CancelOperation'>,
): Decision {
  const { name, stamp } = command
  const operation = found(state.operations.get(name), 'operation', name)
  if (operation.phase !== 'Running')
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `operation "${name}" has ended: ${operation.phase}`,
    )
  const draft = createDraft(state, stamp)
  const subject = operation.subject.slice(operation.subject.indexOf('/') + 1)
  switch (operation.kind) {
    case 'SnapshotCreate': {
      const snapshot = state.snapshots.get(subject)
      if (snapshot) markSnapshotDeleting(draft, snapshot)
      break
    }
    case 'SnapshotRestore': {
      const volume = state.volumes.get(subject)
      if (volume) {
        refuseInUse(state, subject)
        markDeleting(draft, volume)
      }
      break
    }
    case 'VolumeResize':
      revertResize(draft, subject)
      break
    case 'VolumeMove':
      cancelMove(draft, subject)
      break
    case 'Rebalance':
      cancelRebalance(draft, name)
  }
  endOperation(draft, operation, 'Cancelled', `cancelled by ${stamp.actor}`)
  return draft.decision({ name })
}

/** A size can be taken back only while no replica has grown past the old one. */
function revertResize(draft: Draft, name: string): void {
  const volume = found(draft.state.volumes.get(name), 'volume', name)
  const reached = Math.max(...volume.status.replicas.map((replica) => replica.sizeBytes))
  if (volume.status.actualSizeBytes === 0)
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `volume "${name}" is not made on every host yet, there is no size to go back to`,
    )
  if (reached > volume.status.actualSizeBytes)
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `volume "${name}" has a replica of ${formatSize(reached)} already, growing cannot be undone`,
    )
  const sizeBytes = volume.status.actualSizeBytes
  putVolume(draft, { ...volume, spec: { ...volume.spec, sizeBytes } })
  for (const replica of volume.status.replicas) draft.touchNode(replica.node)
}
