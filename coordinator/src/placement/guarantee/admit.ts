/** Whether putting a machine somewhere would break a guarantee. */
import type { Choice, Fleet, MachineRequest } from '../fleet/index.ts'
import { amountOf, domainName } from './words.ts'

/** What speaks against a choice. */
export interface Breach {
  /** Label of the guarantee that would no longer hold; empty for single hosts. */
  readonly label: string
  /** Why, with numbers. */
  readonly reason: string
}

/**
 * What a choice for a covered machine would break, under guarantees about the loss of one domain of
 * each of these labels; empty if nothing. The choice must not be in the fleet yet. A chooser that
 * was asked for a standby never breaks the fleet's own label, nor single hosts; other labels cut
 * across it and are counted here. It breaks nothing that is broken already, either: only the
 * choice's own hosts are looked at.
 */
export function wouldBreak(
  fleet: Fleet,
  request: Pick<MachineRequest, 'name' | 'amounts' | 'volumes'>,
  choice: Pick<Choice, 'host' | 'standby' | 'pools'>,
  labels: readonly string[],
): Breach[] {
  return labels.flatMap((label) => {
    const machine = machineBreach(fleet, request, choice, label)
    const volumes = request.volumes.flatMap(
      ({ name }, index) =>
        volumeBreach(fleet, name, hostsOf(fleet, choice.pools[index]), label) ?? [],
    )
    return [...(machine ? [machine] : []), ...volumes].map((reason) => ({ label, reason }))
  })
}

function machineBreach(
  fleet: Fleet,
  request: Pick<MachineRequest, 'amounts'>,
  { host, standby }: Pick<Choice, 'host' | 'standby'>,
  label: string,
): string | null {
  const lost = nameOf(fleet, label, host)
  if (standby < 0) return `no host keeps room for it should ${lost} be lost`
  const domains = fleet.domainsOf(label)
  if (domains[host] === domains[standby])
    return `${fleet.hosts[standby]!.name}, which keeps room for it, is lost together with ${lost}`
  const added = { amounts: request.amounts, host, standby }
  return overfull(fleet, added, host, label) ?? overfull(fleet, added, standby, label)
}

function hostsOf({ poolHost }: Fleet, pools: readonly number[] = []): number[] {
  return pools.map((pool) => poolHost[pool]!)
}

function nameOf({ hosts }: Fleet, label: string, row: number): string {
  const { labels, name } = hosts[row]!
  return domainName(label, label === '' ? name : (labels[label] ?? ''))
}

/** How a machine that nothing is promised to takes room kept for others; null if it does not. */
export function takesKeptRoom(
  fleet: Fleet,
  { amounts }: Pick<MachineRequest, 'amounts'>,
  { host }: Pick<Choice, 'host'>,
  label: string,
): string | null {
  return overfull(fleet, { amounts, host, standby: -1 }, host, label)
}

/** What the loss of some domain brings a host and it has no room for, a machine being added. */
function overfull(
  fleet: Fleet,
  added: Pick<MachineRequest, 'amounts'> & Pick<Choice, 'host' | 'standby'>,
  row: number,
  label: string,
): string | null {
  const domains = fleet.domainsOf(label)
  for (const [column, { capacity, name, standby: book, used }] of fleet.columns.entries()) {
    if (!book) continue
    const inbound = new Map<number, number>()
    let free = capacity[row]! - used[row]!
    const count = (machine: typeof added) => {
      if (machine.standby !== row) return
      const domain = domains[machine.host]!
      inbound.set(domain, (inbound.get(domain) ?? 0) + amountIn(machine, column))
    }
    for (const machine of fleet.machines.values()) count(machine)
    count(added)
    if (added.host === row) free -= amountIn(added, column)
    for (const [domain, amount] of inbound) {
      if (amount <= free) continue
      const lost = nameOf(fleet, label, domains.indexOf(domain))
      const has = amountOf(name, Math.max(0, free))
      const needs = amountOf(name, amount)
      return `${fleet.hosts[row]!.name} has ${has} for the ${needs} that the loss of ${lost} brings`
    }
  }
  return null
}

function amountIn({ amounts }: Pick<MachineRequest, 'amounts'>, wanted: number): number {
  let sum = 0
  for (const { amount, column } of amounts) if (column === wanted) sum += amount
  return sum
}

/**
 * Whether one domain takes the data of a volume with replicas on these host rows, or more than half
 * of them; one replica is promised nothing.
 */
export function volumeBreach(
  fleet: Fleet,
  name: string,
  hosts: readonly number[],
  label: string,
): string | null {
  if (hosts.length < 2) return null
  const domains = fleet.domainsOf(label)
  for (const host of hosts) {
    const lost = hosts.filter((other) => domains[other] === domains[host]).length
    // A tie is decided by the tie-breaker, which stands elsewhere.
    if (lost < hosts.length && lost * 2 <= hosts.length) continue
    return `volume/${name} has ${lost} of its ${hosts.length} replicas in ${nameOf(fleet, label, host)}`
  }
  return null
}
