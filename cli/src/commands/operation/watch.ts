import { OperationServiceService, WatchOperationsResponse } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { defineVerb, optionalArgument } from '../../verb/index.ts'
import { watchResources } from '../watch.ts'
import { isRunning, operationKind, operationPhase } from './kind.ts'

/** `operation watch`. */
export const watch = defineVerb({
  name: 'watch',
  summary: 'follow operations; one of them until it has ended',
  description: 'Of one operation, the exit code is 0 only if it succeeded.',
  args: { name: optionalArgument('only this operation', 'operation') },
  examples: ['operation watch', 'operation watch op-0f9d5c1e-2a6b'],
  async run({ args: { name = '' }, session }) {
    const client = await session.client()
    // A watch of something that is not there would wait for it; a name is more likely mistyped.
    if (name !== '') await client.call(OperationServiceService.getOperation, { name })
    const last = await watchResources(session, {
      kind: operationKind,
      method: OperationServiceService.watchOperations,
      request: (resourceVersion) => ({ resourceVersion, name }),
      item: (step) => step.operation,
      json: WatchOperationsResponse.toJSON,
      isLast: (operation) => name !== '' && !isRunning(operation),
    })
    if (name === '' || last === undefined || isRunning(last)) return
    const phase = operationPhase(last)
    if (phase !== 'Succeeded')
      throw new KeelsonError('UNKNOWN', `operation "${name}" has ended: ${phase}`, {
        details: [last.message],
      })
  },
})
