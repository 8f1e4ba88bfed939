/** Moves that make the cluster better, and how far they are. */
import type { RebalanceLimits } from './placement-policy.ts'

/** How something gets from one place to another. */
export type MoveKind = 'Migrate' | 'Restart' | 'Replica' | 'AddReplica'

/** One move. */
export interface Move {
  /** Within its list, from 1. */
  readonly number: number
  readonly kind: MoveKind
  /** Such as "volume/data". */
  readonly subject: string
  /** Empty for AddReplica. */
  readonly fromNode: string
  /** Empty for a machine. */
  readonly fromPool: string
  readonly toNode: string
  /** Empty for a machine. */
  readonly toPool: string
  /** Of the replica, or of the memory of a live machine. */
  readonly copiedBytes: number
  /** By how much it lowers the imbalance. */
  readonly gain: number
  /** One sentence with numbers. */
  readonly reason: string
  /** Numbers of moves that must end before it begins. */
  readonly after: readonly number[]
}

/** What a rebalance is for. */
export type RebalanceObjective = 'Spread' | 'Capacity' | 'Load' | 'Wear'

/** Moves in an order in which every intermediate state keeps every rule. */
export interface RebalancePlan {
  readonly id: string
  readonly objective: RebalanceObjective
  readonly moves: readonly Move[]
  readonly copiedBytes: number
  readonly imbalanceBefore: number
  readonly imbalanceAfter: number
  readonly summary: string
  readonly resourceVersion: number
  readonly expiresAt?: number
}

/** Life of a rebalance. */
export type RebalancePhase = 'Running' | 'Pausing' | 'Paused' | 'Done'

/** Life of a move. */
export type MovePhase = 'Waiting' | 'Running' | 'Done' | 'Skipped' | 'Failed'

/** How far a move is. */
export interface MoveStatus {
  readonly number: number
  readonly phase: MovePhase
  readonly copiedBytes: number
  /** Why it waits, was skipped or failed. */
  readonly message: string
}

/** A plan being carried out. */
export interface Rebalance {
  /** Name of its operation; empty after a dry run. */
  readonly operation: string
  readonly plan: RebalancePlan
  readonly phase: RebalancePhase
  readonly limits: RebalanceLimits
  /** In order of number. */
  readonly moves: readonly MoveStatus[]
}
