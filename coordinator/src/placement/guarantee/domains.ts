/** The failure domains of a label, with what stands in each. */
import type { Fleet, PlacedMachine, PlacedVolume } from '../fleet/index.ts'
import type { PlacedRules } from './rules.ts'

/** One domain. */
export interface Domain {
  /** Value of the label, empty for hosts without it; the host's name if there is no label. */
  readonly value: string
  readonly hosts: readonly number[]
  readonly machines: readonly PlacedMachine[]
  /** Those with a replica or a vote here. */
  readonly volumes: readonly PlacedVolume[]
}

/** The domains in order of their values, and the one of each host. */
export interface Domains {
  readonly label: string
  readonly list: readonly Domain[]
  /** Index into `list`, by host row. */
  readonly of: Int32Array
}

/** Finds them; hosts without the label are lost together, because nobody knows better. */
export function createDomains(fleet: Fleet, rules: PlacedRules, label: string): Domains {
  const values = fleet.hosts.map(({ labels, name }) =>
    label === '' ? name : (labels[label] ?? ''),
  )
  const sorted = [...new Set(values)].sort(compareNatural)
  const numbers = new Map(sorted.map((value, index) => [value, index]))
  const of = Int32Array.from(values, (value) => numbers.get(value)!)
  const list = sorted.map((value) => ({
    value,
    hosts: [] as number[],
    machines: [] as PlacedMachine[],
    volumes: [] as PlacedVolume[],
  }))
  for (const [host, domain] of of.entries()) list[domain]!.hosts.push(host)
  for (const machine of fleet.machines.values()) list[of[machine.host]!]!.machines.push(machine)
  const add = (volume: PlacedVolume, domain: number) => {
    const { volumes } = list[domain]!
    if (volumes.at(-1) !== volume) volumes.push(volume)
  }
  for (const volume of fleet.volumes.values())
    for (const pool of volume.pools) add(volume, of[fleet.poolHost[pool]!]!)
  for (const [host, domain] of of.entries())
    for (const volume of witnessedOn(fleet, rules, host)) add(volume, domain)
  return { label, list, of }
}

/** Volumes that a host votes on without their data. */
export function witnessedOn(fleet: Fleet, rules: PlacedRules, host: number): PlacedVolume[] {
  const found: PlacedVolume[] = []
  for (const name of rules.votesOn(host)) {
    const volume = fleet.volumes.get(name)
    if (volume && rules.votes(name).witnesses.includes(host)) found.push(volume)
  }
  return found
}

/** "n2" before "n10". */
export function compareNatural(a: string, b: string): number {
  const left = a.split(/(\d+)/)
  const right = b.split(/(\d+)/)
  for (let i = 0; i < left.length && i < right.length; i++) {
    if (left[i] === right[i]) continue
    const difference = i % 2 === 1 ? Number(left[i]) - Number(right[i]) : 0
    return difference || (left[i]! < right[i]! ? -1 : 1)
  }
  return left.length - right.length
}
