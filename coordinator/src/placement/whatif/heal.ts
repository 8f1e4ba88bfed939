/** Puts right what a failure broke: machines start elsewhere, replicas are made again. */
import type { Impact, Shortage } from '@keelson/shared/model'
import { type Chooser, createChooser } from '../choose/index.ts'
import type { MachineRequest, PlacedMachine, PlacedVolume } from '../fleet/index.ts'
import {
  allows,
  bestStandby,
  countedColumns,
  findRoom,
  type Homeless,
  hostsWithData,
  lossText,
  nearOf,
  needsOf,
  needText,
  refit,
  roomWithout,
  shortagesOf,
  survivalOf,
  witnessedOn,
} from '../guarantee/index.ts'
import { addMove, addShortages, type Notes, type Play, remember } from './play.ts'
import { makeReplicas } from './remake.ts'

/** What a change concerns. */
export interface Affected {
  /** Machines that need a host. */
  readonly machines: readonly PlacedMachine[]
  /** Volumes with a replica or a vote on a host that is not there. */
  readonly volumes: readonly PlacedVolume[]
}

/** Everything that stands on hosts of the mask. */
export function affectedBy({ fleet, rules }: Play, hosts: Uint8Array): Affected {
  const machines: PlacedMachine[] = []
  const volumes: PlacedVolume[] = []
  for (const machine of fleet.machines.values())
    if (hosts[machine.host] === 1) machines.push(machine)
  const witnessed = new Set<PlacedVolume>()
  for (const [host, wanted] of hosts.entries())
    if (wanted === 1) for (const volume of witnessedOn(fleet, rules, host)) witnessed.add(volume)
  for (const volume of fleet.volumes.values()) {
    const data = volume.pools.some((pool) => hosts[fleet.poolHost[pool]!] === 1)
    if (data || witnessed.has(volume)) volumes.push(volume)
  }
  return { machines, volumes }
}

/** Starts machines again and makes replicas again, as far as there is room. */
export function heal(play: Play, affected: Affected, notes: Notes): void {
  const lost = unusableOf(play, affected.volumes)
  for (const { impact } of lost.values()) notes.impacts.push(impact)
  restartAll(play, affected.machines, lost, notes)
  stopUsersOf(play, lost, notes)
  protect(play)
  makeReplicas(play, affected.volumes, lost, notes)
}

type Unusable = ReadonlyMap<string, { readonly volume: PlacedVolume; readonly impact: Impact }>

function unusableOf(
  { down, fleet, removed, revoted, rules }: Play,
  volumes: readonly PlacedVolume[],
) {
  const lost = new Map<string, { readonly volume: PlacedVolume; readonly impact: Impact }>()
  for (const volume of volumes) {
    const rule = rules.votes(volume.name)
    const survival = survivalOf(fleet, volume, rule, down)
    if (survival.usable) {
      if (rule.witnesses.some((host) => down[host] === 1)) revoted.add(volume.name)
      continue
    }
    const forGood = survivalOf(fleet, volume, rule, removed).upToDate === 0
    const impact: Impact = {
      subject: `volume/${volume.name}`,
      kind: forGood ? 'DataLost' : 'Unavailable',
      reason: lossText(volume, survival),
    }
    lost.set(volume.name, { volume, impact })
  }
  return lost
}

/** Starts the machines that can start somewhere; the important and big ones come first. */
function restartAll(
  play: Play,
  machines: readonly PlacedMachine[],
  lost: Unusable,
  notes: Notes,
): void {
  const able: Homeless[] = []
  for (const homeless of inOrder(play, machines, countedColumns(play.fleet))) {
    const { machine } = homeless
    const volume = machine.volumes.find((name) => lost.has(name))
    if (volume !== undefined)
      stop(play, machine, `it needs volume/${volume}, which is not usable`, notes)
    else if (machine.pinned) stop(play, machine, 'it is pinned to its host', notes)
    else able.push(homeless)
  }
  const { left, places, shortages } = planRestarts(play, able)
  for (const { host, machine, why } of places) restart(play, machine, host, why, notes)
  for (const { machine } of left)
    stop(play, machine, `no host left has room for its ${needText(play.fleet, machine)}`, notes)
  addShortages(notes, shortages)
}

interface Restart {
  readonly machine: PlacedMachine
  readonly host: number
  readonly why: string
}

interface RestartPlan {
  readonly places: readonly Restart[]
  readonly left: readonly Homeless[]
  readonly shortages: readonly Shortage[]
}

/**
 * Finds hosts: those that keep room, then the best by every rule, then any with room, because
 * running counts more than keeping room for a further failure. If that leaves somebody out, all
 * are placed anew as tightly as can be. The fleet is as it was afterwards.
 */
function planRestarts(play: Play, able: readonly Homeless[]): RestartPlan {
  const { down, fleet } = play
  const columns = countedColumns(fleet)
  const places: Restart[] = []
  const go = ({ machine }: Homeless, host: number, why: string) => {
    places.push({ machine, host, why })
    fleet.putMachine({ ...machine, host, standby: -1 })
  }
  const waiting = able.filter((one) => {
    const fits = standbyFits(play, one, columns)
    if (fits) go(one, one.machine.standby, 'which keeps room for it')
    return !fits
  })
  const chooser = createChooser(fleet)
  const without = waiting.filter((one) => {
    const host = chooseHost(play, chooser, one)
    if (host >= 0) go(one, host, 'which has the most room')
    return host < 0
  })
  const room = roomWithout(fleet, down, columns)
  const { hosts, left } = refit(room, without)
  for (const one of without) {
    const host = hosts.get(one.machine.name)
    if (host !== undefined) go(one, host, KEPT_FOR_OTHERS)
  }
  for (const { machine } of places) fleet.putMachine(machine)
  if (left.length === 0) return { places, left, shortages: [] }
  const tight = findRoom(fleet, able, down)
  if (tight.refit.left.length >= left.length)
    return { places, left, shortages: shortagesOf(fleet, room, left, '') }
  const anew = able.flatMap(({ machine }): Restart[] => {
    const host = tight.refit.hosts.get(machine.name)
    return host === undefined ? [] : [{ machine, host, why: KEPT_FOR_OTHERS }]
  })
  const shortages = tight.room ? shortagesOf(fleet, tight.room, tight.refit.left, '') : []
  return { places: anew, left: tight.refit.left, shortages }
}

const KEPT_FOR_OTHERS = 'with room kept for others'

function inOrder(
  { down, fleet, rules }: Play,
  machines: readonly PlacedMachine[],
  columns: readonly number[],
): Homeless[] {
  return machines
    .map((machine) => {
      const { hosts: mask, priority } = rules.machine(machine.name)
      const near = nearOf(fleet, rules, machine, down)
      return { machine, needs: needsOf(machine, columns), near, mask, priority }
    })
    .sort((a, b) => b.priority - a.priority || b.needs[0]! - a.needs[0]!)
}

function standbyFits(
  { down, fleet }: Play,
  { machine: { standby }, mask, near, needs }: Homeless,
  columns: readonly number[],
): boolean {
  if (standby < 0 || down[standby] === 1 || !allows(mask, standby)) return false
  if (near && !near.includes(standby)) return false
  return needs.every((need, index) => {
    const { capacity, used } = fleet.columns[columns[index]!]!
    return used[standby]! + need <= capacity[standby]!
  })
}

/** A host that keeps every rule and leaves what is kept for others. */
function chooseHost(play: Play, chooser: Chooser, { machine, mask, near }: Homeless): number {
  const choice = chooser.choose(requestFor(play, machine, near ? maskOf(play, near, mask) : mask))
  return choice ? choice.host : -1
}

/** A machine that has its volumes already, as a request for a host. */
export function requestFor(
  { down, fleet, rules }: Play,
  { amounts, name, volumes }: PlacedMachine,
  hosts: Uint8Array | undefined,
): MachineRequest {
  const { locality } = rules.machine(name)
  const attached = volumes.flatMap((volume) => {
    const placed = fleet.volumes.get(volume)
    return placed ? [hostsWithData(fleet, placed, rules.votes(volume), down)] : []
  })
  return {
    ...{ name, amounts, hosts, volumes: [], attached, locality, standby: 'None', seed: 0 },
    ...{ numa: undefined, preference: undefined },
  }
}

function maskOf({ fleet }: Play, rows: readonly number[], mask: Uint8Array | undefined) {
  const near = new Uint8Array(fleet.hostCount)
  for (const row of rows) if (allows(mask, row)) near[row] = 1
  return near
}

function restart(
  play: Play,
  machine: PlacedMachine,
  host: number,
  why: string,
  notes: Notes,
): void {
  const { fleet, machinesBefore, stopped } = play
  const { name: from } = fleet.hosts[machine.host]!
  const { name: to } = fleet.hosts[host]!
  remember(machinesBefore, machine)
  stopped.delete(machine.name)
  fleet.putMachine({ ...machine, host, standby: -1 })
  const subject = `vm/${machine.name}`
  notes.impacts.push({ subject, kind: 'Restarts', reason: `it starts again on ${to}, ${why}` })
  addMove(notes, {
    kind: 'Restart',
    subject,
    fromNode: from,
    toNode: to,
    reason: `${from} is lost; ${to} takes ${needText(fleet, machine)}`,
  })
}

function stop(play: Play, machine: PlacedMachine, reason: string, notes: Notes): void {
  if (play.stopped.has(machine.name)) return
  play.stopped.add(machine.name)
  notes.impacts.push({ subject: `vm/${machine.name}`, kind: 'Stops', reason })
}

/** Machines elsewhere stop as well when a volume of theirs cannot be used. */
function stopUsersOf(play: Play, lost: Unusable, notes: Notes): void {
  if (lost.size === 0) return
  for (const machine of play.fleet.machines.values()) {
    const volume = machine.volumes.find((name) => lost.has(name))
    if (volume !== undefined)
      stop(play, machine, `it needs volume/${volume}, which is not usable`, notes)
  }
}

/** Finds standbys for machines that lost theirs, or used them up. */
export function protect(play: Play): void {
  const { closed, down, fleet, machinesBefore, rules } = play
  if (!fleet.columns.some(({ standby }) => standby)) return
  for (const machine of [...fleet.machines.values()]) {
    const { host, name, pinned, standby } = machine
    const lost = standby >= 0 ? closed[standby] === 1 : machinesBefore.has(name)
    if (!lost || pinned || down[host] === 1 || rules.machine(name).standby === 'None') continue
    remember(machinesBefore, machine)
    const bare = { ...machine, standby: -1 }
    fleet.putMachine(bare)
    const found = bestStandby(fleet, rules, bare, closed)
    if (found >= 0) fleet.putMachine({ ...bare, standby: found })
  }
}
