/**
 * Makes the host what its document says: looks, plans, starts steps, and reports what is. There is
 * no order to give it beyond "look again"; the document and the disks say everything.
 */
import type { KeelsonError } from '@keelson/shared/errors'
import type { Logger } from '@keelson/shared/logging'
import type {
  DesiredState,
  ObservedPool,
  ObservedReplica,
  ObservedSnapshot,
} from '@keelson/shared/model'
import { formatSize } from '@keelson/shared/model'
import {
  type Clock,
  type LoopStatus,
  type Rng,
  startReconcileLoop,
  type Timer,
} from '@keelson/shared/runtime'
import type { MadeItem } from '../ledger/index.ts'
import type { StorageDriver } from '../storage/driver.ts'
import { createExecutor, type Executor, type StepOutcome } from './executor.ts'
import { createItemBook, type ItemBook } from './items.ts'
import { performStep } from './perform.ts'
import { configOf, madeBy, type Plan, plan, stepsOf } from './plan.ts'
import type { Abilities, Planned } from './plan-context.ts'
import { createRecorder } from './recorder.ts'
import { type ItemKey, isMaking, type Step } from './step.ts'
import { createSurvey, describeError } from './survey.ts'

/** What a reconciler needs. */
export interface ReconcilerOptions {
  readonly driver: StorageDriver
  readonly abilities: Abilities
  /** The document to carry out, read anew with each pass; undefined touches nothing. */
  readonly desired: () => DesiredState | undefined
  /** Marks items `provisioned` in the document, on the disk when the promise resolves. */
  readonly recordMade: (items: readonly MadeItem[]) => Promise<void>
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>
  /** What is observed has changed. */
  readonly onChange: () => void
  /** Longest time between two looks at the host; 15 s unless told. */
  readonly periodMs?: number
}

/** What a reconciler is doing, for `debug` output. */
export interface ReconcilerStatus {
  readonly loop: LoopStatus
  readonly running: readonly string[]
  readonly failed: readonly string[]
}

/** A running reconciler. */
export interface Reconciler {
  /** There is a new document, or another reason to look again. */
  trigger(): void
  /** The items of the host; undefined until it was looked at. */
  observed(): ItemBook | undefined
  status(): ReconcilerStatus
  /** Aborts what is under way. Volumes stay as they are, attached and in use. */
  stop(): Promise<void>
}

/** How often the trash of a pool is looked at. */
const RECLAIM_MS = 60_000

/** Starts to reconcile; the first pass begins at once. */
export function startReconciler(options: ReconcilerOptions): Reconciler {
  const { abilities, clock, driver, log, rng } = options
  const book = createItemBook()
  const reclaimedAt = new Map<string, number>()
  let lookedOnce = false
  let retry: Timer | undefined

  const survey = createSurvey({ driver, clock, onLateAnswer: () => loop.trigger() })
  const executor = createExecutor({
    clock,
    rng,
    perform: (step, call) => performStep(driver, step, call),
    onSettled,
    onProgress: replan,
  })
  const recorder = createRecorder({
    clock,
    rng,
    log,
    recordMade: options.recordMade,
    onSettled: replan,
  })

  function onSettled(step: Step, outcome: StepOutcome): void {
    if (step.type === 'Reclaim') reclaimedAt.set(step.pool.uid, clock.now())
    logOutcome(step, outcome)
    survey.settled(step, outcome)
    if (survey.isDoubtful(step.pool.uid)) loop.trigger()
    replan()
  }

  function logOutcome(step: Step, outcome: StepOutcome): void {
    const fields = { step: step.type, item: step.item, pool: step.pool.name, reason: step.reason }
    if (outcome.ok) log[step.type === 'Reclaim' ? 'debug' : 'info'](fields, 'step done')
    else if (outcome.cancelled) log.info(fields, 'step cancelled')
    else log.warn({ ...fields, err: outcome.error }, 'step failed')
  }

  /** Plans with what is known, starts what can start, and reports. */
  function replan(): void {
    const desired = options.desired()
    if (!lookedOnce) return
    if (desired === undefined) {
      report(undefined, 0)
      return
    }
    const planned = plan(desired, survey.view(), abilities, reclaimDue(desired))
    cancelUnwanted(desired, executor)
    const uncertain = [...planned.pools, ...planned.replicas, ...planned.snapshots]
      .filter((item) => item.uncertain)
      .map(({ item }) => item)
    executor.offer(stepsOf(planned), new Set(uncertain))
    recorder.offer(madeBy(planned))
    scheduleRetry()
    const applied = executor.untried() === 0 ? planned.generation : book.appliedGeneration
    report(planned, applied)
  }

  function report(planned: Plan | undefined, appliedGeneration: number): void {
    const seen = { executor, unrecorded: recorder.failure() }
    const shown = {
      appliedGeneration,
      pools: (planned?.pools ?? []).map((item) => show(item, seen, book.pools)),
      replicas: (planned?.replicas ?? []).map((item) => show(item, seen, book.replicas)),
      snapshots: (planned?.snapshots ?? []).map((item) =>
        withProgress(show(item, seen, book.snapshots), item, executor),
      ),
    }
    if (book.update(shown)) options.onChange()
  }

  function reclaimDue(desired: DesiredState): ReadonlySet<string> {
    const isDue = (uid: string) => {
      const last = reclaimedAt.get(uid)
      return last === undefined || clock.now() - last >= RECLAIM_MS
    }
    return new Set(desired.pools.map(({ uid }) => uid).filter(isDue))
  }

  function scheduleRetry(): void {
    retry?.cancel()
    const waits = [executor.nextRetryAt(), recorder.nextRetryAt()].flatMap((retryAt) =>
      retryAt !== undefined && retryAt > clock.now() ? retryAt - clock.now() : [],
    )
    if (waits.length > 0) retry = clock.after(Math.min(...waits), replan)
  }

  const loop = startReconcileLoop({
    name: 'reconcile',
    clock,
    rng,
    periodMs: options.periodMs ?? 15_000,
    onError: (error: KeelsonError) => log.error({ err: error }, 'reconciling failed'),
    async pass(signal) {
      const desired = options.desired()
      await survey.refresh((desired?.pools ?? []).map((pool) => configOf(desired!, pool)))
      if (signal.aborted) return
      const first = !lookedOnce
      lookedOnce = true
      replan()
      if (first) options.onChange()
    },
  })

  return {
    trigger: loop.trigger,
    observed: () => (lookedOnce ? book : undefined),
    status() {
      const { running, failed } = executor.status()
      return {
        loop: loop.status(),
        running: running.map(({ step }) => `${step.type} ${step.item}`),
        failed: failed.map(({ step, error }) => `${step.type} ${step.item}: ${error.message}`),
      }
    },
    async stop() {
      retry?.cancel()
      await Promise.all([loop.stop(), executor.stop(), recorder.stop()])
    },
  }
}

/** Stops making what is to go. */
function cancelUnwanted(desired: DesiredState, executor: Executor): void {
  const leaving: ItemKey[] = [
    ...absent(desired.pools).map(({ uid }): ItemKey => `pool/${uid}`),
    ...absent(desired.replicas).map(({ volumeUid }): ItemKey => `replica/${volumeUid}`),
    ...absent(desired.snapshots).map(({ uid }): ItemKey => `snapshot/${uid}`),
  ]
  for (const item of leaving) {
    const running = executor.running(item)
    if (running && isMaking(running.step)) executor.cancel(item, 'its removal was asked for')
  }
}

function absent<T extends { readonly intent: string }>(items: readonly T[]): readonly T[] {
  return items.filter(({ intent }) => intent === 'Absent')
}

type Reported = ObservedPool | ObservedReplica | ObservedSnapshot

/** The item as planned, with what its step and the record of it have come to. */
function show<T extends Reported>(
  { item, observed, step, uncertain, made }: Planned<T>,
  { executor, unrecorded }: { executor: Executor; unrecorded: KeelsonError | undefined },
  before: ReadonlyMap<string, T>,
): T {
  const uid = item.slice(item.indexOf('/') + 1)
  if (uncertain) return before.get(uid) ?? observed
  const running = executor.running(item)
  // Never confirm that something is gone while it may still be in the making.
  if (step === undefined && running && observed.phase === 'Absent')
    return { ...observed, phase: 'Pending', message: 'being stopped' }
  const failure = step && executor.failure(step)
  if (failure === undefined) {
    if (!made || !unrecorded) return observed
    return { ...observed, message: `made, but not recorded: ${describeError(unrecorded)}` }
  }
  const phase = observed.phase === 'Ready' ? 'Ready' : 'Failed'
  return { ...observed, phase, message: describeError(failure.error) }
}

function withProgress(
  shown: ObservedSnapshot,
  { item }: Planned<ObservedSnapshot>,
  executor: Executor,
): ObservedSnapshot {
  const progress = executor.running(item)?.progress
  if (progress === undefined || shown.phase !== 'Pending') return shown
  const { copiedBytes, totalBytes } = progress
  const message = `copied ${formatSize(copiedBytes)} of ${formatSize(totalBytes)}`
  return { ...shown, message, copiedBytes }
}
