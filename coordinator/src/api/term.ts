/**
 * A term is the time between loading the state and losing the right, or the ability, to write: one
 * pipeline, its sessions and its controllers. The API outlives terms; between two of them it
 * answers UNAVAILABLE.
 */
import type { Admission } from '../admission/index.ts'
import type { Pipeline } from '../commit/index.ts'
import type { Controllers } from '../controllers/index.ts'
import type { Dispatcher } from '../dispatch/index.ts'
import type { Store } from '../store/index.ts'

/** Everything of one term. */
export interface Term {
  readonly store: Store
  readonly pipeline: Pipeline
  readonly dispatcher: Dispatcher
  readonly controllers: Controllers
  readonly admission: Admission
  /** When it began to serve. */
  readonly servingSince: number
}

/** Finds the present term; raises UNAVAILABLE (or RESOURCE_EXHAUSTED, disk full) between terms. */
export type CurrentTerm = () => Term
