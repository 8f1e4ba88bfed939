/** Standbys for machines that have none: what turning a guarantee on begins with. */
import { canStandBy } from '../choose/index.ts'
import type { Fleet, PlacedMachine } from '../fleet/index.ts'
import { judgeLoss, nearOf } from './loss.ts'
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
  /** Machines that get another standby than they have. */
  readonly assigned: readonly StandbyAssignment[]
  /** Machines that a guarantee covers and no host can stand by for. */
  readonly impossible: readonly string[]
}

/** Domains in which standbys are found anew, at most: each takes a search. */
const MOST_REARRANGED = 16

/**
 * Finds standbys for the covered machines of a fleet that have none, or one that is of no use. The
 * fleet keeps room in its columns with a book, for its own loss label; it is not changed. A standby
 * in another domain of a label also covers every label whose domains lie within those, single hosts
 * above all. Only one domain is lost at a time, so the standbys of one leave those of others their
 * room: where some find none, those of their domain are found anew, all together.
 */
export function assignStandbys(fleet: Fleet, rules: PlacedRules): StandbyAssignments {
  const trial = fleet.clone()
  const lost = rules.gone ?? new Uint8Array(fleet.hostCount)
  const useless = uselessStandbys(trial, rules)
  for (const machine of useless) trial.putMachine({ ...machine, standby: -1 })
  for (const { name } of bySize(fleet, useless)) {
    const machine = trial.machines.get(name)!
    const standby = bestStandby(trial, rules, machine, lost)
    if (standby >= 0) trial.putMachine({ ...machine, standby })
  }
  const left = (all: Fleet) =>
    [...all.machines.values()].filter(
      ({ standby, ...machine }) => standby < 0 && covers(rules, machine),
    )
  const domains = new Set(left(trial).map(({ host }) => fleet.lossDomains[host]!))
  for (const domain of [...domains].slice(0, MOST_REARRANGED)) rearrange(trial, rules, domain)
  const assigned = [...trial.machines.values()].flatMap(({ name, standby }) =>
    standby >= 0 && standby !== fleet.machines.get(name)!.standby ? { machine: name, standby } : [],
  )
  return { assigned, impossible: left(trial).map(({ name }) => name) }
}

/** Whether a guarantee covers a machine: one that stays where it is starts nowhere else. */
export function covers(
  rules: PlacedRules,
  { name, pinned }: Pick<PlacedMachine, 'name' | 'pinned'>,
) {
  return !pinned && rules.machine(name).standby !== 'None'
}

/**
 * The covered machines whose standby would not do: there is none, it is lost with the machine, it
 * is away, may not be used, lacks the data, or has less room than it keeps.
 */
export function uselessStandbys(fleet: Fleet, rules: PlacedRules): PlacedMachine[] {
  const short = new Map<string, boolean>()
  return [...fleet.machines.values()].filter((machine) => {
    if (!covers(rules, machine)) return false
    const { host, standby } = machine
    if (standby < 0 || !mayStandBy(fleet, rules, machine, standby)) return true
    const domain = fleet.lossDomains[host]!
    const key = `${standby}/${domain}`
    const lacks = short.get(key) ?? isShort(fleet, standby, domain)
    short.set(key, lacks)
    return lacks
  })
}

/** Whether a host lacks the room for what the loss of a domain brings. */
function isShort({ columns }: Fleet, host: number, domain: number): boolean {
  return columns.some(
    ({ capacity, standby: book, used }) =>
      book !== undefined &&
      book.inbound(host, domain) > 0 &&
      used[host]! + book.inbound(host, domain) > capacity[host]!,
  )
}

/** Whether a host may stand by for a machine, its room aside. Data that is on its way counts. */
export function mayStandBy(
  { lossDomains, poolHost, volumes }: Fleet,
  rules: PlacedRules,
  machine: PlacedMachine,
  standby: number,
): boolean {
  const { hosts, standby: mode } = rules.machine(machine.name)
  if (lossDomains[standby] === lossDomains[machine.host]) return false
  if (rules.gone?.[standby] === 1 || !allows(hosts, standby)) return false
  if (mode !== 'Replica') return true
  return machine.volumes.every((name) => {
    const pools = volumes.get(name)?.pools
    return pools === undefined || pools.some((pool) => poolHost[pool] === standby)
  })
}

/** Finds the standbys of a domain anew if that leaves fewer machines without. */
function rearrange(trial: Fleet, rules: PlacedRules, domain: number): void {
  const { lossDomains } = trial
  const hosts = [...lossDomains.keys()].filter((host) => lossDomains[host] === domain)
  const machines = [...trial.machines.values()].filter(
    (machine) => lossDomains[machine.host] === domain && covers(rules, machine),
  )
  const { restarts } = judgeLoss(trial, rules, { name: '', hosts, machines, volumes: [] })
  const before = machines.filter(({ name, standby }) => standby >= 0 && restarts.has(name)).length
  if (restarts.size <= before) return
  const moved = machines.filter(({ name }) => restarts.has(name))
  for (const machine of moved) trial.putMachine({ ...machine, standby: -1 })
  for (const { amounts, ...machine } of moved) {
    const standby = restarts.get(machine.name)!
    if (canStandBy(trial, amounts, standby, domain))
      trial.putMachine({ ...machine, amounts, standby })
  }
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
