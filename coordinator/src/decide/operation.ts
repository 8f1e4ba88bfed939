import type { Operation, OperationKind } from '@keelson/shared/model'
import { finishOperation } from '@keelson/shared/model'
import type { Draft } from './draft.ts'

/** Starts an operation and returns its name; names in order are operations in order of time. */
export function startOperation(
  draft: Draft,
  kind: OperationKind,
  subject: string,
  message: string,
): string {
  const { uid, now } = draft.stamp
  const name = `op-${now.toString(36)}-${uid.slice(0, 6)}`
  draft.put('operation', name, {
    meta: { name, uid: `${uid}-op`, labels: {}, generation: 1, resourceVersion: 0, createdAt: now },
    kind,
    subject,
    phase: 'Running',
    progressPercent: 0,
    message,
  })
  return name
}

/** Ends an operation and says so in an event. */
export function endOperation(
  draft: Draft,
  operation: Operation,
  phase: 'Succeeded' | 'Failed' | 'Cancelled',
  message: string,
): void {
  draft.put(
    'operation',
    operation.meta.name,
    finishOperation(operation, phase, message, draft.stamp.now),
  )
  const type = phase === 'Failed' ? 'Warning' : 'Normal'
  draft.event(type, `${operation.kind}${phase}`, operation.subject, message)
}
