/**
 * What a rebalance tries to make small, as data: a weighted sum of terms, each of which measures
 * every host and looks at how far the hosts are apart, or at their sum.
 */

/** What is measured on a host. */
export type Measure =
  /** What its machines take of a column. */
  | { readonly of: 'column'; readonly column: string }
  /** What it keeps of a column for the loss of another failure domain. */
  | { readonly of: 'reserve'; readonly column: string }
  /** Bytes its pools have promised. */
  | { readonly of: 'storage' }
  /** Machines it runs. */
  | { readonly of: 'machines' }
  /** Machines it runs and machines it is the standby of. */
  | { readonly of: 'places' }
  /** Measured load of its machines, by machine name; machines left out have none. */
  | { readonly of: 'load'; readonly byMachine: ReadonlyMap<string, number> }
  /** Promised bytes, each counted as often as its pool is worn; by pool row. */
  | { readonly of: 'wear'; readonly byPool: Float64Array }
  /** Machines of this size it still has room for, with all that it keeps for standbys. */
  | { readonly of: 'room'; readonly needs: RoomNeeds }

/** A machine that is to fit as often as possible. */
export interface RoomNeeds {
  /** Amounts by column name. */
  readonly amounts: Readonly<Record<string, number>>
  readonly storageBytes: number
}

/** One part of an objective. */
export interface Term {
  readonly measure: Measure
  readonly weight: number
  /** Population standard deviation over the hosts, their mean, or their sum. */
  readonly kind: 'sd' | 'mean' | 'sum'
  /**
   * What the measure of each host is divided by, by host row; left out: what the host has of it,
   * or 1 for counts and loads. A host with 0 does not take part in the term.
   */
  readonly totals?: Float64Array
  /** Added to the measure before it is divided, by host row; left out: nothing. */
  readonly besides?: Float64Array
}

/** What a rebalance makes small. */
export interface Objective {
  readonly name: string
  readonly terms: readonly Term[]
  /** 1 for hosts that do not count, such as cordoned ones; by host row. */
  readonly excluded?: Uint8Array
}

/** Every host is used to the same part of what it has, and little is kept for standbys. */
export const SPREAD: Objective = {
  name: 'spread',
  terms: [
    { measure: { of: 'column', column: 'memory' }, weight: 1, kind: 'sd' },
    { measure: { of: 'column', column: 'cpu' }, weight: 1, kind: 'sd' },
    { measure: { of: 'storage' }, weight: 1, kind: 'sd' },
    { measure: { of: 'reserve', column: 'memory' }, weight: 1, kind: 'sd' },
    { measure: { of: 'reserve', column: 'memory' }, weight: 1, kind: 'mean' },
  ],
}

/**
 * Room for as many more machines of one size as possible. Hosts that are nearly empty become
 * empty and leftovers too small for a machine come together.
 */
export function capacityObjective(needs: RoomNeeds): Objective {
  return {
    name: 'capacity',
    terms: [
      { measure: { of: 'room', needs }, weight: -1, kind: 'mean' },
      { measure: { of: 'reserve', column: 'memory' }, weight: 1, kind: 'mean' },
    ],
  }
}

/** Even measured load, by machine name, in parts of the cpu of a host (1000 = one core). */
export function loadObjective(
  byMachine: ReadonlyMap<string, number>,
  cpuMillis: Float64Array,
): Objective {
  return {
    name: 'load',
    terms: [
      { measure: { of: 'load', byMachine }, weight: 1, kind: 'sd', totals: cpuMillis },
      { measure: { of: 'column', column: 'memory' }, weight: 0.2, kind: 'sd' },
    ],
  }
}

/** Data moves off worn pools. `byPool` is the worn part of each pool (0 new, 1 worn out). */
export function wearObjective(byPool: Float64Array): Objective {
  return {
    name: 'wear',
    terms: [
      { measure: { of: 'wear', byPool }, weight: 1, kind: 'mean' },
      { measure: { of: 'storage' }, weight: 0.2, kind: 'sd' },
    ],
  }
}

/** Totals that Ganeti divides by, by host row. */
export interface GanetiTotals {
  /** All memory of a host, in the unit of the memory column, with that of its own system. */
  readonly memory: Float64Array
  /** Memory of its own system. */
  readonly systemMemory: Float64Array
  readonly storageBytes: Float64Array
  /** Physical cores, in the unit of the cpu column. */
  readonly cpu: Float64Array
  /** Most places (machines and standbys) a host may have. */
  readonly places: Float64Array
}

/** The score of Ganeti's balancer, for comparison: it also wants equal counts on every host. */
export function ganetiObjective(totals: GanetiTotals): Objective {
  const memory = { totals: totals.memory }
  return {
    name: 'ganeti',
    terms: [
      {
        measure: { of: 'column', column: 'memory' },
        weight: 1,
        kind: 'sd',
        besides: totals.systemMemory,
        ...memory,
      },
      { measure: { of: 'storage' }, weight: 1, kind: 'sd', totals: totals.storageBytes },
      { measure: { of: 'reserve', column: 'memory' }, weight: 1, kind: 'sd', ...memory },
      { measure: { of: 'column', column: 'cpu' }, weight: 1, kind: 'sd', totals: totals.cpu },
      { measure: { of: 'machines' }, weight: 3, kind: 'sd' },
      { measure: { of: 'places' }, weight: 1, kind: 'sd' },
      { measure: { of: 'places' }, weight: 1, kind: 'sd', totals: totals.places },
      { measure: { of: 'reserve', column: 'memory' }, weight: 0.25, kind: 'sum', ...memory },
    ],
  }
}
