import type { OperationServiceService } from '@keelson/shared/api'
import { operationCodec } from '@keelson/shared/codec'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import { found } from '../decide/index.ts'
import { admin, reader } from './access.ts'
import { pageOf, watch } from './listing.ts'
import { presentStep } from './present.ts'
import type { CurrentTerm } from './term.ts'

/** OperationService. */
export function operationHandlers(
  current: CurrentTerm,
): ServiceHandlers<typeof OperationServiceService> {
  return {
    async listOperations(request, context) {
      reader(context)
      const { pipeline } = current()
      const page = pageOf(
        pipeline.state.operations,
        request,
        ({ subject }) => request.subject === '' || subject === request.subject,
        'descending',
      )
      const resourceVersion = BigInt(pipeline.state.revision)
      await pipeline.settled()
      return {
        operations: page.items.map(operationCodec.write),
        nextPageToken: page.nextPageToken,
        resourceVersion,
      }
    },

    async getOperation({ name }, context) {
      reader(context)
      const { pipeline } = current()
      const operation = found(pipeline.state.operations.get(name), 'operation', name)
      await pipeline.settled()
      return { operation: operationCodec.write(operation) }
    },

    async *watchOperations(request, context) {
      reader(context)
      const { pipeline } = current()
      const steps = watch(pipeline, {
        kind: 'operation',
        table: pipeline.state.operations,
        resourceVersion: Number(request.resourceVersion),
        matches: ({ meta }) => request.name === '' || meta.name === request.name,
        signal: context.signal,
      })
      for await (const step of steps)
        yield { ...presentStep(step), operation: step.item && operationCodec.write(step.item) }
    },

    async cancelOperation({ name, dryRun }, context) {
      const actor = admin(context)
      const { admission, pipeline } = current()
      const { record } = await pipeline.submit(
        admission.plain('CancelOperation', actor, { name, dryRun }),
      )
      const operation = record('operation', name)
      return { operation: operation && operationCodec.write(operation) }
    },
  }
}
