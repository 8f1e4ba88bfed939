import { ListNodesResponse, NodeServiceService } from '@keelson/shared/api'
import { defineVerb, listing } from '../../verb/index.ts'
import { printList } from '../list.ts'
import { nodeKind } from './kind.ts'

/** `node list`. */
export const list = defineVerb({
  name: 'list',
  summary: 'list hosts',
  flags: listing,
  examples: [
    'node list',
    'node list -o wide',
    "node list -l 'topology.kubernetes.io/rack=a,!spare'",
    'node list -o json',
  ],
  async run({ flags, session }) {
    await printList(session, flags, {
      kind: nodeKind,
      method: NodeServiceService.listNodes,
      request: (page) => page,
      items: (response) => response.nodes,
      json: (first, nodes, nextPageToken) =>
        ListNodesResponse.toJSON({ ...first, nodes, nextPageToken }),
      key: 'nodes',
    })
  },
})
