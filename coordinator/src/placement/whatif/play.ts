/** The state of a play: a fleet of its own, and who is not there. */
import type { Impact, Move, Shortage } from '@keelson/shared/model'
import type { Fleet, PlacedMachine, PlacedVolume } from '../fleet/index.ts'
import type { PlacedRules } from '../guarantee/index.ts'
import type { World } from './world.ts'

/** A play under way; steps change it. */
export interface Play {
  world: World
  /** The play's own. A host that is down, emptied or removed has no capacity in it. */
  fleet: Fleet
  /** The world's rules, with the hosts that are down now. */
  rules: PlacedRules
  /** 1 for every host row that is not there. */
  down: Uint8Array
  /** 1 for every host row that takes nothing: down, emptied or removed. */
  closed: Uint8Array
  /** 1 for every host row that was taken away. */
  removed: Uint8Array
  /** Where what failures moved was before, by name. */
  readonly machinesBefore: Map<string, PlacedMachine>
  readonly volumesBefore: Map<string, PlacedVolume>
  /** Volumes whose witness was on a host that is down and has been made again elsewhere. */
  readonly revoted: Set<string>
  /** Machines without a running host. */
  readonly stopped: Set<string>
  /** Names that were given to what was placed or added. */
  readonly counts: Map<string, number>
}

/** What a step writes down. */
export interface Notes {
  readonly impacts: Impact[]
  readonly shortages: Shortage[]
  readonly moves: Move[]
  /** Bytes of the moves. */
  copiedBytes: number
}

/** A play that begins as the world is. The world's own fleet is never changed. */
export function createPlay(world: World): Play {
  const fleet = world.fleet.clone()
  const down = new Uint8Array(fleet.hostCount)
  const play: Play = {
    world,
    fleet,
    rules: world.rules,
    down,
    closed: new Uint8Array(fleet.hostCount),
    removed: new Uint8Array(fleet.hostCount),
    machinesBefore: new Map(),
    volumesBefore: new Map(),
    revoted: new Set(),
    stopped: new Set(),
    counts: new Map(),
  }
  play.rules = rulesOf(play)
  for (const [host, gone] of (world.rules.gone ?? []).entries()) if (gone === 1) fail(play, host)
  for (const { host, name } of fleet.machines.values()) if (down[host] === 1) play.stopped.add(name)
  return play
}

/** The world's rules with the hosts that are down now, and without the witnesses lost with them. */
function rulesOf({ down, revoted, world }: Play): PlacedRules {
  return {
    ...world.rules,
    gone: down,
    votes(name) {
      const votes = world.rules.votes(name)
      if (!revoted.has(name)) return votes
      return { ...votes, witnesses: votes.witnesses.filter((host) => down[host] !== 1) }
    },
  }
}

/** Nothing written down yet. */
export function createNotes(): Notes {
  return { impacts: [], shortages: [], moves: [], copiedBytes: 0 }
}

/** Takes all capacity from a host, so that nothing goes there. */
export function close({ closed, fleet }: Play, host: number): void {
  closed[host] = 1
  for (const column of fleet.columns.keys()) fleet.setCapacity(host, column, 0)
  for (const pool of fleet.poolsOf(host)) fleet.setPoolCapacity(pool, 0)
}

/** The same for a host that is not there any more. */
export function fail(play: Play, host: number): void {
  close(play, host)
  play.down[host] = 1
}

/** Gives a host back what it has in the world. */
export function open({ closed, down, fleet, world }: Play, host: number): void {
  closed[host] = 0
  down[host] = 0
  for (const [column, { capacity }] of world.fleet.columns.entries())
    fleet.setCapacity(host, column, capacity[host]!)
  for (const pool of fleet.poolsOf(host))
    fleet.setPoolCapacity(pool, world.fleet.poolCapacity[pool]!)
}

/** Writes a move down. */
export function addMove(
  notes: Notes,
  move: Pick<Move, 'kind' | 'subject' | 'reason'> & Partial<Move>,
): number {
  const number = notes.moves.length + 1
  const places = { fromNode: '', fromPool: '', toNode: '', toPool: '', after: [] }
  notes.moves.push({ ...places, gain: 0, copiedBytes: 0, ...move, number })
  notes.copiedBytes += move.copiedBytes ?? 0
  return number
}

/** Goes on in another world: everything keeps its place, by name. */
export function moveTo(play: Play, world: World): void {
  const { fleet: from } = play
  const to = world.fleet.clone()
  const hostRows = from.hosts.map(({ name }) => to.hostRow(name))
  const poolRows = from.pools.map(({ host, name }) => {
    const row = hostRows[host]!
    return row < 0 ? -1 : to.poolsOf(row).find((pool) => to.pools[pool]!.name === name)!
  })
  const columns = from.columns.map(({ name }) => to.columnRow(name))
  const machine = (placed: PlacedMachine): PlacedMachine => ({
    ...placed,
    host: hostRows[placed.host]!,
    standby: placed.standby < 0 ? -1 : hostRows[placed.standby]!,
    amounts: placed.amounts.map(({ amount, column }) => ({ amount, column: columns[column]! })),
  })
  const volume = (placed: PlacedVolume): PlacedVolume => ({
    ...placed,
    pools: placed.pools.map((pool) => poolRows[pool]!),
  })
  for (const placed of from.machines.values()) to.putMachine(machine(placed))
  for (const placed of from.volumes.values()) to.putVolume(volume(placed))
  for (const [name, placed] of play.machinesBefore) play.machinesBefore.set(name, machine(placed))
  for (const [name, placed] of play.volumesBefore) play.volumesBefore.set(name, volume(placed))
  const carry = (mask: Uint8Array) => {
    const carried = new Uint8Array(to.hostCount)
    for (const [row, value] of mask.entries()) carried[hostRows[row]!] = value
    return carried
  }
  play.down = carry(play.down)
  play.closed = carry(play.closed)
  play.removed = carry(play.removed)
  play.world = world
  play.fleet = to
  play.rules = rulesOf(play)
  for (const [row, shut] of play.closed.entries()) if (shut === 1) close(play, row)
}

/** Keeps where something was when it was first moved away. */
export function remember<T extends { readonly name: string }>(
  before: Map<string, T>,
  placed: T,
): void {
  if (!before.has(placed.name)) before.set(placed.name, placed)
}

/** Adds what is missing to what is already known to be. */
export function addShortages(notes: Notes, more: readonly Shortage[]): void {
  for (const { missing, resource, where } of more) {
    const index = notes.shortages.findIndex(
      (one) => one.resource === resource && one.where === where,
    )
    const before = notes.shortages[index]?.missing ?? 0
    const sum = { resource, where, missing: before + missing }
    if (index < 0) notes.shortages.push(sum)
    else notes.shortages[index] = sum
  }
}
