import type { Admission } from '../admission/index.ts'
import type { Pipeline } from '../commit/index.ts'
import { isActive } from '../decide/index.ts'

/** What the controller needs. */
export interface RebalanceParts {
  readonly pipeline: Pipeline
  readonly admission: Admission
}

/**
 * Carries rebalances on: asks for one step after the other until none is left to take now. A step
 * that begins a move writes so in the same transaction, so a coordinator that starts again just
 * goes on.
 */
export async function advanceRebalances(
  { admission, pipeline }: RebalanceParts,
  signal: AbortSignal,
): Promise<void> {
  const { state } = pipeline
  for (const operation of state.rebalances.sortedIds()) {
    const record = state.rebalances.get(operation)
    if (!record || !isActive(record)) continue
    for (let wrote = true; wrote && !signal.aborted; ) {
      const command = admission.plain('AdvanceRebalance', 'controller/rebalance', { operation })
      const committed = await pipeline.submit(command)
      wrote = committed.record('rebalance', operation) !== undefined
    }
  }
}
