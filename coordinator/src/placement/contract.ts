/** What placement answers: where everything goes, and why, or why nowhere. */
import type { HostReservation, PlacementReport, VirtualMachineDemand } from '@keelson/shared/model'

/** A pool of a host. */
export interface Place {
  readonly node: string
  readonly pool: string
}

/** How placement reports. */
export interface PlaceOptions {
  /** Give a verdict for every candidate even when there is a place. */
  readonly explain: boolean
  /** Of all of them; otherwise of the 50 that came furthest. */
  readonly full?: boolean
  /** It joins replicas that exist, so its host has to replicate although it is only one. */
  readonly replicated?: boolean
  /**
   * What was asked for, if the demand of a machine names only places found before: tie-breakers
   * stand elsewhere.
   */
  readonly asked?: VirtualMachineDemand
}

/** Where a volume goes. */
export interface VolumePlacement {
  /** As many as replicas were asked for, in order; empty when it does not fit. */
  readonly places: readonly Place[]
  /** Host that votes beside an even number of them; empty for none. The report says why. */
  readonly tieBreaker: string
  readonly report: PlacementReport
}

/** Where a machine and the volumes made with it go. */
export interface MachinePlacement {
  /** Host; empty when it does not fit. */
  readonly node: string
  /** Host that keeps room for it; empty if no guarantee asks for one. */
  readonly standbyNode: string
  /** What the host sets aside; absent when it does not fit. */
  readonly reserved: HostReservation | undefined
  /** For each new volume of the demand the places of its replicas; empty when it does not fit. */
  readonly volumes: readonly (readonly Place[])[]
  /** For each of them the host of its tie-breaker, empty for none. */
  readonly tieBreakers: readonly string[]
  readonly report: PlacementReport
}

/** What is placed. */
export interface Subject {
  /** Name of the volume or machine. */
  readonly name: string
  /** Its UUID, or another text that differs from subject to subject: it breaks ties. */
  readonly uid: string
  /** Its labels, which affinities of others may select; absent means none. */
  readonly labels?: Readonly<Record<string, string>>
}
