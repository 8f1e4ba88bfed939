/** Plans of moves, and how they are carried out. Plans live in memory, for a quarter of an hour. */
import type { PlacementServiceService } from '@keelson/shared/api'
import {
  int64,
  rebalanceCodec,
  rebalanceLimitsCodec,
  rebalanceObjectiveCodec,
  rebalancePlanCodec,
} from '@keelson/shared/codec'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import type { Rebalance, RebalanceLimits, RebalancePlan } from '@keelson/shared/model'
import { findRebalance, found, MAXIMUM_MOVES, nextMoves } from '../../decide/index.ts'
import { checkLimits, planMoves } from '../../placement/index.ts'
import type { RebalanceRecord, StateView } from '../../state/index.ts'
import { admin, reader } from '../access.ts'
import type { CurrentTerm } from '../term.ts'

const PLAN_LIFE_MS = 15 * 60_000
/** Most plans that are kept; the oldest goes. */
const KEPT_PLANS = 32

type Handlers = Required<ServiceHandlers<typeof PlacementServiceService>>

const NO_LIMITS: RebalanceLimits = {
  movesPerNode: 0,
  movesPerDomain: 0,
  failureDomain: '',
  bandwidthBytesPerSecond: 0,
  windows: [],
}

/** PlanRebalance, ApplyRebalance, GetRebalance, PauseRebalance, ResumeRebalance. */
export function rebalanceHandlers(
  current: CurrentTerm,
): Pick<
  Handlers,
  'planRebalance' | 'applyRebalance' | 'getRebalance' | 'pauseRebalance' | 'resumeRebalance'
> {
  const plans = createPlanBook()
  /** A change of the one that is named, or under way. */
  const changing =
    (type: 'PauseRebalance' | 'ResumeRebalance') =>
    async (
      request: { readonly operation: string; readonly dryRun: boolean },
      context: Parameters<typeof admin>[0],
    ) => {
      const actor = admin(context)
      const { admission, pipeline } = current()
      const { operation, dryRun } = request
      const command = admission.plain(type, actor, { operation, dryRun })
      const { outcome, record } = await pipeline.submit(command)
      const changed =
        record('rebalance', outcome.name) ?? findRebalance(pipeline.state, outcome.name)
      return { rebalance: rebalanceCodec.write(changed) }
    }

  return {
    async planRebalance(request, context) {
      reader(context)
      const { admission, pipeline } = current()
      const { now, uid } = admission.stamp('reader')
      const planned = planMoves(pipeline.state, {
        objective: rebalanceObjectiveCodec.read(request.objective, 'objective'),
        budgetBytes: int64.read(request.budgetBytes, 'budget_bytes'),
        maximumMoves: Math.min(request.maxMoves || MAXIMUM_MOVES, MAXIMUM_MOVES),
        labelSelector: request.labelSelector,
        seed: pipeline.state.revision,
      })
      const id = `plan-${uid.slice(0, 8)}`
      const plan = { ...planned, id, expiresAt: now + PLAN_LIFE_MS }
      plans.keep(plan, now)
      await pipeline.settled()
      return { plan: rebalancePlanCodec.write(plan) }
    },

    async applyRebalance({ dryRun, limits: asked, planId }, context) {
      const actor = admin(context)
      const { admission, pipeline } = current()
      const stamp = admission.stamp(actor)
      const limits = asked ? rebalanceLimitsCodec.read(asked, 'limits') : NO_LIMITS
      checkLimits(limits)
      const plan = found(plans.find(planId, stamp.now), 'plan', planId)
      const { outcome, record } = await pipeline.submit({
        ...{ type: 'ApplyRebalance', stamp, plan, limits, dryRun },
      })
      if (!dryRun) plans.forget(planId)
      const begun = found(record('rebalance', outcome.name), 'rebalance', outcome.name)
      const operation = dryRun ? '' : begun.operation
      return { rebalance: rebalanceCodec.write({ ...begun, operation }) }
    },

    async getRebalance({ operation }, context) {
      reader(context)
      const { admission, pipeline } = current()
      const { state } = pipeline
      const name = operation || (state.rebalances.sortedIds().at(-1) ?? '')
      const { now } = admission.stamp('reader')
      const rebalance = presented(state, findRebalance(state, name), now)
      await pipeline.settled()
      return { rebalance: rebalanceCodec.write(rebalance) }
    },

    pauseRebalance: changing('PauseRebalance'),
    resumeRebalance: changing('ResumeRebalance'),
  }
}

/** A rebalance with the reasons why its moves wait: they follow from the state and the hour. */
function presented(state: StateView, record: RebalanceRecord, now: number): Rebalance {
  if (record.phase === 'Done') return record
  const waiting =
    record.phase === 'Running'
      ? new Map(nextMoves(state, record, now).waiting.map(({ number, why }) => [number, why]))
      : undefined
  const moves = record.moves.map((status) => {
    if (status.phase !== 'Waiting') return status
    const message = waiting ? (waiting.get(status.number) ?? '') : 'the rebalance is paused'
    return { ...status, message }
  })
  return { ...record, moves }
}

/** Plans by id, each for its time. */
function createPlanBook() {
  const plans = new Map<string, RebalancePlan>()
  const prune = (now: number) => {
    for (const [id, { expiresAt = 0 }] of plans) if (expiresAt <= now) plans.delete(id)
  }
  return {
    keep(plan: RebalancePlan, now: number): void {
      prune(now)
      if (plans.size >= KEPT_PLANS) plans.delete(plans.keys().next().value!)
      plans.set(plan.id, plan)
    },
    find(id: string, now: number): RebalancePlan | undefined {
      prune(now)
      return plans.get(id)
    },
    forget: (id: string) => plans.delete(id),
  }
}
