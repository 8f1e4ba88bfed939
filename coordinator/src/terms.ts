/**
 * Runs one term after another: opens the store, loads the state, serves; when the store refuses a
 * transaction, what is in memory may be ahead of it, so the term ends, everything is loaded anew,
 * and the next one begins. No network here: the simulation runs this same code.
 */
import { errorChain, KeelsonError } from '@keelson/shared/errors'
import type { Logger } from '@keelson/shared/logging'
import { backoffMs, type Clock, type Rng, sleep } from '@keelson/shared/runtime'
import { createAdmission } from './admission/index.ts'
import type { CurrentTerm, Term } from './api/index.ts'
import { createPipeline, loadState } from './commit/index.ts'
import { startControllers } from './controllers/index.ts'
import { createDispatcher } from './dispatch/index.ts'
import type { AuthorityRecord } from './state/index.ts'
import type { Store } from './store/index.ts'

/** How long things may take. */
export interface TermLimits {
  readonly heartbeatIntervalMs: number
  /** A host silent for longer is offline. */
  readonly livenessTimeoutMs: number
  /** Hosts get this long to come back after a start before any is judged. */
  readonly startGraceMs: number
  readonly keepEvents: number
  readonly keepOperations: number
}

/**
 * A host that stops shows within 10 s: two lost heartbeats, and the check that runs each second.
 */
export const DEFAULT_LIMITS: TermLimits = {
  heartbeatIntervalMs: 2_500,
  livenessTimeoutMs: 7_000,
  startGraceMs: 15_000,
  keepEvents: 10_000,
  keepOperations: 1_000,
}

/** What terms need. */
export interface TermsOptions {
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Logger
  readonly limits: TermLimits
  readonly checked: boolean
  openStore(): Promise<Store>
  /** Makes the authority of a new cluster; called only for an empty store. */
  createAuthority(clusterId: string): Promise<AuthorityRecord>
  /** Called as a term begins to serve, and as it ends. */
  onServing?(serving: boolean): void
}

/** The sequence of terms. */
export interface Terms {
  readonly current: CurrentTerm
  /** Ends the present term and begins no other. */
  stop(): Promise<void>
}

/** A term that lived this long was a good one. */
const LONG_TERM_MS = 60_000
const RETRY = { initialMs: 200, maximumMs: 5_000 }

/** Starts the first term; what it raises is the caller's, later failures are retried here. */
export async function startTerms(options: TermsOptions): Promise<Terms> {
  const { clock, rng, log } = options
  const abort = new AbortController()
  let term: Term | undefined
  let failure: KeelsonError | undefined
  let restarting: Promise<void> | undefined
  /** Terms in a row that did not live long, so that a full disk is not tried in a fast loop. */
  let short = 0
  let begunAt = clock.now()

  function onFailure(error: KeelsonError): void {
    failure = error
    log.error({ err: error }, 'the store refused a transaction; loading the state anew')
    restarting ??= restart().finally(() => {
      restarting = undefined
    })
  }

  async function restart(): Promise<void> {
    const ending = term
    term = undefined
    options.onServing?.(false)
    if (ending)
      await endTerm(ending).catch((err) => log.error({ err }, 'the store did not close well'))
    if (clock.now() - begunAt > LONG_TERM_MS) short = 0
    while (!abort.signal.aborted) {
      try {
        short++
        await sleep(clock, backoffMs(short, RETRY, rng), abort.signal)
        term = await startTerm(options, onFailure)
        begunAt = clock.now()
        failure = undefined
        options.onServing?.(true)
        return
      } catch (error) {
        if (abort.signal.aborted) return
        failure = KeelsonError.from(error, 'UNAVAILABLE', 'the store cannot be opened')
        log.error({ err: failure }, 'the state cannot be loaded; trying again')
      }
    }
  }

  try {
    term = await startTerm(options, onFailure)
  } catch (error) {
    // Nobody would stop what goes on trying behind a start that failed.
    abort.abort(error)
    throw error
  }
  options.onServing?.(true)
  return {
    current() {
      if (term) return term
      const full = failure?.code === 'RESOURCE_EXHAUSTED'
      throw new KeelsonError(
        full ? 'RESOURCE_EXHAUSTED' : 'UNAVAILABLE',
        'the coordinator is loading its state; try again',
        failure ? { cause: failure, details: [errorChain(failure)] } : {},
      )
    },
    async stop() {
      abort.abort(new KeelsonError('CANCELLED', 'stopping'))
      await restarting
      const ending = term
      term = undefined
      if (ending) await endTerm(ending)
    },
  }
}

async function startTerm(
  options: TermsOptions,
  onFailure: (error: KeelsonError) => void,
): Promise<Term> {
  const { clock, rng, log, limits } = options
  const store = await options.openStore()
  try {
    const state = await loadState(store)
    const admission = createAdmission({ clock, rng })
    const { checked } = options
    const pipeline = createPipeline({ store, state, guards: [], checked, onFailure })
    if (!state.cluster.has('info')) {
      const clusterId = rng.uuid()
      const authority = await options.createAuthority(clusterId)
      await pipeline.submit(
        admission.plain('InitializeCluster', 'controller/start', { clusterId, authority }),
      )
    }
    const dispatcher = createDispatcher({
      pipeline,
      admission,
      clock,
      heartbeatIntervalMs: limits.heartbeatIntervalMs,
      onError: (node, message) => log.warn({ node, message }, 'session error'),
    })
    const controllers = startControllers({
      pipeline,
      admission,
      clock,
      rng,
      presence: dispatcher.presence,
      expel: dispatcher.expel,
      ...limits,
      onError: (controller, err) => log.warn({ controller, err }, 'controller failed'),
    })
    return { store, pipeline, dispatcher, controllers, admission, servingSince: clock.now() }
  } catch (error) {
    await store.close()
    throw error
  }
}

async function endTerm({ controllers, dispatcher, pipeline, store }: Term): Promise<void> {
  dispatcher.stop(new KeelsonError('UNAVAILABLE', 'the coordinator is loading its state'))
  await Promise.all([controllers.stop(), pipeline.stop()])
  await store.close()
}
