import { ListOperationsResponse, OperationServiceService } from '@keelson/shared/api'
import { defineVerb, listing, text } from '../../verb/index.ts'
import { printList } from '../list.ts'
import { operationKind } from './kind.ts'

/** `operation list`. */
export const list = defineVerb({
  name: 'list',
  summary: 'list operations, newest first',
  flags: { subject: text('kind/name', 'only those on this, such as volume/data'), ...listing },
  examples: ['operation list', 'operation list --subject volume/data', 'operation list --limit 5'],
  async run({ flags, session }) {
    await printList(session, flags, {
      kind: operationKind,
      method: OperationServiceService.listOperations,
      request: (page) => ({ ...page, subject: flags.subject ?? '' }),
      items: (response) => response.operations,
      json: (first, operations, nextPageToken) =>
        ListOperationsResponse.toJSON({ ...first, operations, nextPageToken }),
      key: 'operations',
    })
  },
})
