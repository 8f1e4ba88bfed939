/** How plans and rebalances are shown. */
import {
  type Move,
  type MoveStatus,
  moveKindToJSON,
  movePhaseToJSON,
  type Rebalance,
  type RebalancePlan,
  rebalancePhaseToJSON,
} from '@keelson/shared/api'
import {
  type Column,
  describe,
  size,
  toneOf,
  until,
  type View,
  word,
} from '../../../output/index.ts'

const moveColumns: readonly Column<Move>[] = [
  { title: 'NO', cell: ({ number }) => String(number), right: true },
  { title: 'KIND', cell: ({ kind }) => word(moveKindToJSON(kind), 'MOVE_KIND_') },
  { title: 'SUBJECT', cell: ({ subject }) => subject },
  { title: 'FROM', cell: ({ fromNode, fromPool }) => place(fromNode, fromPool) },
  { title: 'TO', cell: ({ toNode, toPool }) => place(toNode, toPool) },
  { title: 'COPIES', cell: ({ copiedBytes }) => size(copiedBytes), right: true },
  { title: 'GAIN', cell: ({ gain }) => gain.toFixed(4), right: true },
  { title: 'AFTER', cell: ({ after }) => after.join(',') },
  { title: 'REASON', cell: ({ reason }) => reason, wide: true },
]

function place(node: string, pool: string): string {
  return pool === '' ? node : `${node}/${pool}`
}

/** A plan: its moves in order, and what they come to. */
export function planView(plan: RebalancePlan, json: unknown): View {
  return {
    json,
    names: [`plan/${plan.id}`],
    human({ nowMs, paint, wide }) {
      const to = describe(paint, wide)
      to.table(moveColumns, plan.moves)
      to.line(plan.summary)
      if (plan.moves.length > 0) to.line(`plan ${plan.id} expires ${until(plan.expiresAt, nowMs)}`)
      return to.text()
    },
  }
}

interface FollowedMove {
  readonly move: Move
  readonly status: MoveStatus | undefined
}

const statusColumns: readonly Column<FollowedMove>[] = [
  ...moveColumns.slice(0, 6).map(
    (column): Column<FollowedMove> => ({
      ...column,
      cell: ({ move }) => column.cell(move),
    }),
  ),
  {
    title: 'PHASE',
    cell: ({ status }) => word(movePhaseToJSON(status?.phase ?? 0), 'MOVE_PHASE_'),
    tone: toneOf,
  },
  { title: 'MESSAGE', cell: ({ status }) => status?.message ?? '' },
]

/** A rebalance: every move with how far it is. */
export function rebalanceView(rebalance: Rebalance, json: unknown): View {
  return {
    json,
    names: rebalance.operation === '' ? [] : [`operation/${rebalance.operation}`],
    human({ paint, wide }) {
      const to = describe(paint, wide)
      const { limits, operation, plan } = rebalance
      const phase = word(rebalancePhaseToJSON(rebalance.phase), 'REBALANCE_PHASE_')
      const rate = limits?.bandwidthBytesPerSecond ?? 0n
      to.fields([
        ['Operation', operation],
        ['Phase', phase, toneOf(phase)],
        ['Plan', plan?.summary ?? ''],
        ['Moves at once', `${limits?.movesPerNode} per node, ${limits?.movesPerDomain} per domain`],
        ['Bandwidth', rate === 0n ? '' : `${size(rate)}/s`],
      ])
      const statuses = new Map(rebalance.moves.map((status) => [status.number, status]))
      to.section('Moves:', (inner) =>
        inner.table(
          statusColumns,
          (plan?.moves ?? []).map((move) => ({ move, status: statuses.get(move.number) })),
        ),
      )
      return to.text()
    },
  }
}
