/**
 * Waiting until the hosts have done what was asked. The coordinator answers as soon as a change is
 * durable; only a watch tells when the block device is there, or gone. Trouble on a host is shown
 * and waiting goes on, because agents try again by themselves; what ends it is the user's timeout.
 */

import { type ObjectMeta, WatchType } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import type { Clock } from '@keelson/shared/runtime'
import { duration, type Progress } from '../output/index.ts'
import { follow } from './follow.ts'

/** One step of a watch, whatever is watched. */
export interface WatchStep<T> {
  readonly type: WatchType
  /** Absent in a bookmark. */
  readonly item: T | undefined
  readonly resourceVersion: bigint
}

/** A resource as it stands, for the person who waits. */
export interface Standing {
  /** In a few words, such as "Pending: n1 Ready, n2 Pending". */
  readonly summary: string
  /** What hosts complain about, such as "n2: no space left". */
  readonly troubles: readonly string[]
}

/** Anything with a meta. */
export interface Resource {
  readonly meta?: ObjectMeta | undefined
}

/** What is waited for. */
export interface Wait<T extends Resource> {
  /** "volume/data". */
  readonly subject: string
  /** State as the last answer told it. */
  readonly initial: T
  /** Opens the watch; 0 lists what exists first. */
  watch(from: bigint, signal: AbortSignal): AsyncIterable<WatchStep<T>>
  standing(item: T): Standing
  /**
   * "done", "waiting", or why it will never be done. Absent: it is done when it is gone.
   */
  readonly verdict?: (item: T) => 'done' | 'waiting' | KeelsonError
}

/** How waiting is done. */
export interface WaitOptions {
  readonly timeoutMs: number
  readonly clock: Clock
  /** The user's wish to stop. */
  readonly signal: AbortSignal
  readonly progress: Progress
}

/**
 * Waits, and returns the last state seen. Raises DEADLINE_EXCEEDED with the last state in its
 * details, what the verdict gives, NOT_FOUND when the resource goes away instead, and CANCELLED on
 * the user's wish; the work goes on in every case.
 */
export async function waitFor<T extends Resource>(wait: Wait<T>, options: WaitOptions): Promise<T> {
  const { clock, progress } = options
  const deadline = new AbortController()
  const timer = clock.after(options.timeoutMs, () => deadline.abort())
  const signal = AbortSignal.any([options.signal, deadline.signal])
  let last = wait.initial
  try {
    if (settled(wait, last, progress)) return last
    for await (const found of states(wait, options, signal)) {
      if (found === 'gone') {
        if (wait.verdict === undefined) return last
        throw new KeelsonError('NOT_FOUND', `${wait.subject} was deleted meanwhile`)
      }
      last = found
      if (settled(wait, last, progress)) return last
    }
    throw new KeelsonError('UNAVAILABLE', `the coordinator stopped telling about ${wait.subject}`)
  } catch (error) {
    if (deadline.signal.aborted) throw tooLate(wait, last, options.timeoutMs)
    if (options.signal.aborted) progress.note(`${wait.subject} goes on without anybody waiting`)
    throw error
  } finally {
    timer.cancel()
    progress.clear()
  }
}

function settled<T extends Resource>(wait: Wait<T>, item: T, progress: Progress): boolean {
  const { summary, troubles } = wait.standing(item)
  const verdict = wait.verdict?.(item) ?? 'waiting'
  if (verdict instanceof KeelsonError) throw verdict
  if (verdict === 'done') return true
  for (const trouble of troubles) progress.warn(`${wait.subject}: ${trouble}; still waiting`)
  progress.show(`${wait.subject}: ${summary}`)
  return false
}

/** The states that this very resource goes through; one of the same name made later is another. */
async function* states<T extends Resource>(
  wait: Wait<T>,
  { clock, progress }: WaitOptions,
  signal: AbortSignal,
): AsyncGenerator<T | 'gone', void, undefined> {
  const { WATCH_TYPE_BOOKMARK, WATCH_TYPE_DELETED } = WatchType
  const uid = wait.initial.meta?.uid
  let listing = false
  const steps = follow<WatchStep<T>>({
    open(from, until) {
      listing = from === 0n
      return wait.watch(from, until)
    },
    position: (step) => step.resourceVersion,
    from: wait.initial.meta?.resourceVersion ?? 0n,
    endsListing: ({ type }) => type === WATCH_TYPE_BOOKMARK,
    clock,
    signal,
    patient: true,
    onInterruption: ({ message }) => progress.warn(`${message}; trying again`),
  })
  for await (const { type, item } of steps) {
    const ours = item !== undefined && item.meta?.uid === uid
    if (ours && type === WATCH_TYPE_DELETED) yield 'gone'
    else if (ours) {
      listing = false
      yield item
    } else if (type === WATCH_TYPE_BOOKMARK && listing) yield 'gone'
  }
}

function tooLate<T extends Resource>(wait: Wait<T>, last: T, timeoutMs: number): KeelsonError {
  const { summary, troubles } = wait.standing(last)
  const goal = wait.verdict ? 'ready' : 'gone'
  return new KeelsonError(
    'DEADLINE_EXCEEDED',
    `${wait.subject} is not ${goal} after ${duration(timeoutMs)}`,
    {
      details: [`last state: ${summary}`, ...troubles, 'the work goes on; --timeout waits longer'],
    },
  )
}
