/** What a loss does, what is short, and whether a guarantee holds. */
import type { Guarantee } from './placement-policy.ts'

/** What happens to a volume or machine; see `IMPACT_KINDS` for which is worse. */
export type ImpactKind =
  | 'Restarts'
  | 'RedundancyReduced'
  | 'RedundancyLost'
  | 'Stops'
  | 'Unavailable'
  | 'DataLost'

/** Every kind, from the most harmless to the worst. */
export const IMPACT_KINDS: readonly ImpactKind[] = [
  'Restarts',
  'RedundancyReduced',
  'RedundancyLost',
  'Stops',
  'Unavailable',
  'DataLost',
]

/** What happens to one volume or machine. */
export interface Impact {
  /** Such as "vm/web". */
  readonly subject: string
  readonly kind: ImpactKind
  /** Why, with numbers. */
  readonly reason: string
}

/** Something there is too little of. */
export interface Shortage {
  /** "memory_bytes", "storage_bytes", "cpu_millis", "hugepage_bytes", or a device's resource. */
  readonly resource: string
  /** Such as "rack=b"; empty for the whole cluster. */
  readonly where: string
  /** How much more is needed, in the unit the resource's name ends with; a count for devices. */
  readonly missing: number
}

/** Whether a guarantee holds for domains that are lost together. */
export interface GuaranteeCheck {
  readonly guarantee: Guarantee
  /** Values of the label; names of hosts without one. */
  readonly domains: readonly string[]
  readonly holds: boolean
  /** The proof in one sentence with numbers. */
  readonly summary: string
  /** What would break, the worst first; may be cut. */
  readonly breaks: readonly Impact[]
  /** How much would break, what was cut off included. */
  readonly breakCount: number
  readonly shortages: readonly Shortage[]
}
