import { assert } from '../errors/index.ts'
import type { ObjectMeta } from './meta.ts'

/** What an operation does. */
export type OperationKind =
  | 'SnapshotCreate'
  | 'SnapshotRestore'
  | 'VolumeResize'
  | 'VolumeMove'
  | 'Rebalance'

/** Life of an operation. */
export type OperationPhase = 'Running' | 'Succeeded' | 'Failed' | 'Cancelled'

/** Every move an operation may make; the right-hand sides of the final phases are empty. */
export const OPERATION_NEXT = {
  Running: ['Succeeded', 'Failed', 'Cancelled'],
  Succeeded: [],
  Failed: [],
  Cancelled: [],
} as const satisfies Record<OperationPhase, readonly OperationPhase[]>

/** Durable work on one subject that can be watched and cancelled. */
export interface Operation {
  readonly meta: ObjectMeta
  readonly kind: OperationKind
  /** Such as "volume/data". */
  readonly subject: string
  readonly phase: OperationPhase
  readonly progressPercent: number
  readonly message: string
  readonly finishedAt?: number
}

/** The operation in its final phase; an illegal move is a programmer error. */
export function finishOperation(
  operation: Operation,
  phase: Exclude<OperationPhase, 'Running'>,
  message: string,
  now: number,
): Operation {
  const allowed: readonly OperationPhase[] = OPERATION_NEXT[operation.phase]
  assert(allowed.includes(phase), `operation ${operation.meta.name}: ${operation.phase} → ${phase}`)
  const progressPercent = phase === 'Succeeded' ? 100 : operation.progressPercent
  return { ...operation, phase, message, progressPercent, finishedAt: now }
}
