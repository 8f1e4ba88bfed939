import { CancelOperationResponse, OperationServiceService } from '@keelson/shared/api'
import { outcomeView, rowView } from '../../resource/index.ts'
import { argument, defineVerb, mutating } from '../../verb/index.ts'
import { operationKind } from './kind.ts'

/** `operation cancel`. */
export const cancel = defineVerb({
  name: 'cancel',
  summary: 'undo an operation that is under way',
  description: 'Refused when it is past undoing; operation show says how far it is.',
  args: { name: argument('name of the operation', 'operation') },
  flags: mutating,
  examples: ['operation cancel op-0f9d5c1e-2a6b', 'operation cancel op-0f9d5c1e-2a6b --dry-run'],
  async run({ args: { name }, flags: { dryRun }, session }) {
    const client = await session.client()
    const { cancelOperation } = OperationServiceService
    const response = await client.call(cancelOperation, { name, dryRun })
    const json = CancelOperationResponse.toJSON(response)
    if (dryRun) return session.print(outcomeView(`operation/${name}`, 'would be cancelled', json))
    await session.print(rowView(operationKind, response.operation, json))
  },
})
