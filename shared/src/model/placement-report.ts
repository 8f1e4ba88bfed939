/** One part of a score. */
export interface ScorePart {
  readonly name: string
  readonly value: number
  readonly weight: number
}

/** What placement found about one pool of one host. */
export interface NodeVerdict {
  readonly node: string
  readonly pool: string
  readonly chosen: boolean
  /** First failing filter; empty if none. */
  readonly rejectedBy: string
  /** Why, with numbers; empty if not rejected. */
  readonly reason: string
  readonly scores: readonly ScorePart[]
  readonly totalScore: number
}

/** How many candidates a filter left. */
export interface FunnelStep {
  readonly filter: string
  readonly remaining: number
}

/** Why something is where it is, or nowhere. */
export interface PlacementReport {
  /** Such as "volume/data". */
  readonly subject: string
  readonly placeable: boolean
  /** One sentence with numbers. */
  readonly summary: string
  readonly replicasRequested: number
  readonly nodes: readonly NodeVerdict[]
  readonly funnel: readonly FunnelStep[]
  readonly closestMiss: string
  readonly suggestedFix: string
  readonly resourceVersion: number
  /** Of a machine: the reports of the volumes made with it. */
  readonly parts?: readonly PlacementReport[]
  /** Rejected candidates by the filter they share, the largest group first. */
  readonly groups?: readonly VerdictGroup[]
}

/** Candidates that one filter rejected first. */
export interface VerdictGroup {
  readonly filter: string
  readonly count: number
  /** The reason of the one that came nearest. */
  readonly example: string
  /** Names of some of their hosts. */
  readonly nodes: readonly string[]
}
