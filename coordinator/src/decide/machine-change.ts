import { KeelsonError } from '@keelson/shared/errors'
import {
  checkLabels,
  type PlacementReport,
  type VirtualMachine,
  type VirtualMachineDisk,
  type VirtualMachineSpec,
} from '@keelson/shared/model'
import {
  checkRules,
  demandOfMachine,
  type MachinePlacement,
  machineWarnings,
} from '../placement/index.ts'
import type { StateView } from '../state/index.ts'
import type { CommandOf } from './command.ts'
import { createDraft, type Decision, type Draft } from './draft.ts'
import { findMachine, findNode, found } from './lookup.ts'
import { NOWHERE } from './machine.ts'
import {
  machinePhase,
  placeAgain,
  refuseMachine,
  wantsPlace,
  withPlace,
  withTruth,
} from './machine-place.ts'
import {
  checkAttachable,
  completeDisks,
  diskStatuses,
  interfaceStatuses,
  volumeOf,
} from './machine-volumes.ts'
import { notPlaceable } from './volume.ts'
import { tellWarnings } from './warn.ts'

/**
 * Labels and spec. A machine that is stopped gives its room back, one that is started gets some
 * again, on its last host if it can be; one that has a place keeps it, and has to fit there.
 */
export function decideUpdateVirtualMachine(
  state: StateView,
  command: CommandOf<'UpdateVirtualMachine'>,
): Decision {
  const { name, stamp } = command
  const before = findMachine(state, name)
  refuseOutdated(before, command.expectedResourceVersion)
  const labels: Record<string, string> = { ...before.meta.labels, ...command.setLabels }
  for (const key of command.removeLabels) delete labels[key]
  checkLabels(labels)
  const spec = changedSpec(state, before, command)
  const draft = createDraft(state, stamp)
  const changed = !same(spec, before.spec)
  if (!changed && same(labels, before.meta.labels)) return draft.decision({ name })
  const generation = before.meta.generation + (changed ? 1 : 0)
  const machine: VirtualMachine = {
    meta: { ...before.meta, labels, generation },
    spec,
    status: {
      ...before.status,
      disks: diskStatuses(spec),
      interfaces: interfaceStatuses(spec),
    },
  }
  checkRules(state, machine.meta, demandOfMachine(machine))
  const placement = placementFor(state, before, machine, command.dryRun === true)
  if (placement?.node === '') throw notPlaceable(placement.report)
  const next = wantsPlace(spec)
    ? placement
      ? withPlace(state, machine, placement, stamp.now)
      : withTruth(state, machine, stamp.now)
    : withPlace(state, withLastNode(machine), NOWHERE, stamp.now)
  draft.put('virtualMachine', name, next)
  sayChange(draft, before, next)
  return draft.decision({ name, ...(placement && { report: tellCosts(draft, next, placement) }) })
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function refuseOutdated({ meta }: VirtualMachine, expected: number): void {
  if (expected === 0 || expected === meta.resourceVersion) return
  throw new KeelsonError(
    'ABORTED',
    `machine "${meta.name}" has changed: it is at ${meta.resourceVersion}, not ${expected}`,
    { details: ['read it again, and make the change anew'] },
  )
}

function changedSpec(
  state: StateView,
  before: VirtualMachine,
  { name, runPolicy, spec }: CommandOf<'UpdateVirtualMachine'>,
): VirtualMachineSpec {
  if (!spec) return { ...before.spec, ...(runPolicy && { runPolicy }) }
  for (const node of spec.rules.nodes) found(state.nodes.get(node), 'node', node)
  const completed = completeDisks(state, spec)
  const known = new Set(before.spec.disks.map(volumeOf))
  for (const disk of completed.disks) refuseMaking(before, disk)
  checkAttachable(
    state,
    name,
    completed.disks.filter((disk) => !disk.readOnly || !known.has(volumeOf(disk))),
  )
  return completed
}

/** Volumes are made with a machine, not later: then one exists, and is named. */
function refuseMaking({ spec }: VirtualMachine, disk: VirtualMachineDisk): void {
  if (disk.source.type === 'Volume') return
  const { keep: _, ...wanted } = disk.source.newVolume
  const made = spec.disks.some(({ source }) => {
    if (source.type === 'Volume') return false
    const { keep, ...there } = source.newVolume
    return same(there, wanted)
  })
  if (made) return
  throw new KeelsonError(
    'INVALID_ARGUMENT',
    `spec.disks: disk "${disk.name}" asks for another new volume than the machine was made with`,
    { details: ['create the volume first, then use it as an existing one'] },
  )
}

/** Where the changed machine goes; undefined if it stays as it is, or gives its place up. */
function placementFor(
  state: StateView,
  before: VirtualMachine,
  machine: VirtualMachine,
  explain: boolean,
): MachinePlacement | undefined {
  const { lastNode = '', node } = before.status
  if (!wantsPlace(machine.spec)) return undefined
  if (node !== '') {
    if (same(machine.spec.compute, before.spec.compute)) return undefined
    return placeAgain(state, machine, { nodes: [node] }, explain)
  }
  const { nodes } = machine.spec.rules
  if (state.nodes.has(lastNode) && (nodes.length === 0 || nodes.includes(lastNode))) {
    const back = placeAgain(state, machine, { nodes: [lastNode] }, explain)
    if (back.node !== '') return back
  }
  return placeAgain(state, machine, {}, explain)
}

function withLastNode(machine: VirtualMachine): VirtualMachine {
  const { node } = machine.status
  if (node === '') return machine
  return { ...machine, status: { ...machine.status, lastNode: node } }
}

function sayChange(draft: Draft, before: VirtualMachine, after: VirtualMachine): void {
  const subject = `vm/${after.meta.name}`
  const { node } = after.status
  if (before.status.node === '' && node !== '')
    return draft.event('Normal', 'VirtualMachinePlaced', subject, `placed on ${node}`)
  if (before.status.node !== '' && node === '')
    return draft.event('Normal', 'VirtualMachineHalted', subject, `${before.status.node} is free`)
  draft.event('Normal', 'VirtualMachineUpdated', subject, `generation ${after.meta.generation}`)
}

/** Moves a machine. Nobody runs it, so nothing but its record goes, and at once. */
export function decideMoveVirtualMachine(
  state: StateView,
  command: CommandOf<'MoveVirtualMachine'>,
): Decision {
  const { name, stamp, toNode } = command
  const { node } = findMachine(state, name).status
  if (toNode !== '') findNode(state, toNode)
  const draft = createDraft(state, stamp)
  if (node !== '' && node === toNode) return draft.decision({ name })
  return draft.decision({ name, report: moveMachine(draft, command) })
}

/** The same within a greater decision; a refusal comes before the first write. */
export function moveMachine(
  draft: Draft,
  { dryRun = false, name, stamp, toNode }: Omit<CommandOf<'MoveVirtualMachine'>, 'type'>,
): PlacementReport {
  const { state } = draft
  const machine = findMachine(state, name)
  const { node } = machine.status
  refuseToMove(machine, toNode)
  const limits = { excludedNodes: [node], ...(toNode !== '' && { nodes: [toNode] }) }
  const placement = placeAgain(state, machine, limits, dryRun)
  if (placement.node === '') throw notPlaceable(placement.report)
  draft.put('virtualMachine', name, withPlace(state, machine, placement, stamp.now))
  const message = `from ${node} to ${placement.node}`
  draft.event('Normal', 'VirtualMachineMoved', `vm/${name}`, message)
  return tellCosts(draft, machine, placement)
}

function tellCosts(
  draft: Draft,
  machine: VirtualMachine,
  placement: MachinePlacement,
): PlacementReport {
  const { meta } = machine
  const warnings = machineWarnings(draft.state, meta, demandOfMachine(machine), [], placement)
  return tellWarnings(draft, `vm/${meta.name}`, placement.report, warnings)
}

function refuseToMove({ meta, spec, status }: VirtualMachine, toNode: string): void {
  const refuse = (problem: string, ...details: string[]) =>
    refuseMachine(meta.name, problem, ...details)
  if (status.node === '') refuse('has no place to move from: it does not run')
  if (status.phase === 'Unknown')
    refuse(`is on ${status.node}, which is offline: it may still run there`)
  if (spec.rules.pinned) refuse('is pinned: it stays where it is')
  if (spec.evictionPolicy === 'Block') refuse('stays where it is: its eviction policy is Block')
  const { nodes } = spec.rules
  if (toNode !== '' && nodes.length > 0 && !nodes.includes(toNode))
    refuse(`may live on ${nodes.join(', ')} only, not on ${toNode}`)
}

/** Gives machines the phases and conditions that their hosts and rules give them now. */
export function decideRefreshVirtualMachines(
  state: StateView,
  command: CommandOf<'RefreshVirtualMachines'>,
): Decision {
  const draft = createDraft(state, command.stamp)
  for (const name of command.machines) {
    const machine = state.virtualMachines.get(name)
    if (!machine) continue
    const next = withTruth(state, machine, command.stamp.now)
    if (!same(next, machine)) draft.put('virtualMachine', name, next)
  }
  return draft.decision({ name: '' })
}

/** Whether a machine has another phase than its host gives it; quick, unlike judging its rules. */
export function hasStalePhase(state: StateView, name: string): boolean {
  const machine = state.virtualMachines.get(name)
  return machine !== undefined && machine.status.phase !== machinePhase(state, machine)
}
