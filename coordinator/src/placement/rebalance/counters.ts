/** The measures of an objective, counted per host: what a unit adds to each where it stands. */
import type { Fleet } from '../fleet/index.ts'
import { SLOTS, type Touched } from './gauge.ts'
import type { Measure, RoomNeeds, Term } from './objective.ts'
import type { Unit } from './units.ts'

/** How the hosts of a change are loaded after it, by slot. */
export interface After {
  used(column: number, slot: number): number
  /** What is kept for standbys. */
  kept(column: number, slot: number): number
  /** Bytes promised by the pools of the host. */
  bytes(slot: number): number
}

/** Counts by term, then host. */
export interface Counters {
  readonly counts: readonly Float64Array[]
  /** What each term divides by, by host row. */
  readonly totals: readonly Float64Array[]
  addMachine(touched: Touched, slot: number, unit: number, sign: number): void
  addStandby(touched: Touched, slot: number, sign: number): void
  addBytes(touched: Touched, slot: number, pool: number, bytes: number): void
  /** Fills in what is no sum: what is kept for standbys, and the room that is left. */
  finish(touched: Touched, after: After): void
}

interface Row {
  readonly of: Measure['of']
  /** Column row of "column" and "reserve"; -1 otherwise. */
  readonly column: number
  /** What the machine of each unit adds, by unit row. */
  readonly byMachine: Float64Array | undefined
  /** What a standby adds. */
  readonly byStandby: number
  /** What a byte adds, by pool row. */
  readonly byPool: Float64Array | undefined
  readonly room: ((slot: number, host: number, after: After) => number) | undefined
}

/** Counters that begin as the fleet is. */
export function createCounters(
  fleet: Fleet,
  units: readonly Unit[],
  terms: readonly Term[],
): Counters {
  const rows = terms.map(({ measure }) => rowOf(fleet, units, measure))
  const special = rows.flatMap(({ of }, t) => (of === 'reserve' || of === 'room' ? [t] : []))

  return {
    counts: rows.map((row) => countsOf(fleet, units, row)),
    totals: terms.map((term) => term.totals ?? totalsOf(fleet, term.measure)),
    addMachine({ counts }, slot, unit, sign) {
      for (let t = 0; t < rows.length; t++) {
        const { byMachine } = rows[t]!
        if (byMachine) counts[t * SLOTS + slot]! += sign * byMachine[unit]!
      }
    },
    addStandby({ counts }, slot, sign) {
      for (let t = 0; t < rows.length; t++) counts[t * SLOTS + slot]! += sign * rows[t]!.byStandby
    },
    addBytes({ counts }, slot, pool, bytes) {
      for (let t = 0; t < rows.length; t++) {
        const { byPool } = rows[t]!
        if (byPool) counts[t * SLOTS + slot]! += bytes * byPool[pool]!
      }
    },
    finish({ count, counts, hosts }, after) {
      for (const t of special) {
        const { column, room } = rows[t]!
        for (let slot = 0; slot < count; slot++) {
          counts[t * SLOTS + slot] = room
            ? room(slot, hosts[slot]!, after)
            : after.kept(column, slot)
        }
      }
    },
  }
}

function rowOf(fleet: Fleet, units: readonly Unit[], measure: Measure): Row {
  const nothing = { column: -1, byMachine: undefined, byStandby: 0, byPool: undefined }
  const row: Row = { of: measure.of, ...nothing, room: undefined }
  const perMachine = (count: (unit: Unit) => number) =>
    Float64Array.from(units, (unit) => (unit.machine ? count(unit) : 0))
  switch (measure.of) {
    case 'column': {
      const column = fleet.columnRow(measure.column)
      return { ...row, column, byMachine: perMachine((unit) => amountOf(unit, column)) }
    }
    case 'reserve':
      return { ...row, column: fleet.columnRow(measure.column) }
    case 'storage':
      return { ...row, byPool: new Float64Array(fleet.poolCount).fill(1) }
    case 'wear':
      return { ...row, byPool: measure.byPool }
    case 'machines':
      return { ...row, byMachine: perMachine(() => 1) }
    case 'places':
      return { ...row, byMachine: perMachine(() => 1), byStandby: 1 }
    case 'load': {
      const { byMachine } = measure
      return { ...row, byMachine: perMachine(({ machine }) => byMachine.get(machine!.name) ?? 0) }
    }
    case 'room':
      return { ...row, room: roomOf(fleet, measure.needs) }
  }
}

/** What a unit's machine takes of a column. */
export function amountOf({ machine }: Unit, column: number): number {
  for (const taken of machine?.amounts ?? []) if (taken.column === column) return taken.amount
  return 0
}

/** Further machines that fit; growing steeper towards each whole one, so that holes unite. */
function roomOf(fleet: Fleet, { amounts, storageBytes }: RoomNeeds): NonNullable<Row['room']> {
  const needs = Object.entries(amounts).map(
    ([name, amount]) => [fleet.columnRow(name), amount] as const,
  )
  const storage = storageOf(fleet)
  return (slot, host, after) => {
    let most = Number.POSITIVE_INFINITY
    if (storageBytes > 0) most = (storage[host]! - after.bytes(slot)) / storageBytes
    for (const [column, amount] of needs) {
      const capacity = fleet.columns[column]!.capacity[host]!
      const free = capacity - after.used(column, slot) - after.kept(column, slot)
      most = Math.min(most, free / amount)
    }
    if (!(most > 0)) return 0
    const whole = Math.floor(most)
    return whole + (most - whole) ** 2
  }
}

/** Bytes that the pools of each host may promise. */
function storageOf({ hostCount, poolCapacity, poolHost }: Fleet): Float64Array {
  const bytes = new Float64Array(hostCount)
  for (const [pool, host] of poolHost.entries()) bytes[host]! += poolCapacity[pool]!
  return bytes
}

function totalsOf(fleet: Fleet, measure: Measure): Float64Array {
  if (measure.of === 'storage' || measure.of === 'wear') return storageOf(fleet)
  if (measure.of === 'column' || measure.of === 'reserve') {
    return fleet.columns[fleet.columnRow(measure.column)]!.capacity
  }
  return new Float64Array(fleet.hostCount).fill(1)
}

function countsOf(fleet: Fleet, units: readonly Unit[], row: Row): Float64Array {
  const counts = new Float64Array(fleet.hostCount)
  for (const { machine, row: unit } of units) {
    if (!machine) continue
    counts[machine.host]! += row.byMachine?.[unit] ?? 0
    if (machine.standby >= 0) counts[machine.standby]! += row.byStandby
  }
  for (const { pools, sizeBytes } of fleet.volumes.values()) {
    for (const pool of pools)
      counts[fleet.poolHost[pool]!]! += sizeBytes * (row.byPool?.[pool] ?? 0)
  }
  const { columns, poolHost, poolPromised } = fleet
  const bytes = new Float64Array(fleet.hostCount)
  for (const [pool, host] of poolHost.entries()) bytes[host]! += poolPromised[pool]!
  const after: After = {
    used: (column, host) => columns[column]!.used[host]!,
    kept: (column, host) => columns[column]!.standby?.reserve[host] ?? 0,
    bytes: (host) => bytes[host]!,
  }
  for (let host = 0; host < counts.length; host++) {
    if (row.room) counts[host] = row.room(host, host, after)
    else if (row.of === 'reserve') counts[host] = after.kept(row.column, host)
  }
  return counts
}
