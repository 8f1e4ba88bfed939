/** Standbys for machines that have none: what turning a guarantee on begins with. */
import { canStandBy } from '../choose/index.ts'
import type { Fleet, PlacedMachine } from '../fleet/index.ts'
import { nearOf } from './loss.ts'
import { allows, type PlacedRules } from './rules.ts'
import { hostsWithData } from './survival.ts'

/** A machine and the host that is to keep room for it. */
export interface StandbyAssignment {
  readonly machine: string
  /** Host row. */
  readonly standby: number
}

/** What could be assigned and what not. */
export interface StandbyAssignments {
  readonly assigned: readonly StandbyAssignment[]
  /** Machines that a guarantee covers and no host can stand by for. */
  readonly impossible: readonly string[]
}

/**
 * Finds standbys for the covered machines of a fleet that have none, or one in their own failure
 * domain. The fleet keeps room in its columns with a book, for its own loss label; it is not
 * changed. A standby in another domain of a label also covers every label whose domains lie within
 * those, single hosts above all.
 */
export function assignStandbys(fleet: Fleet, rules: PlacedRules): StandbyAssignments {
  const trial = fleet.clone()
  const assigned: StandbyAssignment[] = []
  const impossible: string[] = []
  const lost = rules.gone ?? new Uint8Array(fleet.hostCount)
  for (const found of bySize(fleet, unprotected(fleet, rules))) {
    const machine = { ...found, standby: -1 }
    trial.putMachine(machine)
    const standby = bestStandby(trial, rules, machine, lost)
    if (standby < 0) impossible.push(machine.name)
    else {
      trial.putMachine({ ...machine, standby })
      assigned.push({ machine: machine.name, standby })
    }
  }
  return { assigned, impossible }
}

function unprotected({ lossDomains, machines }: Fleet, rules: PlacedRules): PlacedMachine[] {
  return [...machines.values()].filter(
    ({ host, name, pinned, standby }) =>
      !pinned &&
      rules.machine(name).standby !== 'None' &&
      (standby < 0 || lossDomains[standby] === lossDomains[host]),
  )
}

function bySize({ columns }: Fleet, machines: PlacedMachine[]): PlacedMachine[] {
  const scale = columns.map(({ capacity }) => capacity.reduce((a, b) => Math.max(a, b), 1))
  const size = ({ amounts }: PlacedMachine) =>
    amounts.reduce((most, { amount, column }) => Math.max(most, amount / scale[column]!), 0)
  const sizes = new Map(machines.map((machine) => [machine, size(machine)]))
  return machines.sort((a, b) => sizes.get(b)! - sizes.get(a)! || (a.name < b.name ? -1 : 1))
}

/** Hosts that could stand by among which the best is taken; more would hardly be better. */
const ENOUGH = 64

/**
 * The host whose reserve grows least, as a share of what it has; -1 if none can stand by. The
 * machine may have no standby in the fleet yet, and `lost` tells the hosts whose data is lost.
 */
export function bestStandby(
  fleet: Fleet,
  rules: PlacedRules,
  machine: PlacedMachine,
  lost: Uint8Array,
): number {
  const { hostCount, lossDomains } = fleet
  const { hosts: mask, standby } = rules.machine(machine.name)
  const domain = lossDomains[machine.host]!
  const find = standby === 'Replica' ? withAllData : nearOf
  const near = find(fleet, rules, machine, lost)
  const count = near ? near.length : hostCount
  let best = -1
  let least = Infinity
  let found = 0
  for (let turn = 0; turn < count && found < ENOUGH; turn++) {
    // Beginning after the machine's own host spreads the standbys.
    const host = near ? near[turn]! : (machine.host + 1 + turn) % hostCount
    if (lossDomains[host] === domain || lost[host] === 1 || !allows(mask, host)) continue
    if (!canStandBy(fleet, machine.amounts, host, domain)) continue
    found++
    const growth = growthOf(fleet, machine, host, domain)
    if (growth >= least) continue
    best = host
    least = growth
    if (growth === 0) break
  }
  return best
}

function withAllData(
  fleet: Fleet,
  rules: PlacedRules,
  { volumes }: PlacedMachine,
  lost: Uint8Array,
): number[] | undefined {
  const [first, ...others] = volumes
    .flatMap((name) => fleet.volumes.get(name) ?? [])
    .map((volume) => hostsWithData(fleet, volume, rules.votes(volume.name), lost))
  return first?.filter((host) => others.every((rows) => rows.includes(host)))
}

function growthOf(
  { columns }: Fleet,
  { amounts }: PlacedMachine,
  host: number,
  domain: number,
): number {
  let growth = 0
  for (const { amount, column } of amounts) {
    const { capacity, standby } = columns[column]!
    if (!standby) continue
    const more = standby.inbound(host, domain) + amount - standby.reserve[host]!
    if (more > 0) growth += more / Math.max(1, capacity[host]!)
  }
  return growth
}
