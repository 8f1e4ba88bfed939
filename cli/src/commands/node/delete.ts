import { DeleteNodeResponse, NodeServiceService } from '@keelson/shared/api'
import { deletionView } from '../../resource/index.ts'
import { argument, defineVerb, mutating } from '../../verb/index.ts'

/** `node delete`. */
export const remove = defineVerb({
  name: 'delete',
  summary: 'forget a host that is gone for good',
  description: 'Refused while the host is online or carries pools.',
  args: { name: argument('name of the host', 'node') },
  flags: mutating,
  examples: ['node delete n7', 'node delete n7 --dry-run'],
  async run({ args: { name }, flags: { dryRun }, session }) {
    const client = await session.client()
    const { deleteNode } = NodeServiceService
    const response = await client.call(deleteNode, { name, dryRun })
    const json = DeleteNodeResponse.toJSON(response)
    await session.print(deletionView(`node/${name}`, json, { dryRun, gone: true }))
  },
})
