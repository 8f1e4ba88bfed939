/**
 * Watches that outlive the coordinator they began with. A stream that breaks off is taken up again
 * where it stopped, so that neither a restart nor a change of leaders ends what a person is
 * following, and nothing that happened meanwhile is missed.
 */
import { KeelsonError } from '@keelson/shared/errors'
import { backoffMs, type Clock, sleep, systemRng } from '@keelson/shared/runtime'

/** A way to open a stream and to know where to continue. */
export interface Follow<Step> {
  /** Opens a stream that begins after `from`. */
  open(from: bigint, signal: AbortSignal): AsyncIterable<Step>
  /** Where a stream would continue after this step. */
  position(step: Step): bigint
  /** Where to begin. */
  readonly from: bigint
  /**
   * For streams that list what exists when they begin from 0: whether the list ends with this step.
   * Such a stream is begun anew when the steps after its position are no longer kept.
   */
  readonly endsListing?: (step: Step) => boolean
  readonly clock: Clock
  readonly signal: AbortSignal
  /**
   * Whether a coordinator that cannot be reached at the very start is waited for too. Without it
   * the first failure is raised: a user who mistyped an address wants to know.
   */
  readonly patient: boolean
  /** Told once for each interruption. */
  onInterruption(error: KeelsonError): void
}

const RETRY = { initialMs: 200, maximumMs: 3_000 } as const

/** Steps for as long as there are any. Raises what is not healed by trying again. */
export async function* follow<Step>(options: Follow<Step>): AsyncGenerator<Step, void, undefined> {
  const { clock, signal, endsListing } = options
  let from = options.from
  let connected = options.patient
  let failures = 0
  for (;;) {
    // A list that breaks off halfway has to be begun again: all of it is of one position.
    let listing = endsListing !== undefined && from === 0n
    try {
      for await (const step of options.open(from, signal)) {
        connected = true
        failures = 0
        if (endsListing?.(step)) listing = false
        if (!listing) from = options.position(step)
        yield step
      }
      return
    } catch (error) {
      const known = KeelsonError.from(error)
      if (signal.aborted || !connected) throw known
      if (known.code === 'OUT_OF_RANGE' && endsListing && from !== 0n) {
        from = 0n
        continue
      }
      if (known.code !== 'UNAVAILABLE') throw known
      if (failures === 0) options.onInterruption(known)
      failures++
    }
    await sleep(clock, backoffMs(failures, RETRY, systemRng), signal)
  }
}
