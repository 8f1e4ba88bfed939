/** Failures and changes that are played on a copy of the state, and what they would do. */
import type { Flavor } from './capacity.ts'
import type { GuaranteeCheck, Impact, ImpactKind, Shortage } from './guarantee.ts'
import type { PlacementPolicy } from './placement-policy.ts'
import type { PlacementReport } from './placement-report.ts'
import type { Move } from './rebalance.ts'

/** All hosts with one value of a node label. */
export interface FailureDomain {
  readonly label: string
  readonly value: string
}

/** One thing that happens. */
export type WhatIfStep =
  | { readonly type: 'FailNode'; readonly node: string }
  | { readonly type: 'FailDomain'; readonly domain: FailureDomain }
  | { readonly type: 'ReturnNode'; readonly node: string }
  | { readonly type: 'DrainNode'; readonly node: string }
  | { readonly type: 'RemoveNode'; readonly node: string }
  | {
      readonly type: 'AddNodes'
      /** Name of a hardware profile, or "like:" and the name of a host to copy. */
      readonly profile: string
      /** At least 1. */
      readonly count: number
      readonly labels: Readonly<Record<string, string>>
    }
  | {
      readonly type: 'Place'
      readonly flavor: Flavor
      /** At least 1. */
      readonly count: number
    }
  | { readonly type: 'SetPolicy'; readonly policy: PlacementPolicy }

/** How often something happens. */
export interface ImpactCount {
  readonly kind: ImpactKind
  readonly count: number
}

/** What one step would do. */
export interface WhatIfResult {
  /** One sentence with numbers. */
  readonly summary: string
  /** The worst first; may be cut. */
  readonly impacts: readonly Impact[]
  /** The worst first; what was cut off included. */
  readonly impactCounts: readonly ImpactCount[]
  readonly shortages: readonly Shortage[]
  /** In order; may be cut. */
  readonly moves: readonly Move[]
  readonly moveCount: number
  readonly copiedBytes: number
  /** That held before and no longer hold once all moves are done. */
  readonly brokenGuarantees: readonly GuaranteeCheck[]
  /** Of the last thing a step placed, or could not place. */
  readonly report?: PlacementReport
}
