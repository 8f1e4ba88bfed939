import {
  formatSize,
  type Move,
  parseSelector,
  type RebalanceObjective,
  type RebalancePlan,
} from '@keelson/shared/model'
import type { StateView } from '../../state/index.ts'
import type { Fleet } from '../fleet/index.ts'
import { applyMove, type PlannedMove, planRebalance } from '../rebalance/index.ts'
import { type FleetView, fleetView } from '../view/index.ts'
import { moveRules, pinned } from './move-rules.ts'
import { objectiveOf } from './objectives.ts'

/** What to plan. */
export interface PlanRequest {
  readonly objective: RebalanceObjective
  /** Most bytes to copy; 0 for no limit. */
  readonly budgetBytes: number
  /** At least 1. */
  readonly maximumMoves: number
  /** Kubernetes selector of the hosts that take part; empty for all. */
  readonly labelSelector: string
  readonly seed: number
}

/** Places the search looks at for each machine and volume. */
const EVALUATIONS_EACH = 3_000
/** At most in all, and at least where there is much: a plan costs at most about two seconds. */
const EVALUATIONS = 400_000
const LEAST_EVALUATIONS = 100_000
/** What reading the rules of a machine or volume costs, in places looked at. */
const COST_OF_RULES = 6

/**
 * Plans moves for the state as it is. Raises INVALID_ARGUMENT for a selector that cannot be read,
 * FAILED_PRECONDITION for an objective that needs what nobody measures.
 */
export function planMoves(state: StateView, request: PlanRequest): Omit<RebalancePlan, 'id'> {
  const view = fleetView(state)
  const fleet = pinned(view)
  const { after, before, moves } = planRebalance(fleet, moveRules(view), {
    objective: objectiveOf(view, request.objective),
    hosts: hostsTakingPart(view, request.labelSelector),
    maximumMoves: request.maximumMoves,
    seed: request.seed,
    evaluations: evaluationsFor(fleet.machines.size + fleet.volumes.size),
    ...(request.budgetBytes > 0 && { budgetBytes: request.budgetBytes }),
  })
  const told = tellMoves(view, fleet, moves)
  const copiedBytes = told.reduce((sum, move) => sum + move.copiedBytes, 0)
  return {
    objective: request.objective,
    moves: told,
    copiedBytes,
    imbalanceBefore: before.score,
    imbalanceAfter: after.score,
    summary: summaryOf(request.objective, told, copiedBytes, [before.score, after.score]),
    resourceVersion: state.revision,
  }
}

/** Places to look at, so that nobody is held up for longer than hosts may be silent. */
function evaluationsFor(workloads: number): number {
  const most = Math.max(LEAST_EVALUATIONS, EVALUATIONS - COST_OF_RULES * workloads)
  return Math.min(most, EVALUATIONS_EACH * workloads)
}

/** Hosts that are there and selected: moves come from and go to these alone. */
function hostsTakingPart(view: FleetView, labelSelector: string): Uint8Array {
  const selects = parseSelector(labelSelector)
  return Uint8Array.from(view.nodes, (node) =>
    node?.status.phase === 'Online' && selects(node.meta.labels) ? 1 : 0,
  )
}

/** The moves by name, with reasons. Standbys have none: they follow the data and the machine. */
function tellMoves(view: FleetView, fleet: Fleet, planned: readonly PlannedMove[]): Move[] {
  const shadow = fleet.clone()
  const told: Move[] = []
  for (const move of planned) {
    if (move.kind !== 'Standby') {
      const one = tellMove(view, shadow, move)
      told.push({ ...one, number: told.length + 1, after: requirements(view.state, told, one) })
    }
    applyMove(shadow, move)
  }
  return told
}

function tellMove(
  { state }: FleetView,
  fleet: Fleet,
  {
    copiedBytes,
    fromHost,
    fromPool,
    gain,
    kind,
    memoryBytes,
    subject,
    toHost,
    toPool,
  }: PlannedMove,
): Omit<Move, 'number' | 'after'> {
  const fromNode = fleet.hosts[fromHost]!.name
  const toNode = fleet.hosts[toHost]!.name
  const percent = (part: number) => `${(part * 100).toFixed(1)} %`
  const compare = (share: (host: number) => number, what: string) =>
    `${fromNode} has ${percent(share(fromHost))} of its ${what} taken, ${toNode} ${percent(share(toHost))}`
  if (kind === 'Replica')
    return {
      ...{ kind, fromNode, toNode, copiedBytes, gain },
      subject: `volume/${subject}`,
      fromPool: fleet.pools[fromPool!]!.name,
      toPool: fleet.pools[toPool!]!.name,
      reason: `${compare(storageShare(fleet), 'storage')}: ${formatSize(copiedBytes)} go over`,
    }
  const live = state.virtualMachines.get(subject)?.status.phase === 'Running'
  return {
    ...{ kind: live ? 'Migrate' : 'Restart', fromNode, toNode, fromPool: '', toPool: '', gain },
    subject: `vm/${subject}`,
    copiedBytes: live ? memoryBytes : 0,
    reason: `${compare(memoryShare(fleet), 'memory')}: ${formatSize(memoryBytes)} go over`,
  }
}

function storageShare({ poolCapacity, poolPromised, poolsOf }: Fleet): (host: number) => number {
  return (host) => {
    const sum = (of: Float64Array) => poolsOf(host).reduce((bytes, pool) => bytes + of[pool]!, 0)
    return sum(poolPromised) / sum(poolCapacity)
  }
}

function memoryShare({ columns }: Fleet): (host: number) => number {
  return (host) => columns[0]!.used[host]! / columns[0]!.capacity[host]!
}

/**
 * Numbers of the earlier moves that must end first: those that make room on the host it goes to,
 * and those of the same thing, or of a machine and its data.
 */
function requirements(
  state: StateView,
  earlier: readonly Move[],
  { subject, toNode }: Pick<Move, 'subject' | 'toNode'>,
): number[] {
  const volumesOf = (vm: string) =>
    state.virtualMachines.get(vm.slice(3))?.status.disks.map(({ volume }) => `volume/${volume}`) ??
    []
  const kin = new Set([subject, ...volumesOf(subject)])
  const together = (other: string) =>
    kin.has(other) || (other.startsWith('vm/') && volumesOf(other).includes(subject))
  return earlier
    .filter((move) => move.fromNode === toNode || together(move.subject))
    .map(({ number }) => number)
}

function summaryOf(
  objective: RebalanceObjective,
  moves: readonly Move[],
  copiedBytes: number,
  [before, after]: readonly [number, number],
): string {
  const number = (score: number) => score.toFixed(4)
  const many = `${moves.length} move${moves.length > 1 ? 's' : ''} copying ${formatSize(copiedBytes)}`
  // What capacity is measured by has no meaning to people, and can be negative.
  if (objective === 'Capacity')
    return moves.length === 0
      ? 'no move that is worth its bytes makes room for more'
      : `${many} make room for more`
  if (moves.length === 0) return `no move is worth its bytes, the imbalance stays ${number(before)}`
  return `${many} lower the imbalance from ${number(before)} to ${number(after)}`
}
