/** Machines that exist, judged as if the rest of the cluster came first. */
import { KeelsonError } from '@keelson/shared/errors'
import type { VirtualMachine, VirtualMachineDemand } from '@keelson/shared/model'
import type { StateView } from '../state/index.ts'
import { canStandBy, createChooser } from './choose/index.ts'
import type { MachinePlacement, PlaceOptions, Subject } from './contract.ts'
import { type Fleet, MEMORY } from './fleet/index.ts'
import { chooseKeeping, createBreaches } from './keep-guarantees.ts'
import { placementOf } from './place.ts'
import { type CompiledMachine, compileMachine, machineRules } from './rules/index.ts'
import { demandOfMachine, fleetView } from './view/index.ts'

/**
 * Places a machine that has a place already: what it holds there, and its standby elsewhere, are
 * room for it. Raises what `compileMachine` raises.
 */
export function placeMachineAgain(
  state: StateView,
  subject: Subject,
  demand: VirtualMachineDemand,
  options: PlaceOptions,
): MachinePlacement {
  const view = fleetView(state)
  const machine = compileMachine(view, subject, demand, [])
  const fleet = view.fleet.clone()
  if (fleet.machines.has(subject.name)) fleet.removeMachine(subject.name)
  const found = chooseKeeping(view, fleet, createChooser(fleet, machine.policy.weights), machine)
  return placementOf({ view, fleet, machine, demand, ...found, others: [] }, options)
}

/**
 * Places a machine that has a place already on one host, with its standby wherever its rules let
 * it be: where it is, if that is one of those. Raises what `compileMachine` raises.
 */
export function placeMachineOn(
  state: StateView,
  subject: Subject,
  demand: VirtualMachineDemand,
  node: string,
  options: PlaceOptions,
): MachinePlacement {
  const view = fleetView(state)
  const machine = compileMachine(view, subject, demand, [])
  const fleet = view.fleet.clone()
  const before = fleet.machines.get(subject.name)
  if (before) fleet.removeMachine(subject.name)
  const on = fleet.hostRow(node)
  const hosts = machine.mask.open.map((open, row) => (row === on ? open : 0))
  const alone = { ...machine, request: { ...machine.request, hosts, standby: 'None' as const } }
  const seat = chooseKeeping(
    view,
    fleet,
    createChooser(fleet, machine.policy.weights),
    alone,
  ).choice
  const breaches = createBreaches(view, fleet, machine)
  const keeps = (standby: number) => seat !== null && breaches({ ...seat, standby }).length === 0
  const standby = seat
    ? standbyFor(fleet, machine, seat.host, before?.standby ?? -1, keeps)
    : undefined
  if (seat && standby !== undefined) {
    const choice = { ...seat, standby }
    return placementOf({ view, fleet, machine, demand, choice, others: [] }, options)
  }
  // The report of a refusal is that of a machine which may be nowhere else.
  const bound = { ...demand, rules: { ...demand.rules, nodes: [node] } }
  return placeMachineAgain(state, subject, bound, options)
}

/** A host that can keep room for a machine on `host`; -1 if none has to, undefined if none can. */
function standbyFor(
  fleet: Fleet,
  { mask, request }: CompiledMachine,
  host: number,
  before: number,
  keeps: (standby: number) => boolean,
): number | undefined {
  const { amounts, attached, standby } = request
  if (standby === 'None') return -1
  const domain = fleet.lossDomains[host]!
  const { capacity, standby: book, used } = fleet.columns[MEMORY]!
  const free = (row: number) => capacity[row]! - used[row]! - (book?.reserve[row] ?? 0)
  let best: number | undefined
  for (let row = 0; row < fleet.hostCount; row++) {
    if (mask.open[row] === 0 || fleet.lossDomains[row] === domain) continue
    if (standby === 'Replica' && !attached.every((rows) => rows.includes(row))) continue
    if (!canStandBy(fleet, amounts, row, domain) || !keeps(row)) continue
    if (row === before) return row
    if (best === undefined || free(row) > free(best)) best = row
  }
  return best
}

/**
 * Checks what the rules of a machine say of other things, wherever it goes. Raises
 * FAILED_PRECONDITION if others of its groups state differing rules.
 */
export function checkRules(state: StateView, subject: Subject, demand: VirtualMachineDemand): void {
  machineRules(fleetView(state), subject, demand)
}

/** Rules about what a host takes on, not about what it has: they keep nothing from staying. */
const ABOUT_NEWCOMERS: ReadonlySet<string> = new Set([
  'node-online',
  'node-schedulable',
  'taint',
  'capacity-known',
  'hypervisor',
])

/** Which of its rules a machine breaks where it is, in words; empty if it keeps all. */
export function brokenRules(state: StateView, machine: VirtualMachine): readonly string[] {
  const { meta, spec, status } = machine
  const view = fleetView(state)
  const host = view.fleet.hostRow(status.node)
  if (host < 0) return []
  try {
    const { moving, standing } = machineRules(view, meta, demandOfMachine(machine))
    const rules = [...standing, ...moving].filter(({ name }) => !ABOUT_NEWCOMERS.has(name))
    const broken = rules.flatMap(({ check }) => check(host) ?? [])
    return spec.volumeLocality === 'Required' ? [...broken, ...remoteDisks(state, machine)] : broken
  } catch (error) {
    if (error instanceof KeelsonError) return [error.message]
    throw error
  }
}

function remoteDisks(state: StateView, { status }: VirtualMachine): string[] {
  return status.disks.flatMap(({ volume }) => {
    const replicas = state.volumes.get(volume)?.status.replicas ?? []
    const here = replicas.some(
      ({ node, phase, role }) => node === status.node && role === 'Diskful' && phase !== 'Failed',
    )
    return here ? [] : `volume "${volume}" has no data on ${status.node}`
  })
}
