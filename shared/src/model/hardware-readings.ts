/** The readings of a host: what moves by itself, sent with heartbeats and never stored. */

/** One thing that should have been readable and was not. */
export interface Gap {
  /** Where it would stand in the facts: "disks[sda].wwid". */
  readonly path: string
  readonly reason: string
}

/** What moves by itself; sent with heartbeats, kept in memory only. */
export interface HardwareReadings {
  readonly node: string
  readonly collectedAt: number
  readonly memory?: MemoryReading
  readonly load?: LoadReading
  readonly uptimeSeconds?: number
  readonly clock?: ClockReading
  readonly numa: readonly NumaReading[]
  readonly links: readonly LinkReading[]
  readonly gaps: readonly Gap[]
}

/** Use of memory. */
export interface MemoryReading {
  readonly totalBytes?: number
  readonly freeBytes?: number
  readonly availableBytes?: number
  readonly swapTotalBytes?: number
  readonly swapFreeBytes?: number
}

/** Average number of runnable or waiting tasks. */
export interface LoadReading {
  readonly oneMinute: number
  readonly fiveMinutes: number
  readonly fifteenMinutes: number
}

/** How well the clock is kept; the offset is in microseconds ahead of the reference. */
export interface ClockReading {
  readonly synchronized?: boolean
  readonly offsetUs?: number
  readonly lastSyncAt?: number
}

/** Free memory of one NUMA node. */
export interface NumaReading {
  readonly id: number
  readonly freeBytes?: number
  readonly hugePages: readonly FreeHugePages[]
}

/** Huge pages of one size that are not used. */
export interface FreeHugePages {
  readonly pageBytes: number
  readonly free: number
}

/** Counters of one link. */
export interface LinkReading {
  readonly name: string
  readonly carrierChanges: number
}
