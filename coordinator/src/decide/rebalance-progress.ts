/** What a rebalance says about itself: how far it is, in numbers. */
import { formatSize, type Move, type MoveStatus } from '@keelson/shared/model'
import type { RebalanceRecord } from '../state/index.ts'
import type { Draft } from './draft.ts'

/** Whether there is anything to follow or to begin. */
export function isActive(record: RebalanceRecord): boolean {
  return record.phase !== 'Done' || openMoves(record) > 0
}

/** How many moves are under way. */
export function openMoves({ moves }: RebalanceRecord): number {
  return moves.filter(({ phase }) => phase === 'Running').length
}

/** Puts the record, and what it says about its progress into its operation while that runs. */
export function putRebalance(draft: Draft, record: RebalanceRecord): void {
  draft.put('rebalance', record.operation, record)
  const operation = draft.get('operation', record.operation)
  if (operation?.phase !== 'Running') return
  const progressPercent = progressOf(record)
  const message = `${record.phase}: ${summaryOf(record)}`
  if (operation.progressPercent === progressPercent && operation.message === message) return
  draft.put('operation', operation.meta.name, { ...operation, progressPercent, message })
}

/** By bytes; by moves if nothing is copied. */
function progressOf({ moves, plan }: RebalanceRecord): number {
  const weigh = (move: Move) => (plan.copiedBytes > 0 ? move.copiedBytes : 1)
  let done = 0
  let all = 0
  for (const [index, { phase }] of moves.entries()) {
    const weight = weigh(plan.moves[index]!)
    all += weight
    if (phase !== 'Waiting' && phase !== 'Running') done += weight
  }
  return all === 0 ? 0 : Math.floor((done * 100) / all)
}

/** "3 of 8 moves done (20 GiB copied), 1 under way, 1 skipped". */
export function summaryOf({ moves }: RebalanceRecord): string {
  const count = (phase: MoveStatus['phase']) =>
    moves.filter((status) => status.phase === phase).length
  const copied = moves.reduce((bytes, status) => bytes + status.copiedBytes, 0)
  const parts = [
    `${count('Done')} of ${moves.length} moves done (${formatSize(copied)} copied)`,
    ...[
      [count('Running'), 'under way'] as const,
      [count('Skipped'), 'skipped'] as const,
      [count('Failed'), 'failed'] as const,
    ].flatMap(([number, word]) => (number > 0 ? `${number} ${word}` : [])),
  ]
  return parts.join(', ')
}
