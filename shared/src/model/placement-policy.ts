/** Policies of placement as data, and the guarantees they ask for. */

/** What happens when admission would break a guarantee. */
export type GuaranteeMode = 'Off' | 'Warn' | 'Enforce'

/** The promise that losing failure domains stops nothing for good. */
export interface Guarantee {
  /** Node label that names the failure domains; empty means single hosts (N+1). */
  readonly failureDomain: string
  /** How many domains may be lost at once; at least 1. */
  readonly losses: number
  readonly mode: GuaranteeMode
}

/** What a policy applies to; the narrower wins. */
export type PolicyScope = 'Cluster' | 'StorageClass' | 'Tenant'

/** What becomes of a host without the label a rule about failure domains needs. */
export type MissingLabelAction = 'Refuse' | 'Warn'

/** A time of day with its own bandwidth. Minutes are of the day, UTC. */
export interface BandwidthWindow {
  readonly startMinute: number
  /** Not above `startMinute` means on the next day. */
  readonly endMinute: number
  /** 0 starts no move in the window. */
  readonly bandwidthBytesPerSecond: number
}

/** How hard a rebalance may press; 0 leaves a limit to the policy. */
export interface RebalanceLimits {
  readonly movesPerNode: number
  readonly movesPerDomain: number
  /** Node label of those domains; empty means the rack label. */
  readonly failureDomain: string
  readonly bandwidthBytesPerSecond: number
  readonly windows: readonly BandwidthWindow[]
}

/** Limits and preferences of placement; what is absent is left to the wider scope. */
export interface PlacementPolicy {
  readonly scope: PolicyScope
  /** Name of the class or tenant; empty for the cluster. */
  readonly name: string
  /** Counts its changes, from 1. */
  readonly version: number
  readonly updatedAt?: number
  /** Weight of score parts by name; finite, not negative. */
  readonly weights: Readonly<Record<string, number>>
  readonly guarantees: readonly Guarantee[]
  /** Shared virtual CPUs per logical CPU, in hundredths; at least 100. */
  readonly cpuOvercommitPercent?: number
  /** Share of a pool's data space that stays free, 0 to 99. */
  readonly minFreeDataPercent?: number
  /** Share of a thin pool's metadata space that stays free, 0 to 99. */
  readonly minFreeMetadataPercent?: number
  /** Wear of a disk from which its pools take nothing new; 0 means never. */
  readonly maxWearPercent?: number
  readonly missingLabelAction?: MissingLabelAction
  /** Only in the cluster's policy. */
  readonly rebalanceLimits?: RebalanceLimits
}
