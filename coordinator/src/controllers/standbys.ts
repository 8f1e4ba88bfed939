import type { Admission } from '../admission/index.ts'
import type { Pipeline } from '../commit/index.ts'
import { pendingStandbys } from '../decide/index.ts'

/** What the controller needs. */
export interface StandbyParts {
  readonly pipeline: Pipeline
  readonly admission: Admission
}

/** Standbys put right per transaction; each writes one record. */
const STANDBYS_PER_COMMAND = 100

/**
 * Brings standbys in order: a guarantee that was turned on gets them, hosts that have become
 * useless are exchanged. A pass plans once, so one that helps nobody is no endless work, and looks
 * at nothing while the state stays as the last pass left it.
 */
export function standbyKeeper({ admission, pipeline }: StandbyParts): () => Promise<void> {
  const { state } = pipeline
  let settledAt = -1
  return async () => {
    if (state.revision === settledAt) return
    const standbys = pendingStandbys(state)
    for (let i = 0; i < standbys.length; i += STANDBYS_PER_COMMAND)
      await pipeline.submit(
        admission.plain('AssignStandbys', 'controller/standbys', {
          standbys: standbys.slice(i, i + STANDBYS_PER_COMMAND),
        }),
      )
    if (standbys.length === 0) settledAt = state.revision
  }
}
