/** Why a host or a pool is out of question, by the numbers; the search asks the same functions. */
import type { Amount, Fleet, MachineRequest, VolumeRequest } from '../fleet/index.ts'

/** A number that is too small. */
export interface Obstacle {
  /** Name of the column, "space", "locality" or "standby". */
  readonly rule: string
  /** What is needed, in the unit of the column, in bytes, or as a count of volumes. */
  readonly needs: number
  /** What there is. */
  readonly has: number
  /** Volume it is about, for "space". */
  readonly volume?: string
}

/** What a host has left of a column beside its machines and the room it keeps. */
export function remaining({ columns }: Fleet, host: number, column: number): number {
  const { capacity, standby, used } = columns[column]!
  return capacity[host]! - used[host]! - (standby ? standby.reserve[host]! : 0)
}

/** Index of the first amount that a host does not have; -1 if it has all. */
export function firstShort(fleet: Fleet, amounts: readonly Amount[], host: number): number {
  for (let i = 0; i < amounts.length; i++)
    if (remaining(fleet, host, amounts[i]!.column) < amounts[i]!.amount) return i
  return -1
}

/**
 * What `standby` has left of a column if it also has to be ready for the machines that the loss of
 * `domain` brings, not counting the one in question.
 */
export function remainingAsStandby(
  { columns }: Fleet,
  standby: number,
  domain: number,
  column: number,
): number {
  const { capacity, standby: book, used } = columns[column]!
  return capacity[standby]! - used[standby]! - (book ? book.inbound(standby, domain) : 0)
}

/** Whether a host can keep room for a machine that stands in `domain`. */
export function canStandBy(
  fleet: Fleet,
  amounts: readonly Amount[],
  standby: number,
  domain: number,
): boolean {
  if (fleet.lossDomains[standby] === domain) return false
  for (const { amount, column } of amounts) {
    const { capacity, standby: book, used } = fleet.columns[column]!
    if (!book) continue
    if (remainingAsStandby(fleet, standby, domain, column) < amount) return false
    if (used[standby]! + book.reserve[standby]! > capacity[standby]!) return false
  }
  return true
}

/** The first number that keeps a machine from a host; null if nothing does. */
export function machineObstacle(
  fleet: Fleet,
  request: MachineRequest,
  host: number,
): Obstacle | null {
  const short = firstShort(fleet, request.amounts, host)
  if (short >= 0) {
    const { amount, column } = request.amounts[short]!
    const { name } = fleet.columns[column]!
    return { rule: name, needs: amount, has: remaining(fleet, host, column) }
  }
  return localityObstacle(fleet, request, host) ?? standbyObstacle(fleet, request, host)
}

function localityObstacle(fleet: Fleet, request: MachineRequest, host: number): Obstacle | null {
  if (request.locality !== 'Required') return null
  const { attached } = request
  const near = attached.filter((rows) => rows.includes(host)).length
  if (near < attached.length) return { rule: 'locality', needs: attached.length, has: near }
  for (const volume of request.volumes) {
    const obstacles = fleet.poolsOf(host).map((pool) => volumeObstacle(fleet, volume, pool))
    if (obstacles.includes(null)) continue
    const has = Math.max(0, ...obstacles.map((obstacle) => obstacle!.has))
    return { rule: 'space', needs: volume.sizeBytes, has, volume: volume.name }
  }
  return null
}

function standbyObstacle(fleet: Fleet, request: MachineRequest, host: number): Obstacle | null {
  if (request.standby === 'None') return null
  const domain = fleet.lossDomains[host]!
  let has = 0
  for (let row = 0; row < fleet.hostCount; row++) {
    if (request.hosts?.[row] === 0 || fleet.lossDomains[row] === domain) continue
    if (canStandBy(fleet, request.amounts, row, domain)) return null
    has = Math.max(has, remainingAsStandby(fleet, row, domain, 0))
  }
  const needs = request.amounts.find(({ column }) => column === 0)?.amount ?? 0
  return { rule: 'standby', needs, has }
}

/** What keeps a replica from a pool; null if nothing does. */
export function volumeObstacle(
  { poolCapacity, poolPromised }: Fleet,
  request: VolumeRequest,
  pool: number,
): Obstacle | null {
  if (request.pools?.[pool] === 0) return { rule: 'space', needs: request.sizeBytes, has: 0 }
  const has = Math.max(0, poolCapacity[pool]! - poolPromised[pool]!)
  return request.sizeBytes <= has ? null : { rule: 'space', needs: request.sizeBytes, has }
}
