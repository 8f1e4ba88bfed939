/** One step of carrying a rebalance out: what has ended is noted, what may begin begins. */
import { KeelsonError } from '@keelson/shared/errors'
import type { Move, MoveStatus } from '@keelson/shared/model'
import type { RebalanceRecord, StateView } from '../state/index.ts'
import { payOff } from './bandwidth.ts'
import type { CommandOf } from './command.ts'
import { createDraft, type Decision, type Draft } from './draft.ts'
import { found } from './lookup.ts'
import { moveMachine } from './machine-change.ts'
import { moveStandbys } from './machine-standby.ts'
import { moveReplica } from './move.ts'
import { nameOf, nextMoves } from './next-moves.ts'
import { endOperation } from './operation.ts'
import { isActive, openMoves, putRebalance, summaryOf } from './rebalance-progress.ts'

/** Most ends of moves that one step notes, so that it fits one transaction. */
const ENDS_PER_STEP = 20

/** Notes which moves have ended, and begins at most one. Writes nothing if all is as it was. */
export function decideAdvanceRebalance(
  state: StateView,
  { operation, stamp }: CommandOf<'AdvanceRebalance'>,
): Decision {
  const before = state.rebalances.get(operation)
  const draft = createDraft(state, stamp)
  if (!before || !isActive(before)) return draft.decision({ name: operation })
  const followed = noteEnds(draft, before)
  const begun = followed.phase === 'Running' ? beginNext(draft, followed) : followed
  const after = settled(draft, begun)
  if (after !== before) putRebalance(draft, after)
  return draft.decision({ name: operation })
}

/** The record with the ends of moves in it; the same one if none has ended. */
function noteEnds(draft: Draft, record: RebalanceRecord): RebalanceRecord {
  const { state } = draft
  const ends = new Map<number, MoveStatus>()
  for (const [index, status] of record.moves.entries()) {
    if (status.phase !== 'Running' || ends.size === ENDS_PER_STEP) continue
    const move = record.plan.moves[index]!
    const end = endOf(state, move)
    if (!end) continue
    ends.set(status.number, { ...status, ...end })
    if (end.phase === 'Done') moveStandbys(draft, move)
  }
  if (ends.size === 0) return record
  return { ...record, moves: record.moves.map((status) => ends.get(status.number) ?? status) }
}

/** How a replica's move that had begun has ended; undefined while it goes on. */
function endOf(
  state: StateView,
  move: Move,
): Pick<MoveStatus, 'phase' | 'copiedBytes' | 'message'> | undefined {
  const { copiedBytes, fromNode, subject, toNode } = move
  const volume = state.volumes.get(nameOf(move))
  if (!volume || volume.meta.deletionRequestedAt !== undefined)
    return { phase: 'Failed', copiedBytes: 0, message: `${subject} was deleted` }
  const { move: underWay, replicas } = volume.status
  if (underWay?.fromNode === fromNode && underWay.toNode === toNode) return undefined
  const on = (node: string) =>
    replicas.some((replica) => replica.node === node && replica.phase !== 'Deleting')
  if (on(toNode) && !on(fromNode)) return { phase: 'Done', copiedBytes, message: '' }
  const last = [...state.operations.values()]
    .filter(({ kind, subject: about }) => kind === 'VolumeMove' && about === subject)
    .sort((a, b) => (a.finishedAt ?? 0) - (b.finishedAt ?? 0))
    .at(-1)
  return { phase: 'Failed', copiedBytes: 0, message: last?.message ?? 'it was undone' }
}

/** Begins the first move that still keeps every rule; those before it that do not are skipped. */
function beginNext(draft: Draft, record: RebalanceRecord): RebalanceRecord {
  const { state, stamp } = draft
  const { skip, start } = nextMoves(state, record, stamp.now)
  const changes = new Map<number, Partial<MoveStatus>>(
    skip.map(({ number, why }) => [number, { phase: 'Skipped', message: why }]),
  )
  let { owed } = record
  for (const move of start.slice(0, ATTEMPTS_PER_STEP)) {
    const why = beginMove(draft, move)
    if (why !== undefined) {
      changes.set(move.number, { phase: 'Skipped', message: why })
      continue
    }
    // Nothing runs machines yet: one has moved as soon as its record says so.
    const phase = move.kind === 'Replica' ? 'Running' : 'Done'
    const copiedBytes = phase === 'Done' ? move.copiedBytes : 0
    changes.set(move.number, { phase, copiedBytes })
    if (move.kind === 'Replica') {
      owed = payOff(owed, record.limits, stamp.now)
      owed = { ...owed, bytes: owed.bytes + move.copiedBytes }
    }
    break
  }
  if (changes.size === 0) return record
  const moves = record.moves.map((status) => ({ ...status, ...changes.get(status.number) }))
  return { ...record, moves, owed }
}

/** Moves that one step tries to begin, so that a step stays short whatever is refused. */
const ATTEMPTS_PER_STEP = 10

/** Begins a move, or says why it may not be made any more. */
export function beginMove(draft: Draft, move: Move): string | undefined {
  const { stamp } = draft
  const { fromNode, kind, toNode, toPool } = move
  const name = nameOf(move)
  try {
    if (kind === 'Replica') moveReplica(draft, { stamp, volume: name, fromNode, toNode, toPool })
    else moveMachine(draft, { stamp, name, toNode })
    return undefined
  } catch (error) {
    if (!(error instanceof KeelsonError)) throw error
    return error.message
  }
}

/** The record in the phase its moves give it; its operation follows or ends. */
function settled(draft: Draft, record: RebalanceRecord): RebalanceRecord {
  const { moves, operation, phase } = record
  const running = openMoves(record)
  if (phase === 'Pausing' && running === 0) return { ...record, phase: 'Paused' }
  const left = moves.filter((status) => status.phase === 'Waiting').length
  if (phase !== 'Running' || running + left > 0) return record
  const failed = moves.filter((status) => status.phase === 'Failed').length
  const own = found(draft.state.operations.get(operation), 'operation', operation)
  endOperation(draft, own, failed > 0 ? 'Failed' : 'Succeeded', summaryOf(record))
  return { ...record, phase: 'Done' }
}
