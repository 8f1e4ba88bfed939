/**
 * What moves, as rows: a machine with the volumes that only it uses is one unit, and so is every
 * other volume. A unit has a place; the rules say which places it may have.
 */
import { assert } from '@keelson/shared/errors'
import type {
  DomainRule,
  Fleet,
  Locality,
  PlacedMachine,
  PlacedVolume,
  StandbyMode,
} from '../fleet/index.ts'

/** What the placement of workloads has to keep, asked by name. */
export interface MoveRules {
  /** 1 for every host row the machine may run on or have its standby on; undefined allows all. */
  machineHosts(machine: string, fleet: Fleet): Uint8Array | undefined
  /** 1 for every pool row the volume may use; undefined allows all. */
  volumePools(volume: string, fleet: Fleet): Uint8Array | undefined
  volumeSpread(volume: string): readonly DomainRule[]
  locality(machine: string): Locality
  standby(machine: string): StandbyMode
  /** The masks of this machine or volume depend on where others are: ask again each time. */
  dynamic(name: string): boolean
}

/** A volume of a unit. */
export interface UnitVolume {
  readonly name: string
  readonly sizeBytes: number
  readonly spread: readonly DomainRule[]
  readonly pinned: boolean
  readonly dynamic: boolean
}

/** What moves as one. */
export interface Unit {
  readonly row: number
  readonly machine: PlacedMachine | undefined
  readonly locality: Locality
  readonly standbyMode: StandbyMode
  readonly dynamic: boolean
  readonly volumes: readonly UnitVolume[]
  /** Rows of the units of volumes that its machine shares with others. */
  readonly shared: readonly number[]
  /** Rows of the units whose machines share its volume. */
  readonly users: readonly number[]
}

/** Where a unit is. */
export interface Place {
  /** Host row of the machine; -1 without a machine. */
  readonly host: number
  /** Host row of its standby; -1 without one. */
  readonly standby: number
  /** For each volume the pool rows of its replicas. */
  readonly pools: readonly (readonly number[])[]
}

/** The units of a fleet, and where each is; the same order for the same names. */
export function unitsOf(fleet: Fleet, rules: MoveRules): { units: Unit[]; places: Place[] } {
  const users = new Map<string, string[]>()
  for (const name of [...fleet.machines.keys()].sort()) {
    for (const volume of fleet.machines.get(name)!.volumes) {
      if (fleet.volumes.has(volume)) users.set(volume, [...(users.get(volume) ?? []), name])
    }
  }
  const alone = [...fleet.volumes.keys()].sort().filter((name) => users.get(name)?.length !== 1)
  const machines = [...fleet.machines.keys()].sort()
  const volumeRows = new Map(alone.map((name, index) => [name, machines.length + index]))
  const machineRows = new Map(machines.map((name, row) => [name, row]))
  const volumesOf = (machine: string, own: boolean) =>
    fleet.machines
      .get(machine)!
      .volumes.filter(
        (volume) => fleet.volumes.has(volume) && (users.get(volume)!.length === 1) === own,
      )
  const units: Unit[] = [
    ...machines.map(
      (name, row): Unit => ({
        row,
        machine: fleet.machines.get(name)!,
        locality: rules.locality(name),
        standbyMode: rules.standby(name),
        dynamic: rules.dynamic(name),
        volumes: volumesOf(name, true).map((volume) => unitVolume(fleet, volume, rules)),
        shared: volumesOf(name, false).map((volume) => volumeRows.get(volume)!),
        users: [],
      }),
    ),
    ...alone.map(
      (name): Unit => ({
        row: volumeRows.get(name)!,
        machine: undefined,
        locality: 'Ignored',
        standbyMode: 'None',
        dynamic: false,
        volumes: [unitVolume(fleet, name, rules)],
        shared: [],
        users: (users.get(name) ?? []).map((machine) => machineRows.get(machine)!),
      }),
    ),
  ]
  return { units, places: units.map((unit) => placeOf(fleet, unit)) }
}

function unitVolume(fleet: Fleet, name: string, rules: MoveRules): UnitVolume {
  const { pinned, sizeBytes } = volumeOf(fleet, name)
  const spread = rules.volumeSpread(name)
  return { name, sizeBytes, spread, pinned, dynamic: rules.dynamic(name) }
}

function volumeOf(fleet: Fleet, name: string): PlacedVolume {
  const volume = fleet.volumes.get(name)
  assert(volume !== undefined, `volume ${name} is not in the fleet`)
  return volume
}

function placeOf(fleet: Fleet, { machine, volumes }: Unit): Place {
  return {
    host: machine?.host ?? -1,
    standby: machine?.standby ?? -1,
    pools: volumes.map(({ name }) => volumeOf(fleet, name).pools),
  }
}

/** Writes a place into a fleet. */
export function writePlace(fleet: Fleet, { machine, volumes }: Unit, place: Place): void {
  for (const [index, { name }] of volumes.entries()) {
    const volume = volumeOf(fleet, name)
    const pools = place.pools[index]!
    if (volume.pools !== pools) fleet.putVolume({ ...volume, pools })
  }
  if (!machine) return
  const now = fleet.machines.get(machine.name)!
  const { host, standby } = place
  if (now.host !== host || now.standby !== standby) fleet.putMachine({ ...now, host, standby })
}

/** Bytes copied to bring a unit from one place to another. */
export function copiedBytes({ volumes }: Unit, from: Place, to: Place): number {
  let bytes = 0
  for (let volume = 0; volume < volumes.length; volume++) {
    const before = from.pools[volume]!
    const after = to.pools[volume]!
    if (before === after) continue
    for (let i = 0; i < after.length; i++) {
      if (!before.includes(after[i]!)) bytes += volumes[volume]!.sizeBytes
    }
  }
  return bytes
}

/** Whether two places are the same. */
export function samePlace(a: Place, b: Place): boolean {
  if (a.host !== b.host || a.standby !== b.standby) return false
  return a.pools.every((rows, volume) => {
    const others = b.pools[volume]!
    return rows === others || rows.every((row, index) => row === others[index])
  })
}

/** The same place with every replica that stays in its old position. */
export function inPosition(from: Place, to: Place): Place {
  const pools = to.pools.map((rows, volume) => {
    const before = from.pools[volume]!
    const added = rows.filter((row) => !before.includes(row))
    return before.map((row) => (rows.includes(row) ? row : added.shift()!))
  })
  return { ...to, pools }
}
