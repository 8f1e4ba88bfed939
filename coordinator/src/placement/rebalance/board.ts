/**
 * The fleet as flat arrays, for looking at very many places in a row. One unit at a time is lifted
 * off the board; then any place can be probed for it: does it fit, and what would the score be.
 */
import type { Fleet } from '../fleet/index.ts'
import { type After, amountOf, createCounters } from './counters.ts'
import { createGauge, SLOTS, type Touched } from './gauge.ts'
import { createLoads } from './loads.ts'
import type { Objective } from './objective.ts'
import type { Place, Unit } from './units.ts'

/** The board. */
export interface Board {
  /** Where each unit is, or was before it was lifted. */
  readonly places: readonly Place[]
  /** Promised part of the capacity of a pool. */
  fullness(pool: number): number
  score(): number
  /** The share of each term of the objective in the score, free of rounding errors. */
  parts(): number[]
  /** Places probed so far. */
  probes(): number
  /** Takes a unit off; only one may be off at a time. */
  lift(unit: Unit): void
  /**
   * The score with the lifted unit at a place; Infinity if it does not fit there. What is too full
   * already may stay so, but not get fuller.
   */
  probe(place: Place): number
  /** Puts the lifted unit down. */
  put(place: Place): void
}

const MACHINE = 1
const STANDBY = 2

/** Changes after which rounding errors are forgotten. */
const REFRESH_AFTER = 4096

/** A board that begins as the fleet is. */
export function createBoard(
  fleet: Fleet,
  units: readonly Unit[],
  initial: readonly Place[],
  objective: Objective,
): Board {
  const places = [...initial]
  const loads = createLoads(fleet)
  const counters = createCounters(fleet, units, objective.terms)
  const { counts, totals } = counters
  const gauge = createGauge(objective.terms, totals, counts, objective.excluded)
  const touched: Touched = {
    count: 0,
    hosts: new Int32Array(SLOTS),
    counts: new Float64Array(counts.length * SLOTS),
  }
  const roles = new Uint8Array(SLOTS)
  const bytes = new Float64Array(SLOTS)
  let lifted: Unit
  /** Loss domain of the machine that is probed. */
  let domain = -1
  let changes = 0
  let probes = 0

  const after: After = {
    used: (column, slot) =>
      loads.used[column]![touched.hosts[slot]!]! +
      (roles[slot]! & MACHINE ? amountOf(lifted, column) : 0),
    kept(column, slot) {
      const book = loads.books[column]
      const host = touched.hosts[slot]!
      if (!book) return 0
      if (!(roles[slot]! & STANDBY)) return book.reserve[host]!
      return book.reserveWith(host, domain, amountOf(lifted, column))
    },
    bytes: (slot) => loads.bytes[touched.hosts[slot]!]! + bytes[slot]!,
  }

  function slotOf(host: number): number {
    for (let slot = 0; slot < touched.count; slot++) if (touched.hosts[slot] === host) return slot
    const slot = touched.count++
    touched.hosts[slot] = host
    roles[slot] = 0
    bytes[slot] = 0
    for (let t = 0; t < counts.length; t++) touched.counts[t * SLOTS + slot] = counts[t]![host]!
    return slot
  }
  /** Counts a place on the hosts it touches. */
  function touch({ host, pools, standby }: Place, sign: 1 | -1): void {
    touched.count = 0
    if (host >= 0) {
      const slot = slotOf(host)
      roles[slot]! |= MACHINE
      counters.addMachine(touched, slot, lifted.row, sign)
    }
    if (standby >= 0) {
      const slot = slotOf(standby)
      roles[slot]! |= STANDBY
      counters.addStandby(touched, slot, sign)
    }
    for (let v = 0; v < pools.length; v++) {
      const size = sign * lifted.volumes[v]!.sizeBytes
      const rows = pools[v]!
      for (let i = 0; i < rows.length; i++) {
        const slot = slotOf(fleet.poolHost[rows[i]!]!)
        bytes[slot]! += size
        counters.addBytes(touched, slot, rows[i]!, size)
      }
    }
  }
  function settle(place: Place, sign: 1 | -1): void {
    touch(place, sign)
    loads.settle(lifted, place, sign)
    roles.fill(0, 0, touched.count)
    bytes.fill(0, 0, touched.count)
    counters.finish(touched, after)
    for (let t = 0; t < counts.length; t++) {
      for (let slot = 0; slot < touched.count; slot++) {
        counts[t]![touched.hosts[slot]!] = touched.counts[t * SLOTS + slot]!
      }
    }
    gauge.apply(touched)
    if (++changes % REFRESH_AFTER === 0) gauge.refresh()
  }

  return {
    places,
    fullness: loads.fullness,
    score: gauge.score,
    parts() {
      gauge.refresh()
      return gauge.parts()
    },
    probes: () => probes,
    lift(unit) {
      lifted = unit
      loads.remember(places[unit.row]!)
      settle(places[unit.row]!, -1)
    },
    probe(place) {
      probes++
      if (!loads.fits(lifted, place)) return Number.POSITIVE_INFINITY
      domain = place.host < 0 ? -1 : fleet.lossDomains[place.host]!
      touch(place, 1)
      counters.finish(touched, after)
      return gauge.scoreWith(touched)
    },
    put(place) {
      settle(place, 1)
      places[lifted.row] = place
    },
  }
}
