import {
  ApplyRebalanceResponse,
  PlacementServiceService,
  type RebalanceLimits,
  RebalancePlan,
} from '@keelson/shared/api'
import { usageError } from '../../../errors/index.ts'
import { present } from '../../../resource/index.ts'
import {
  defineVerb,
  mutating,
  optionalArgument,
  type Session,
  sizeBytes,
  waiting,
  wholeNumber,
} from '../../../verb/index.ts'
import { waitForOperation } from '../../operation/index.ts'
import { askForPlan, type PlanWishes, planFlags } from './planning.ts'
import { planView, rebalanceView } from './view.ts'

/** `placement rebalance apply`. */
export const apply = defineVerb({
  name: 'apply',
  summary: 'carry a plan out, or plan and carry out at once',
  description:
    'Every move is judged again before it begins; one that would break a rule by now, or gain ' +
    'nothing, is skipped. Cancelling its operation lets moves under way end. Limits that are not ' +
    "given are those of the cluster's policy.",
  args: { plan: optionalArgument('id of a plan; without it one is made with the flags') },
  flags: {
    ...planFlags,
    movesPerNode: wholeNumber('count', 'most moves at once from or to one host', [1, 64]),
    movesPerDomain: wholeNumber('count', 'most moves at once from or to one rack', [1, 1024]),
    bandwidth: sizeBytes('most bytes to copy per second, such as 100MiB'),
    ...mutating,
    ...waiting,
  },
  examples: [
    'placement rebalance apply plan-0f9d5c1e',
    'placement rebalance apply --objective spread --budget 200GiB --bandwidth 200MiB --no-wait',
  ],
  async run({ args, flags, session }) {
    const planId = args.plan ?? (await planAndShow(session, flags))
    if (planId === undefined) return
    if (
      args.plan !== undefined &&
      (flags.objective ?? flags.budget ?? flags.maxMoves) !== undefined
    )
      throw usageError('a plan that exists has its objective, budget and moves already')
    const client = await session.client()
    const response = await client.call(PlacementServiceService.applyRebalance, {
      planId,
      limits: limitsOf(flags),
      dryRun: flags.dryRun,
    })
    let rebalance = present(response.rebalance, 'the rebalance')
    if (!flags.dryRun && flags.wait) {
      const { operation } = rebalance
      await waitForOperation(session, operation)
      const after = await client.call(PlacementServiceService.getRebalance, { operation })
      rebalance = present(after.rebalance, `rebalance "${operation}"`)
    }
    await session.print(rebalanceView(rebalance, ApplyRebalanceResponse.toJSON({ rebalance })))
  },
})

/** Id of a plan made and shown now; undefined if it has no moves, which is shown too. */
async function planAndShow(session: Session, wishes: PlanWishes): Promise<string | undefined> {
  const plan = await askForPlan(session, wishes)
  const forPeople = session.format === 'table' || session.format === 'wide'
  const useless = plan.moves.length === 0
  if (forPeople || useless)
    await session.print(planView(plan, { plan: RebalancePlan.toJSON(plan) }))
  return useless ? undefined : plan.id
}

function limitsOf(flags: {
  readonly movesPerNode: number | undefined
  readonly movesPerDomain: number | undefined
  readonly bandwidth: bigint | undefined
}): RebalanceLimits {
  return {
    movesPerNode: flags.movesPerNode ?? 0,
    movesPerDomain: flags.movesPerDomain ?? 0,
    failureDomain: '',
    bandwidthBytesPerSecond: flags.bandwidth ?? 0n,
    windows: [],
  }
}
