import { RebalancePlan } from '@keelson/shared/api'
import { defineVerb } from '../../../verb/index.ts'
import { askForPlan, planFlags } from './planning.ts'
import { planView } from './view.ts'

/** `placement rebalance plan`. */
export const plan = defineVerb({
  name: 'plan',
  summary: 'find the moves that make the cluster better, and what they cost',
  description:
    'Moves are in an order in which no step breaks a rule; the beginning of a plan is its best ' +
    'part, so a small budget takes that. The coordinator keeps a plan for 15 minutes.',
  flags: planFlags,
  examples: [
    'placement rebalance plan',
    'placement rebalance plan --objective capacity --budget 200GiB --max-moves 20',
  ],
  async run({ flags, session }) {
    const found = await askForPlan(session, flags)
    await session.print(planView(found, { plan: RebalancePlan.toJSON(found) }))
  },
})
