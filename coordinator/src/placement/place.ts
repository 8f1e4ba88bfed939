/** Volumes and machines go somewhere: the records in, places and a report out. */
import { KeelsonError } from '@keelson/shared/errors'
import type {
  HostReservation,
  PlacementReport,
  VirtualMachineDemand,
  VolumeDemand,
} from '@keelson/shared/model'
import type { StateView } from '../state/index.ts'
import { placeBatch } from './batch/index.ts'
import { applyChoice, type Chooser, createChooser } from './choose/index.ts'
import type { MachinePlacement, Place, PlaceOptions, Subject, VolumePlacement } from './contract.ts'
import { machineReport, volumeReport } from './explain/index.ts'
import type { Choice, Fleet } from './fleet/index.ts'
import type { KeepingChoice } from './keep-guarantees.ts'
import { chooseParts } from './keep-parts.ts'
import {
  type CompiledMachine,
  type CompiledVolume,
  compileMachine,
  compileVolume,
  fitNuma,
  type PlacedThing,
} from './rules/index.ts'
import { createTieBreakers } from './tie-breaker.ts'
import { type FleetView, fleetView, reservationFor } from './view/index.ts'

/** A machine to be placed. */
export interface MachineWanted {
  readonly subject: Subject
  readonly demand: VirtualMachineDemand
  /** Names of the volumes to be made with it, in the order of the demand. */
  readonly newVolumes: readonly string[]
}

/** Places a volume. Raises what `compileVolume` raises; want of room is no error but a refusal. */
export function placeVolume(
  state: StateView,
  subject: Subject,
  demand: VolumeDemand,
  options: PlaceOptions,
): VolumePlacement {
  const view = fleetView(state)
  const volume = compileVolume(view, subject, demand, { replicated: options.replicated })
  const chooser = view.chooser(volume.policy.weights)
  const { fleet } = view
  const rows = possible(volume) ? chooser.chooseVolume(volume.request, volume.seed) : null
  if (!rows) {
    const report = volumeReport(view, fleet, volume, [], options)
    return { places: [], tieBreaker: '', report }
  }
  const hosts = rows.map((row) => fleet.poolHost[row]!)
  const { node, remark } = createTieBreakers(view).choose(demand, volume.seed, hosts)
  return {
    places: rows.map((row) => placeOf(fleet, row)),
    tieBreaker: node,
    report: volumeReport(view, fleet, volume, rows, options, { remark }),
  }
}

/** Places a machine with its new volumes, all or nothing. Raises what `compileMachine` raises. */
export function placeMachine(
  state: StateView,
  subject: Subject,
  demand: VirtualMachineDemand,
  newVolumes: readonly string[],
  options: PlaceOptions,
): MachinePlacement {
  const view = fleetView(state)
  const machine = compileMachine(view, subject, demand, newVolumes)
  const chooser = view.chooser(machine.policy.weights)
  const found = chooseParts(view, view.fleet, chooser, machine, (choice) =>
    thingsOf(view, subject, demand, machine, choice, undefined),
  )
  return placementOf({ view, fleet: view.fleet, machine, demand, ...found, others: [] }, options)
}

const BRIEF: PlaceOptions = { explain: false }

/**
 * Places machines as one problem, each with its volumes all or nothing: one that is impossible
 * takes nothing from the others. Machines that rules tie to others, or that lie on NUMA nodes, come
 * after all others in the order given, each seeing those before it. A rule that cannot be read
 * refuses the machine that states it.
 */
export function placeMachines(
  state: StateView,
  wanted: readonly MachineWanted[],
): readonly MachinePlacement[] {
  const view = fleetView(state)
  const fleet = view.fleet.clone()
  const placements: (MachinePlacement | undefined)[] = wanted.map(() => undefined)
  const others: PlacedThing[] = []
  const compile = ({ demand, newVolumes, subject }: MachineWanted) =>
    compileMachine(view, subject, demand, newVolumes, { others })
  const finish = (index: number, machine: CompiledMachine, kept: KeepingChoice) => {
    const { demand, subject } = wanted[index]!
    const { choice } = kept
    const found = placementOf({ view, fleet, machine, demand, ...kept, others }, BRIEF)
    placements[index] = found
    if (!choice) return
    applyChoice(fleet, machine.request, choice)
    others.push(...thingsOf(view, subject, demand, machine, choice, found.reserved))
  }
  const attempt = (index: number, work: () => void) => {
    try {
      work()
    } catch (error) {
      if (!(error instanceof KeelsonError)) throw error
      placements[index] = refusal(view, wanted[index]!.subject, error.message)
    }
  }

  const free: { readonly index: number; readonly machine: CompiledMachine }[] = []
  for (const [index, one] of wanted.entries())
    if (!isTied(one.demand)) attempt(index, () => free.push({ index, machine: compile(one) }))
  const { choices, order } = placeFree(fleet, free)
  for (const at of order) finish(free[at]!.index, free[at]!.machine, { choice: choices[at]! })
  for (const [at, { index, machine }] of free.entries())
    if (!choices[at]) finish(index, machine, { choice: null })

  const choosers = new Map<string, Chooser>()
  for (const [index, one] of wanted.entries())
    if (isTied(one.demand))
      attempt(index, () => {
        const machine = compile(one)
        const { weights } = machine.policy
        const key = JSON.stringify(weights)
        const chooser = choosers.get(key) ?? createChooser(fleet, weights)
        choosers.set(key, chooser)
        const partsOf = (choice: Choice) =>
          thingsOf(view, one.subject, one.demand, machine, choice, undefined)
        finish(index, machine, chooseParts(view, fleet, chooser, machine, partsOf))
      })
  return placements.map((placement) => placement!)
}

/** Machines that no rule ties to others of the batch, placed together. */
function placeFree(fleet: Fleet, free: readonly { readonly machine: CompiledMachine }[]) {
  if (free.length === 0) return { choices: [], order: [] }
  const first = free[0]!.machine
  const possibly = free.flatMap(({ machine }, at) => (possible(machine) ? [at] : []))
  const batch = placeBatch(
    fleet,
    possibly.map((at) => free[at]!.machine.request),
    { seed: first.request.seed, weights: first.policy.weights },
  )
  const choices: (Choice | null)[] = free.map(() => null)
  for (const [index, at] of possibly.entries()) choices[at] = batch.choices[index]!
  return { choices, order: batch.order.map((index) => possibly[index]!) }
}

/** Whether where it goes depends on where others of a batch go, beside their numbers. */
function isTied({ compute, newVolumes, rules }: VirtualMachineDemand): boolean {
  const ties = [rules, ...newVolumes.map((volume) => volume.rules)]
  return (
    compute.numaPolicy !== 'Any' ||
    ties.some(({ affinities, groups }) => affinities.length + groups.length > 0)
  )
}

function possible({ contradictions }: CompiledVolume | CompiledMachine): boolean {
  return contradictions.length === 0
}

function placeOf({ hosts, pools }: Fleet, row: number): Place {
  const { host, name } = pools[row]!
  return { node: hosts[host]!.name, pool: name }
}

/** A decision about one machine. */
export interface Decided extends KeepingChoice {
  readonly view: FleetView
  readonly fleet: Fleet
  readonly machine: CompiledMachine
  readonly demand: VirtualMachineDemand
  readonly others: readonly PlacedThing[]
}

const NOWHERE = {
  node: '',
  standbyNode: '',
  reserved: undefined,
  volumes: [],
  tieBreakers: [],
} as const

/** What to tell of it. */
export function placementOf(decided: Decided, options: PlaceOptions): MachinePlacement {
  const { choice, demand, fleet, machine, refusal, view } = decided
  const { compute } = demand
  if (!choice)
    return {
      ...NOWHERE,
      report: machineReport(view, fleet, machine, compute, null, options, { remark: refusal }),
    }
  const tieBreakers = createTieBreakers(view)
  const { newVolumes } = options.asked ?? demand
  const witnesses = choice.pools.map((rows, index) => {
    const hosts = rows.map((row) => fleet.poolHost[row]!)
    return tieBreakers.choose(newVolumes[index]!, machine.request.seed, hosts)
  })
  const ofVolumes = witnesses.map(({ remark }) => remark)
  return {
    node: fleet.hosts[choice.host]!.name,
    standbyNode: choice.standby < 0 ? '' : fleet.hosts[choice.standby]!.name,
    reserved: reservationOf(decided, choice.host),
    volumes: choice.pools.map((rows) => rows.map((row) => placeOf(fleet, row))),
    tieBreakers: witnesses.map(({ node }) => node),
    report: machineReport(view, fleet, machine, compute, choice, options, { ofVolumes }),
  }
}

function reservationOf({ demand, machine, others, view }: Decided, host: number): HostReservation {
  const { compute } = demand
  const { cpuOvercommitPercent } = machine.policy
  if (compute.numaPolicy === 'Any') return reservationFor(compute, cpuOvercommitPercent)
  const { name } = machine.request
  const fit = fitNuma(view, host, compute, cpuOvercommitPercent, name, others)
  return reservationFor(compute, cpuOvercommitPercent, 'cells' in fit ? fit.cells : [])
}

/** The machine and its new volumes as neighbours of those that come after. */
function thingsOf(
  { fleet }: FleetView,
  { labels = {}, name }: Subject,
  { newVolumes, rules, tenant }: VirtualMachineDemand,
  { request }: CompiledMachine,
  { host, pools }: Choice,
  reserved: HostReservation | undefined,
): PlacedThing[] {
  return [
    {
      kind: 'VirtualMachine',
      name,
      tenant,
      labels,
      rules,
      hosts: [host],
      ...(reserved && { reserved }),
    },
    ...newVolumes.map((volume, index) => ({
      kind: 'Volume' as const,
      name: request.volumes[index]!.name,
      tenant: volume.tenant,
      labels: {},
      rules: volume.rules,
      hosts: pools[index]!.map((row) => fleet.poolHost[row]!),
    })),
  ]
}

function refusal({ state }: FleetView, { name }: Subject, summary: string): MachinePlacement {
  const report: PlacementReport = {
    subject: `vm/${name}`,
    placeable: false,
    summary,
    replicasRequested: 0,
    nodes: [],
    funnel: [],
    closestMiss: '',
    suggestedFix: '',
    resourceVersion: state.revision,
  }
  return { ...NOWHERE, report }
}
