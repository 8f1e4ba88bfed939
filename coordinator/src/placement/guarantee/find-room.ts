/** Room for machines that lost their hosts: where it is kept for them, or anywhere. */
import type { Fleet } from '../fleet/index.ts'
import {
  countedColumns,
  type Homeless,
  hasRoom,
  type Refit,
  type Room,
  refit,
  roomWithout,
  take,
} from './refit.ts'
import { allows } from './rules.ts'
import { whyImpossible } from './short.ts'

/** Where everybody goes, and what is left then. */
export interface FoundRoom {
  readonly refit: Refit
  /** What a host has left of a counted column when all of them are in. */
  free(host: number, index: number): number
  /** All of it; absent where nothing had to be searched for. */
  readonly room: Room | undefined
  /** Why not all of them can have room, whatever is tried; null if they have, or nobody knows. */
  readonly proof: string | null
}

/** First by the recorded standbys; if that does not do, as if there were none. */
export function findRoom(fleet: Fleet, homeless: readonly Homeless[], lost: Uint8Array): FoundRoom {
  const columns = countedColumns(fleet)
  const quick = allByStandbys(fleet, homeless, lost, columns)
  if (quick) return quick
  const room = roomWithout(fleet, lost, columns)
  const { hosts, others } = byStandbys(room, homeless)
  const rest = refit(room, others)
  const first = { ...rest, hosts: new Map([...hosts, ...rest.hosts]) }
  if (rest.left.length === 0) return foundIn(room, first, null)
  const fresh = roomWithout(fleet, lost, columns)
  const proof = whyImpossible(fleet, fresh, homeless)
  const second = refit(fresh, homeless)
  if (second.left.length === 0) return foundIn(fresh, second, null)
  const proven = proof ?? (second.exhausted ? 'every way was tried' : null)
  const better = second.left.length < rest.left.length
  return better ? foundIn(fresh, second, proven) : foundIn(room, first, proven)
}

function foundIn(room: Room, found: Refit, proof: string | null): FoundRoom {
  return { refit: found, room, proof, free: (host, index) => room.free[index]![host]! }
}

/** The usual case, which looks at the standbys alone: all have one and all standbys have room. */
function allByStandbys(
  { columns: all }: Fleet,
  homeless: readonly Homeless[],
  lost: Uint8Array,
  columns: readonly number[],
): FoundRoom | null {
  const hosts = new Map<string, number>()
  const inbound = new Map<number, number[]>()
  for (const one of homeless) {
    const { name, standby } = one.machine
    if (!mayStart(one, standby) || lost[standby] === 1) return null
    const sums = inbound.get(standby) ?? columns.map(() => 0)
    for (let index = 0; index < sums.length; index++) sums[index]! += one.needs[index]!
    inbound.set(standby, sums)
    hosts.set(name, standby)
  }
  const free = (host: number, index: number) => {
    const { capacity, used } = all[columns[index]!]!
    return capacity[host]! - used[host]! - (inbound.get(host)?.[index] ?? 0)
  }
  for (const [host, sums] of inbound)
    for (const [index, sum] of sums.entries()) if (sum > 0 && free(host, index) < 0) return null
  return { refit: { hosts, left: [], exhausted: false }, free, room: undefined, proof: null }
}

/** Whether a host is one its rules let it start on; its room is not looked at. */
function mayStart({ mask, near }: Homeless, host: number): boolean {
  return host >= 0 && allows(mask, host) && (near?.includes(host) ?? true)
}

/** Puts machines on their standbys, the most important first; the others are left. */
function byStandbys(
  room: Room,
  homeless: readonly Homeless[],
): { hosts: Map<string, number>; others: Homeless[] } {
  const hosts = new Map<string, number>()
  const others: Homeless[] = []
  const order = [...homeless].sort((a, b) => b.priority - a.priority)
  for (const one of order) {
    const { standby } = one.machine
    if (mayStart(one, standby) && hasRoom(room, standby, one.needs)) {
      take(room, standby, one.needs, 1)
      hosts.set(one.machine.name, standby)
    } else others.push(one)
  }
  return { hosts, others }
}
