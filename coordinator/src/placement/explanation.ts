/** Explanations: of what exists, judged where it is, and of what is only supposed. */
import { KeelsonError } from '@keelson/shared/errors'
import type {
  PlacementReport,
  VirtualMachine,
  VirtualMachineDemand,
  Volume,
  VolumeDemand,
} from '@keelson/shared/model'
import { poolId, type StateView } from '../state/index.ts'
import {
  judgeMachine,
  judgeVolume,
  machineReport,
  volumeReport,
  type WhyNot,
  whyNot,
} from './explain/index.ts'
import type { Choice, Fleet } from './fleet/index.ts'
import { chooseKeeping } from './keep-guarantees.ts'
import { compileMachine, compileVolume } from './rules/index.ts'
import { createTieBreakers } from './tie-breaker.ts'
import { demandOfMachine, demandOfVolume, type FleetView, fleetView } from './view/index.ts'

/** How much is explained. */
export interface ExplainOptions {
  /** Host to explain in detail; empty for none. */
  readonly whyNotNode: string
  /** The verdict of every candidate, not only of those that came furthest. */
  readonly full: boolean
}

/** An explanation. */
export interface Explanation {
  readonly report: PlacementReport
  /** About the host asked for; absent if none was. */
  readonly whyNot?: WhyNot
}

/** A volume that exists, or what one would demand. */
export type VolumeSubject = { readonly volume: Volume } | { readonly demand: VolumeDemand }
/** A machine that exists, or what one would demand. */
export type MachineSubject =
  | { readonly machine: VirtualMachine }
  | { readonly demand: VirtualMachineDemand }

/** Name of what does not exist. */
const SUPPOSED = { name: 'supposed', uid: 'supposed' }

/**
 * Why a volume is where it is, judged as if the rest of the cluster had come first, or where one
 * would go. NOT_FOUND if the host to explain does not exist.
 */
export function explainVolume(
  state: StateView,
  subject: VolumeSubject,
  { full, whyNotNode }: ExplainOptions,
): Explanation {
  const view = fleetView(state)
  const also = rowsOf(view, whyNotNode, (host) => view.fleet.poolsOf(host))
  const existing = 'volume' in subject ? subject.volume : undefined
  const meta = existing?.meta ?? SUPPOSED
  const demand = 'volume' in subject ? demandOfVolume(subject.volume) : subject.demand
  const { fleet } = view
  return withoutVolume(fleet, existing?.meta.name, () => {
    const volume = compileVolume(view, meta, demand)
    const best =
      volume.contradictions.length > 0
        ? null
        : view.chooser(volume.policy.weights).chooseVolume(volume.request, volume.seed)
    const rows = existing ? poolRowsOf(view, existing) : []
    const placed = rows.length > 0 ? rows : (best ?? [])
    const better = (best ?? []).filter((row) => !placed.includes(row))
    const names = better.map((row) => poolName(fleet, row))
    const witness = existing
      ? standingTieBreaker(existing)
      : createTieBreakers(view).choose(demand, volume.seed, hostsOf(fleet, placed)).remark
    const anew = existing && remarkOf(best !== null, names, rows.length > 0)
    const remark = [placed.length > 0 ? witness : '', anew ?? ''].filter(Boolean).join('; ')
    const options = { explain: true, full }
    const report = volumeReport(view, fleet, volume, placed, options, { also, remark })
    if (whyNotNode === '') return { report }
    return { report, whyNot: whyNot(judgeVolume(fleet, volume), report, whyNotNode, also) }
  })
}

/** The same for a machine; the parts of its report are its new volumes. */
export function explainMachine(
  state: StateView,
  subject: MachineSubject,
  { full, whyNotNode }: ExplainOptions,
): Explanation {
  const view = fleetView(state)
  const also = rowsOf(view, whyNotNode, (host) => [host])
  const existing = 'machine' in subject ? subject.machine : undefined
  const meta = existing?.meta ?? SUPPOSED
  const demand = 'machine' in subject ? demandOfMachine(subject.machine) : subject.demand
  const { fleet } = view
  return withoutMachine(fleet, existing?.meta.name, () => {
    const names = demand.newVolumes.map((_, index) => `${meta.name}-${index}`)
    const machine = compileMachine(view, meta, demand, names)
    const chooser = view.chooser(machine.policy.weights)
    const { choice: best } = chooseKeeping(view, fleet, chooser, machine)
    const host = fleet.hostRow(existing?.status.node ?? '')
    const placed: Choice | null = host < 0 ? best : { host, standby: -1, pools: [], cost: 0 }
    const better = best && best.host !== host ? [fleet.hosts[best.host]!.name] : []
    const remark =
      existing && (host < 0 ? 'it has no place yet' : remarkOf(best !== null, better, true))
    const options = { explain: true, full }
    const extra = { also, remark }
    const report = machineReport(view, fleet, machine, demand.compute, placed, options, extra)
    if (whyNotNode === '') return { report }
    return { report, whyNot: whyNot(judgeMachine(fleet, machine), report, whyNotNode, also) }
  })
}

/** What would be different if it were placed today. */
function remarkOf(fits: boolean, better: readonly string[], placed: boolean): string | undefined {
  if (!placed) return undefined
  if (!fits) return 'placed anew it would find no place'
  return better.length > 0 ? `placed anew it would go to ${better.join(', ')}` : undefined
}

function rowsOf(
  view: FleetView,
  node: string,
  rows: (host: number) => readonly number[],
): readonly number[] {
  if (node === '') return []
  const host = view.fleet.hostRow(node)
  if (host < 0) throw new KeelsonError('NOT_FOUND', `node "${node}" does not exist`)
  return rows(host)
}

/** What an explanation says of the tie-breaker a volume has. */
function standingTieBreaker({ status }: Volume): string {
  const witness = status.replicas.find(({ role }) => role === 'TieBreaker')
  return witness ? `tie-breaker on ${witness.node}` : ''
}

function hostsOf({ poolHost }: Fleet, rows: readonly number[]): number[] {
  return rows.map((row) => poolHost[row]!)
}

function poolRowsOf(view: FleetView, { status }: Volume): number[] {
  return status.replicas.flatMap(({ node, pool, role }) => {
    const row = view.poolRow(poolId(node, pool))
    return role === 'Diskful' && row >= 0 ? [row] : []
  })
}

function poolName({ hosts, pools }: Fleet, row: number): string {
  const { host, name } = pools[row]!
  return `${hosts[host]!.name}/${name}`
}

/** Runs something on the fleet without a machine, which is put back whatever happens. */
function withoutMachine<T>(fleet: Fleet, name: string | undefined, run: () => T): T {
  const placed = name === undefined ? undefined : fleet.machines.get(name)
  if (!placed) return run()
  fleet.removeMachine(placed.name)
  try {
    return run()
  } finally {
    fleet.putMachine(placed)
  }
}

function withoutVolume<T>(fleet: Fleet, name: string | undefined, run: () => T): T {
  const placed = name === undefined ? undefined : fleet.volumes.get(name)
  if (!placed) return run()
  fleet.removeVolume(placed.name)
  try {
    return run()
  } finally {
    fleet.putVolume(placed)
  }
}
