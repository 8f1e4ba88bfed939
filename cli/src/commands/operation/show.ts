import { GetOperationResponse, OperationServiceService } from '@keelson/shared/api'
import { detailView, present } from '../../resource/index.ts'
import { argument, defineVerb } from '../../verb/index.ts'
import { operationKind } from './kind.ts'

/** `operation show`. */
export const show = defineVerb({
  name: 'show',
  summary: 'show an operation',
  args: { name: argument('name of the operation', 'operation') },
  examples: ['operation show op-0f9d5c1e-2a6b'],
  async run({ args: { name }, session }) {
    const client = await session.client()
    const response = await client.call(OperationServiceService.getOperation, { name })
    const operation = present(response.operation, `operation "${name}"`)
    await session.print(detailView(operationKind, operation, GetOperationResponse.toJSON(response)))
  },
})
