import {
  PauseRebalanceResponse,
  PlacementServiceService,
  ResumeRebalanceResponse,
} from '@keelson/shared/api'
import { outcomeView, present } from '../../../resource/index.ts'
import { defineVerb, mutating, optionalArgument } from '../../../verb/index.ts'

/** `placement rebalance pause`. */
export const pause = defineVerb({
  name: 'pause',
  summary: 'let moves under way end, and begin no further one',
  description: 'A paused rebalance keeps its place; operation cancel ends it for good.',
  args: { operation: optionalArgument('name of its operation (the one under way)', 'operation') },
  flags: mutating,
  examples: ['placement rebalance pause', 'placement rebalance pause --dry-run'],
  async run({ args: { operation = '' }, flags: { dryRun }, session }) {
    const client = await session.client()
    const { pauseRebalance } = PlacementServiceService
    const response = await client.call(pauseRebalance, { operation, dryRun })
    const { operation: name } = present(response.rebalance, 'the rebalance')
    const json = PauseRebalanceResponse.toJSON(response)
    const outcome = dryRun ? 'would pause' : 'pauses once its moves under way have ended'
    await session.print(outcomeView(`operation/${name}`, outcome, json))
  },
})

/** `placement rebalance resume`. */
export const resume = defineVerb({
  name: 'resume',
  summary: 'go on with a paused rebalance',
  args: { operation: optionalArgument('name of its operation (the paused one)', 'operation') },
  flags: mutating,
  examples: ['placement rebalance resume'],
  async run({ args: { operation = '' }, flags: { dryRun }, session }) {
    const client = await session.client()
    const { resumeRebalance } = PlacementServiceService
    const response = await client.call(resumeRebalance, { operation, dryRun })
    const { operation: name } = present(response.rebalance, 'the rebalance')
    const json = ResumeRebalanceResponse.toJSON(response)
    await session.print(outcomeView(`operation/${name}`, dryRun ? 'would go on' : 'goes on', json))
  },
})
