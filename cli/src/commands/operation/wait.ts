/** Waiting for an operation. */
import { type Operation, OperationServiceService } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { type Wait, waitFor } from '../../client/index.ts'
import { present } from '../../resource/index.ts'
import type { Session } from '../../verb/index.ts'
import { isRunning, operationPhase } from './kind.ts'

/**
 * Waits until the operation of that name has succeeded; returns its last state. Raises ABORTED with
 * its message when it failed or was cancelled, and besides what `waitFor` raises.
 */
export async function waitForOperation(session: Session, name: string): Promise<Operation> {
  const client = await session.client()
  const { getOperation, watchOperations } = OperationServiceService
  const { operation } = await client.call(getOperation, { name })
  const wait: Wait<Operation> = {
    subject: `operation/${name}`,
    initial: present(operation, `operation "${name}"`),
    async *watch(resourceVersion, signal) {
      for await (const step of client.stream(watchOperations, { resourceVersion, name }, signal))
        yield { ...step, item: step.operation }
    },
    standing: (item) => ({
      summary: `${operationPhase(item)} ${item.progressPercent}%: ${item.message}`,
      troubles: [],
    }),
    verdict,
  }
  const { timeoutMs, progress, terminal } = session
  return waitFor(wait, { timeoutMs, progress, clock: terminal.clock, signal: terminal.signal })
}

function verdict(operation: Operation): 'done' | 'waiting' | KeelsonError {
  if (isRunning(operation)) return 'waiting'
  const phase = operationPhase(operation)
  if (phase === 'Succeeded') return 'done'
  return new KeelsonError('ABORTED', `operation "${operation.meta?.name}" has ended: ${phase}`, {
    details: [operation.message],
  })
}
