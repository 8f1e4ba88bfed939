/** Small clusters that can be read, and random ones that can be tried in every way. */
import { type Amount, createFleet, type Fleet, MEMORY } from '../fleet/index.ts'
import type { MachineRules, PlacedRules, VolumeRoom, VolumeVotes } from './rules.ts'

export type { MachineRules }

/** What is said of a volume. */
export type VolumeRules = VolumeRoom & VolumeVotes

/** One GiB. */
export const GIB = 2 ** 30

/** A host: its memory in GiB and its rack. */
export type HostLine = readonly [name: string, memoryGib: number, rack: string]

/** Hosts with a pool "p" of 1 TiB each; room is kept in memory for the loss of `lossLabel`. */
export function fleetOf(
  hosts: readonly HostLine[],
  lossLabel = 'rack',
  poolBytes = 1024 * GIB,
): Fleet {
  return createFleet({
    hosts: hosts.map(([name, memoryGib, rack]) => ({
      name,
      labels: rack === '' ? {} : { rack },
      capacity: { memory: memoryGib * GIB, cpu: 64_000 },
    })),
    pools: hosts.map((_, host) => ({ name: 'p', host, capacityBytes: poolBytes })),
    standbyColumns: ['memory'],
    lossLabel,
  })
}

/** Memory of a machine. */
export function memory(gib: number): readonly Amount[] {
  return [{ column: MEMORY, amount: gib * GIB }]
}

/** Puts a machine on a host, with or without a standby. */
export function putMachine(
  fleet: Fleet,
  name: string,
  gib: number,
  host: string,
  { standby, volumes = [] }: { standby?: string; volumes?: readonly string[] } = {},
): void {
  fleet.putMachine({
    name,
    host: fleet.hostRow(host),
    standby: standby === undefined ? -1 : fleet.hostRow(standby),
    amounts: memory(gib),
    volumes,
    pinned: false,
  })
}

/** Puts the replicas of a volume into the first pools of these hosts. */
export function putVolume(fleet: Fleet, name: string, gib: number, hosts: readonly string[]): void {
  const pools = hosts.map((host) => fleet.poolsOf(fleet.hostRow(host))[0]!)
  fleet.putVolume({ name, sizeBytes: gib * GIB, pools, pinned: false })
}

/** Rules by name; those that are left out bind to nothing. */
export function rulesOf({
  machines = {},
  volumes = {},
}: {
  machines?: Readonly<Record<string, Partial<MachineRules>>>
  volumes?: Readonly<Record<string, Partial<VolumeRules>>>
} = {}): PlacedRules {
  return {
    gone: undefined,
    machine: (name) => ({
      hosts: undefined,
      locality: 'Ignored',
      standby: 'Any',
      priority: 0,
      ...machines[name],
    }),
    votes: (name) => ({ witnesses: [], stale: [], ...volumes[name] }),
    room: (name) => ({ pools: undefined, spread: [], ...volumes[name] }),
    votesOn: () => Object.keys(volumes),
  }
}
