/** How operations are shown. */
import {
  type Operation,
  OperationPhase,
  operationKindToJSON,
  operationPhaseToJSON,
} from '@keelson/shared/api'
import { age, timeAndAge, toneOf, word } from '../../output/index.ts'
import { identityFields, type Kind, lifeFields, metaColumns } from '../../resource/index.ts'

/** An operation's phase as a word. */
export function operationPhase({ phase }: Operation): string {
  return word(operationPhaseToJSON(phase), 'OPERATION_PHASE_')
}

/** Whether it goes on. */
export function isRunning({ phase }: Operation): boolean {
  return phase === OperationPhase.OPERATION_PHASE_RUNNING
}

function kindOf({ kind }: Operation): string {
  return word(operationKindToJSON(kind), 'OPERATION_KIND_')
}

/** How operations are shown. */
export const operationKind: Kind<Operation> = {
  singular: 'operation',
  plural: 'operations',
  id: ({ meta }) => meta?.name ?? '',
  columns: (nowMs) => [
    { title: 'NAME', cell: ({ meta }) => meta?.name ?? '' },
    { title: 'KIND', cell: kindOf },
    { title: 'SUBJECT', cell: ({ subject }) => subject },
    { title: 'PHASE', cell: operationPhase, tone: toneOf },
    { title: 'DONE', cell: ({ progressPercent }) => `${progressPercent}%`, right: true },
    ...metaColumns<Operation>(nowMs),
    { title: 'ENDED', cell: ({ finishedAt }) => age(finishedAt, nowMs), wide: true },
    { title: 'MESSAGE', cell: ({ message }) => message },
  ],
  describe(item, to, nowMs) {
    const phase = operationPhase(item)
    to.fields([
      ...identityFields(item.meta),
      ['Kind', kindOf(item)],
      ['Subject', item.subject],
      ['Phase', phase, toneOf(phase)],
      ['Done', `${item.progressPercent}%`],
      ['Message', item.message],
      ...lifeFields(item.meta, nowMs),
      ['Ended', timeAndAge(item.finishedAt, nowMs)],
    ])
  },
}
