import type { Move } from '@keelson/shared/model'
import type { Draft } from './draft.ts'
import { placeAgain, withPlace } from './machine-place.ts'
import { nameOf } from './next-moves.ts'

/** Machines whose standby follows one replica, at most: all are in one transaction. */
const MACHINES_OF_A_VOLUME = 4

/**
 * After a replica has moved: machines whose standby was beside it get one beside the data again,
 * on the host they are on. One that finds none keeps its record as it is.
 */
export function moveStandbys(draft: Draft, { fromNode, ...move }: Move): void {
  const { stamp, state } = draft
  const names = [...state.hosts.machinesOf(nameOf(move))].sort().slice(0, MACHINES_OF_A_VOLUME)
  for (const name of names) {
    const machine = draft.get('virtualMachine', name)
    if (machine?.status.standbyNode !== fromNode) continue
    const placement = placeAgain(state, machine, { nodes: [machine.status.node] }, false)
    if (placement.node === '' || placement.standbyNode === fromNode) continue
    draft.put('virtualMachine', name, withPlace(state, machine, placement, stamp.now))
  }
}
