/**
 * Finds room for machines that lost their hosts. Biggest first, each where the least is left over;
 * a handful that does not fit that way is tried in every way, so that the answer is a proof.
 */
import type { Fleet, PlacedMachine } from '../fleet/index.ts'

/** What is free on each host, column by column; only the columns that count. */
export interface Room {
  /** Indexes into `Fleet.columns`. */
  readonly columns: readonly number[]
  /** By position in `columns`, then host row. */
  readonly free: readonly Float64Array[]
  /** 1 for every host row that takes nothing. */
  readonly closed: Uint8Array
}

/** A machine that needs a host. */
export interface Homeless {
  readonly machine: PlacedMachine
  /** What it needs, by position in `Room.columns`. */
  readonly needs: readonly number[]
  /** The only host rows it may go to; undefined leaves it to the mask. */
  readonly near: readonly number[] | undefined
  readonly mask: Uint8Array | undefined
  readonly priority: number
}

/** Where machines go. */
export interface Refit {
  /** Host row by machine name. */
  readonly hosts: ReadonlyMap<string, number>
  readonly left: readonly Homeless[]
  /** Whether every way was tried, so that not all of them fit anyhow. */
  readonly exhausted: boolean
}

/** Columns that decide about the room after a loss: those with standbys, or all without any. */
export function countedColumns({ columns }: Fleet): number[] {
  const all = columns.map((_, index) => index)
  const kept = all.filter((index) => columns[index]!.standby !== undefined)
  return kept.length > 0 ? kept : all
}

/** What is free when the hosts of `lost` are gone. Room kept for standbys counts as free. */
export function roomWithout(
  { columns, hostCount }: Fleet,
  lost: Uint8Array,
  counted: number[],
): Room {
  const free = counted.map((column) => {
    const { capacity, used } = columns[column]!
    const row = new Float64Array(hostCount)
    for (let host = 0; host < hostCount; host++) row[host] = capacity[host]! - used[host]!
    return row
  })
  return { columns: counted, free, closed: lost }
}

/** What a machine needs of the columns that count. */
export function needsOf({ amounts }: PlacedMachine, columns: readonly number[]): number[] {
  return columns.map((column) => {
    let sum = 0
    for (const amount of amounts) if (amount.column === column) sum += amount.amount
    return sum
  })
}

/** Takes (or with -1 gives back) what a machine needs on a host. */
export function take({ free }: Room, host: number, needs: readonly number[], sign: 1 | -1): void {
  for (let i = 0; i < needs.length; i++) free[i]![host]! -= sign * needs[i]!
}

/** Whether a host has what is needed. */
export function hasRoom({ closed, free }: Room, host: number, needs: readonly number[]): boolean {
  if (closed[host] === 1) return false
  for (let i = 0; i < needs.length; i++)
    if (needs[i]! > 0 && free[i]![host]! < needs[i]!) return false
  return true
}

/** Most machines for which every way is tried, and most places looked at on the way. */
const SMALL = 24
const MOST_LOOKS = 400_000

/** Places as many as it can, and takes what they need from `room`. */
export function refit(room: Room, machines: readonly Homeless[]): Refit {
  const scale = room.free.map((row) => row.reduce((most, free) => Math.max(most, free), 1))
  const bySize = [...machines].sort((a, b) => sizeOf(b, scale) - sizeOf(a, scale))
  const greedy = placeAll(room, bySize, scale)
  if (greedy.left.length === 0) return { ...greedy, exhausted: false }
  withdraw(room, machines, greedy.hosts)
  if (machines.length <= SMALL) {
    const { exhausted, hosts } = tryAll(room, bySize)
    if (hosts) return { hosts, left: [], exhausted: false }
    return { ...placeAll(room, byPriority(bySize), scale), exhausted }
  }
  return { ...placeAll(room, byPriority(bySize), scale), exhausted: false }
}

function withdraw(
  room: Room,
  machines: readonly Homeless[],
  hosts: ReadonlyMap<string, number>,
): void {
  for (const { machine, needs } of machines) {
    const host = hosts.get(machine.name)
    if (host !== undefined) take(room, host, needs, -1)
  }
}

/** Sorting keeps the order of equals, so within one priority the biggest stay first. */
function byPriority(machines: readonly Homeless[]): Homeless[] {
  return [...machines].sort((a, b) => b.priority - a.priority)
}

function sizeOf({ needs }: Homeless, scale: readonly number[]): number {
  let size = 0
  for (let i = 0; i < needs.length; i++) size = Math.max(size, needs[i]! / scale[i]!)
  return size
}

function placeAll(
  room: Room,
  machines: readonly Homeless[],
  scale: readonly number[],
): Pick<Refit, 'hosts' | 'left'> {
  const hosts = new Map<string, number>()
  const left: Homeless[] = []
  let before: { homeless: Homeless; host: number } | undefined
  for (const homeless of machines) {
    // The tightest host only gets tighter: it is the best for the next machine of the same kind.
    const again = before && alike(before.homeless, homeless) ? before.host : -1
    const fits = again >= 0 && hasRoom(room, again, homeless.needs)
    const host = fits ? again : tightest(room, homeless, scale)
    if (host < 0) left.push(homeless)
    else {
      hosts.set(homeless.machine.name, host)
      take(room, host, homeless.needs, 1)
      before = { homeless, host }
    }
  }
  return { hosts, left }
}

function alike(a: Homeless, b: Homeless): boolean {
  if (a.mask !== b.mask || a.near || b.near) return false
  return a.needs.every((need, index) => need === b.needs[index])
}

/** The host that has the least to spare afterwards; -1 if none has room. */
function tightest(room: Room, homeless: Homeless, scale: readonly number[]): number {
  let best = -1
  let least = Infinity
  const look = (host: number) => {
    if (homeless.mask && homeless.mask[host] !== 1) return
    if (!hasRoom(room, host, homeless.needs)) return
    let spare = 0
    for (let i = 0; i < scale.length; i++) spare += room.free[i]![host]! / scale[i]!
    if (spare >= least) return
    best = host
    least = spare
  }
  if (homeless.near) for (const host of homeless.near) look(host)
  else for (let host = 0; host < room.closed.length; host++) look(host)
  return best
}

/** Tries every way to place all of them, as long as the patience lasts. */
function tryAll(
  room: Room,
  machines: readonly Homeless[],
): { hosts: Map<string, number> | undefined; exhausted: boolean } {
  const hosts = new Map<string, number>()
  const everywhere = Array.from(room.closed, (_, host) => host)
  const free = machines.every(({ mask, near }) => mask === undefined && near === undefined)
  let looks = MOST_LOOKS
  function next(index: number): boolean {
    if (index === machines.length) return true
    const { machine, mask, near, needs } = machines[index]!
    const tried = new Set<string>()
    for (const host of near ?? everywhere) {
      if (--looks < 0) return false
      if ((mask && mask[host] !== 1) || !hasRoom(room, host, needs)) continue
      // If every machine may go anywhere, hosts with the same room left are the same to all.
      const sort = free ? room.free.map((row) => row[host]).join(' ') : String(host)
      if (tried.has(sort)) continue
      tried.add(sort)
      take(room, host, needs, 1)
      hosts.set(machine.name, host)
      if (next(index + 1)) return true
      take(room, host, needs, -1)
    }
    return false
  }
  const found = next(0)
  return { hosts: found ? hosts : undefined, exhausted: !found && looks >= 0 }
}
