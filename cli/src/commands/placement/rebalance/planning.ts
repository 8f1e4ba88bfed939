/** Asking for a plan: the flags of `plan`, and of `apply` without a plan's id. */
import {
  RebalanceObjective as Objective,
  PlacementServiceService,
  type RebalanceObjective,
  type RebalancePlan,
} from '@keelson/shared/api'
import { present } from '../../../resource/index.ts'
import { choice, type Session, sizeBytes, text, wholeNumber } from '../../../verb/index.ts'

const OBJECTIVES = {
  spread: Objective.REBALANCE_OBJECTIVE_SPREAD,
  capacity: Objective.REBALANCE_OBJECTIVE_CAPACITY,
  load: Objective.REBALANCE_OBJECTIVE_LOAD,
  wear: Objective.REBALANCE_OBJECTIVE_WEAR,
} as const satisfies Record<string, RebalanceObjective>

type ObjectiveWord = keyof typeof OBJECTIVES

/** What a plan is to reach, and what it may cost. */
export const planFlags = {
  objective: choice(
    Object.keys(OBJECTIVES) as ObjectiveWord[],
    'what it is for: all hosts equally full (the default), room for more, equal load, equal wear',
  ),
  budget: sizeBytes('most bytes to copy, such as 200GiB'),
  maxMoves: wholeNumber('count', 'most moves', [1, 1000]),
  selector: text('selector', 'only from and to hosts with matching labels, such as "rack=a"', {
    short: 'l',
  }),
} as const

/** The values of `planFlags`. */
export interface PlanWishes {
  readonly objective: ObjectiveWord | undefined
  readonly budget: bigint | undefined
  readonly maxMoves: number | undefined
  readonly selector: string | undefined
}

/** Asks the coordinator for a plan. */
export async function askForPlan(
  session: Session,
  { budget, maxMoves, objective, selector }: PlanWishes,
): Promise<RebalancePlan> {
  const client = await session.client()
  const { plan } = await client.call(PlacementServiceService.planRebalance, {
    objective: OBJECTIVES[objective ?? 'spread'],
    budgetBytes: budget ?? 0n,
    maxMoves: maxMoves ?? 0,
    labelSelector: selector ?? '',
  })
  return present(plan, 'the plan')
}
