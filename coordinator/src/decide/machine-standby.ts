import { type Move, setCondition, type VirtualMachine } from '@keelson/shared/model'
import { isCovered, planStandbys, type StandbyChange, settleStandbys } from '../placement/index.ts'
import { policyId, type StateView } from '../state/index.ts'
import type { CommandOf } from './command.ts'
import { createDraft, type Decision, type Draft } from './draft.ts'
import { GUARANTEED, placeAgain, withPlace, withTruth } from './machine-place.ts'
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

/** Machines without a standby that an event names, at most. */
const MOST_NAMED = 10

/**
 * Gives machines the standbys that were found for them, as far as they still keep every rule, and
 * takes away what is of no use. Those for which there is no room are told, each once.
 */
export function decideAssignStandbys(
  state: StateView,
  { standbys, stamp }: CommandOf<'AssignStandbys'>,
): Decision {
  const draft = createDraft(state, stamp)
  const settled = settleStandbys(state, standbys)
  const without: string[] = []
  for (const { machine: name, standbyNode } of settled.standbys) {
    const before = state.virtualMachines.get(name)
    if (!before) continue
    const moved = { ...before, status: { ...before.status, standbyNode } }
    const broken = standbyNode === '' && isCovered(state, before)
    if (broken && !isBroken(before)) without.push(name)
    const told = broken ? withoutStandby(moved, stamp.now) : moved
    const after = withTruth(state, told, stamp.now)
    if (JSON.stringify(after) !== JSON.stringify(before)) draft.put('virtualMachine', name, after)
  }
  if (without.length > 0) {
    const named = without.slice(0, MOST_NAMED).join(', ')
    const more = without.length > MOST_NAMED ? ` and ${without.length - MOST_NAMED} more` : ''
    const have = without.length === 1 ? 'machine has' : 'machines have'
    const why = settled.shortages.join('; ')
    const message = `${without.length} ${have} no standby: ${named}${more}; ${why}`
    draft.event('Warning', 'GuaranteeBroken', `policy/${policyId('Cluster', '')}`, message)
  }
  return draft.decision({ name: '' })
}

/** Whether it was told already that a machine has no standby. */
function isBroken({ status }: VirtualMachine): boolean {
  return status.conditions.some(
    ({ status: truth, type }) => type === GUARANTEED && truth === 'False',
  )
}

function withoutStandby(machine: VirtualMachine, now: number): VirtualMachine {
  const broken = {
    ...{ type: GUARANTEED, status: 'False' as const, reason: 'NoStandby' },
    message: 'no host in another failure domain has room for it',
  }
  const conditions = setCondition(machine.status.conditions, broken, now)
  return { ...machine, status: { ...machine.status, conditions } }
}

/** What brings the standbys in order, without what was told already and cannot be helped. */
export function pendingStandbys(state: StateView): readonly StandbyChange[] {
  return planStandbys(state).filter(({ machine: name, standbyNode }) => {
    const machine = state.virtualMachines.get(name)!
    return standbyNode !== machine.status.standbyNode || !isBroken(machine)
  })
}
