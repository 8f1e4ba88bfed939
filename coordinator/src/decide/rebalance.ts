/**
 * A rebalance is a plan being carried out. Its record has everything: what has begun begins in the
 * same transaction that writes it down, so that nothing is ever begun twice, whenever a coordinator
 * stops. `AdvanceRebalance` is submitted again and again; it writes what is new, or nothing.
 */
import { KeelsonError } from '@keelson/shared/errors'
import type { MoveStatus, RebalanceLimits } from '@keelson/shared/model'
import { effectivePolicy } from '../placement/index.ts'
import type { RebalanceRecord, StateView } from '../state/index.ts'
import type { CommandOf, Stamp } from './command.ts'
import { createDraft, type Decision, type Draft } from './draft.ts'
import { found } from './lookup.ts'
import { nextMoves } from './next-moves.ts'
import { startOperation } from './operation.ts'
import { openMoves, putRebalance } from './rebalance-progress.ts'
import { beginMove } from './rebalance-step.ts'

/** Most moves of a plan: all of them are in one record, which every step writes anew. */
export const MAXIMUM_MOVES = 1000

const SUBJECT = 'cluster'
const DEFAULT_MOVES_PER_NODE = 1
const DEFAULT_MOVES_PER_DOMAIN = 4

/** Begins to carry a plan out; FAILED_PRECONDITION while another is under way. */
export function decideApplyRebalance(
  state: StateView,
  { dryRun = false, limits, plan, stamp }: CommandOf<'ApplyRebalance'>,
): Decision {
  const other = state.runningOperation('Rebalance', SUBJECT)
  if (other)
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `rebalance "${other.meta.name}" is under way: ${other.message}`,
      { reason: 'in-use', details: ['wait for it, or cancel its operation'] },
    )
  if (plan.moves.length === 0)
    throw new KeelsonError('FAILED_PRECONDITION', `plan "${plan.id}" has no moves: ${plan.summary}`)
  if (plan.moves.length > MAXIMUM_MOVES)
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `the plan has ${plan.moves.length} moves, at most ${MAXIMUM_MOVES} are carried out at once`,
    )
  const draft = createDraft(state, stamp)
  const operation = startOperation(draft, 'Rebalance', SUBJECT, plan.summary)
  const record: RebalanceRecord = {
    operation,
    plan,
    phase: 'Running',
    limits: completeLimits(state, limits),
    moves: plan.moves.map(({ number }) => waiting(number)),
    owed: { bytes: 0, at: stamp.now },
  }
  draft.put('rebalance', operation, dryRun ? judged(state, record, stamp) : record)
  return draft.decision({ name: operation, operation })
}

function waiting(number: number): MoveStatus {
  return { number, phase: 'Waiting', copiedBytes: 0, message: '' }
}

function completeLimits(state: StateView, own: RebalanceLimits): RebalanceLimits {
  const policy = effectivePolicy(state).rebalanceLimits
  return {
    movesPerNode: own.movesPerNode || policy?.movesPerNode || DEFAULT_MOVES_PER_NODE,
    movesPerDomain: own.movesPerDomain || policy?.movesPerDomain || DEFAULT_MOVES_PER_DOMAIN,
    failureDomain: own.failureDomain || policy?.failureDomain || '',
    bandwidthBytesPerSecond: own.bandwidthBytesPerSecond || policy?.bandwidthBytesPerSecond || 0,
    windows: own.windows.length > 0 ? own.windows : (policy?.windows ?? []),
  }
}

/** The record with every move skipped that would be refused now, if it waits for no other. */
function judged(state: StateView, record: RebalanceRecord, stamp: Stamp): RebalanceRecord {
  const pointless = new Map(
    nextMoves(state, record, stamp.now).skip.map(({ number, why }) => [number, why]),
  )
  const moves = record.plan.moves.map((move): MoveStatus => {
    const { after, number } = move
    const why =
      pointless.get(number) ??
      (after.length > 0 ? undefined : beginMove(createDraft(state, stamp), move))
    return why === undefined
      ? waiting(number)
      : { ...waiting(number), phase: 'Skipped', message: why }
  })
  return { ...record, moves }
}

/** The rebalance of that operation; without a name the one under way. */
export function findRebalance(state: StateView, operation: string): RebalanceRecord {
  if (operation !== '') return found(state.rebalances.get(operation), 'rebalance', operation)
  const running = state.runningOperation('Rebalance', SUBJECT)
  const record = running && state.rebalances.get(running.meta.name)
  if (record) return record
  throw new KeelsonError('NOT_FOUND', 'no rebalance is under way')
}

/** Lets moves under way end and begins no further one. */
export function decidePauseRebalance(
  state: StateView,
  { operation, stamp }: CommandOf<'PauseRebalance'>,
): Decision {
  const record = findRebalance(state, operation)
  const draft = createDraft(state, stamp)
  refuseDone(record)
  if (record.phase === 'Running') {
    const phase = openMoves(record) > 0 ? 'Pausing' : 'Paused'
    putRebalance(draft, { ...record, phase })
    draft.event('Normal', 'RebalancePaused', SUBJECT, `by ${stamp.actor}`)
  }
  return draft.decision({ name: record.operation })
}

/** Goes on. */
export function decideResumeRebalance(
  state: StateView,
  { operation, stamp }: CommandOf<'ResumeRebalance'>,
): Decision {
  const record = findRebalance(state, operation)
  const draft = createDraft(state, stamp)
  refuseDone(record)
  if (record.phase !== 'Running') {
    putRebalance(draft, { ...record, phase: 'Running' })
    draft.event('Normal', 'RebalanceResumed', SUBJECT, `by ${stamp.actor}`)
  }
  return draft.decision({ name: record.operation })
}

function refuseDone({ operation, phase }: RebalanceRecord): void {
  if (phase === 'Done')
    throw new KeelsonError('FAILED_PRECONDITION', `rebalance "${operation}" is over`)
}

/** After its operation was cancelled: what waits is skipped, what is under way may end. */
export function cancelRebalance(draft: Draft, operation: string): void {
  const record = findRebalance(draft.state, operation)
  const message = `cancelled by ${draft.stamp.actor}`
  const moves = record.moves.map((status) =>
    status.phase === 'Waiting' ? { ...status, phase: 'Skipped' as const, message } : status,
  )
  draft.put('rebalance', operation, { ...record, phase: 'Done', moves })
}
