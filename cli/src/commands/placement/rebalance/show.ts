import { GetRebalanceResponse, PlacementServiceService } from '@keelson/shared/api'
import { present } from '../../../resource/index.ts'
import { defineVerb, optionalArgument } from '../../../verb/index.ts'
import { rebalanceView } from './view.ts'

/** `placement rebalance show`. */
export const show = defineVerb({
  name: 'show',
  summary: 'show how far a rebalance is, and why its moves wait',
  args: { operation: optionalArgument('name of its operation (the latest)', 'operation') },
  examples: ['placement rebalance show', 'placement rebalance show op-0f9d5c1e-2a6b -o json'],
  async run({ args: { operation = '' }, session }) {
    const client = await session.client()
    const response = await client.call(PlacementServiceService.getRebalance, { operation })
    const rebalance = present(response.rebalance, 'the rebalance')
    await session.print(rebalanceView(rebalance, GetRebalanceResponse.toJSON(response)))
  },
})
