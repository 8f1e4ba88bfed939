/** Standbys of machines that have a place: which are missing, wrong, or kept for nobody. */
import type { VirtualMachine } from '@keelson/shared/model'
import type { StateView } from '../state/index.ts'
import { canStandBy } from './choose/index.ts'
import type { Fleet, PlacedMachine } from './fleet/index.ts'
import {
  assignStandbys,
  bestStandby,
  createDomains,
  domainName,
  judgeLoss,
  lossOf,
  mayStandBy,
  needText,
  type PlacedRules,
} from './guarantee/index.ts'
import { crossingLabels } from './keep-guarantees.ts'
import { guaranteedLabels } from './policy/index.ts'
import { standbyMode } from './rules/index.ts'
import { demandOfMachine, type FleetView, fleetView } from './view/index.ts'
import { placedRules } from './whatif/index.ts'

/** A machine and the host that is to keep room for it; empty for none. */
export interface StandbyChange {
  readonly machine: string
  readonly standbyNode: string
}

/** Whether an enforced guarantee covers a machine where it is. */
export function isCovered(state: StateView, machine: VirtualMachine): boolean {
  if (machine.status.node === '') return false
  return standbyMode(fleetView(state), demandOfMachine(machine), []) !== 'None'
}

/**
 * What brings the standbys in order: those no guarantee asks for go, machines without one get one,
 * and useless ones are exchanged or, if there is no better, taken away. Empty if nothing is left to
 * be done; then a machine that is covered and has none is one for which there is no room.
 */
export function planStandbys(state: StateView): readonly StandbyChange[] {
  const view = fleetView(state)
  const { columns, machines } = view.fleet
  const kept = columns.some(({ standby }) => standby)
  if (!kept && [...machines.values()].every(({ standby }) => standby < 0)) return []
  const rules = enforcedRules(view)
  const fleet = view.fleet.clone()
  const changes: StandbyChange[] = []
  for (const machine of [...fleet.machines.values()]) {
    if (machine.standby < 0 || rules.machine(machine.name).standby !== 'None') continue
    changes.push({ machine: machine.name, standbyNode: '' })
    fleet.putMachine({ ...machine, standby: -1 })
  }
  const { assigned, impossible } = assignStandbys(fleet, rules)
  for (const { machine, standby } of assigned)
    changes.push({ machine, standbyNode: fleet.hosts[standby]!.name })
  for (const machine of impossible) changes.push({ machine, standbyNode: '' })
  return changes
}

/** Standbys as they can be now. */
export interface SettledStandbys {
  readonly standbys: readonly StandbyChange[]
  /** What covered machines without one lack, a sentence for each of their failure domains. */
  readonly shortages: readonly string[]
}

/**
 * Changes as they still keep every rule, all at once: a host that has become useless is replaced by
 * the best there is. Machines that are not placed any more are left out.
 */
export function settleStandbys(
  state: StateView,
  changes: readonly StandbyChange[],
): SettledStandbys {
  const view = fleetView(state)
  const rules = enforcedRules(view)
  const fleet = view.fleet.clone()
  const placed = changes.filter(({ machine }) => fleet.machines.has(machine))
  for (const { machine } of placed)
    fleet.putMachine({ ...fleet.machines.get(machine)!, standby: -1 })
  const without: PlacedMachine[] = []
  const standbys = placed.map(({ machine: name, standbyNode }): StandbyChange => {
    const machine = fleet.machines.get(name)!
    if (rules.machine(name).standby === 'None') return { machine: name, standbyNode: '' }
    const standby = settled(fleet, rules, machine, fleet.hostRow(standbyNode))
    if (standby < 0) without.push(machine)
    else fleet.putMachine({ ...machine, standby })
    return { machine: name, standbyNode: standby < 0 ? '' : fleet.hosts[standby]!.name }
  })
  return { standbys, shortages: shortagesOf(fleet, rules, without) }
}

/**
 * Rules under which only what an enforced guarantee covers is promised anything, and a standby is
 * in another domain of every label that is enforced for its machine. With a label only the machines
 * that the guarantee about that label covers.
 */
export function enforcedRules(view: FleetView, only?: string): PlacedRules {
  const { fleet, state } = view
  const rules = placedRules(view)
  const crossing = crossingLabels(view, fleet)
  return {
    ...rules,
    machine(name) {
      const own = rules.machine(name)
      const record = state.virtualMachines.get(name)
      if (!record || !isCovered(state, record)) return { ...own, standby: 'None' }
      const { tenant = '' } = record.meta
      const labels = guaranteedLabels(view.policy({ tenant }), 'Enforce')
      if (only !== undefined && !labels.includes(only)) return { ...own, standby: 'None' }
      const apart = crossing.filter((label) => labels.includes(label))
      if (apart.length === 0) return own
      const from = fleet.hostRow(record.status.node)
      return { ...own, hosts: outside(fleet, own.hosts, apart, from) }
    },
  }
}

/** The hosts of a mask that are in another domain of each label than one of them. */
function outside(
  fleet: Fleet,
  mask: Uint8Array | undefined,
  labels: readonly string[],
  from: number,
): Uint8Array {
  const domains = labels.map((label) => fleet.domainsOf(label))
  const hosts = mask?.slice() ?? new Uint8Array(fleet.hostCount).fill(1)
  for (let row = 0; row < fleet.hostCount; row++)
    if (domains.some((of) => of[row] === of[from])) hosts[row] = 0
  return hosts
}

function settled(fleet: Fleet, rules: PlacedRules, machine: PlacedMachine, wanted: number): number {
  const { amounts, host } = machine
  const domain = fleet.lossDomains[host]!
  const fits =
    wanted >= 0 &&
    mayStandBy(fleet, rules, machine, wanted) &&
    canStandBy(fleet, amounts, wanted, domain)
  return fits ? wanted : bestStandby(fleet, rules, machine, rules.gone!)
}

/** Domains that are told of, at most. */
const MOST_TOLD = 3

function shortagesOf(
  fleet: Fleet,
  rules: PlacedRules,
  without: readonly PlacedMachine[],
): string[] {
  if (without.length === 0) return []
  const { lossLabel } = fleet
  const domains = createDomains(fleet, rules, lossLabel)
  const lost = [...new Set(without.map(({ host }) => domains.of[host]!))]
  return lost.slice(0, MOST_TOLD).map((index) => {
    const domain = domains.list[index]!
    const { holds, summary } = judgeLoss(fleet, rules, lossOf(domains, [domain]))
    if (!holds) return summary
    const one = without.find(({ host }) => domains.of[host] === index)!
    const outside = `outside ${domainName(lossLabel, domain.value)}`
    return `no host ${outside} keeps ${needText(fleet, one)} for vm/${one.name}`
  })
}
