import { ListStoragePoolsResponse, StoragePoolServiceService } from '@keelson/shared/api'
import { defineVerb, listing, text } from '../../verb/index.ts'
import { printList } from '../list.ts'
import { poolKind } from './kind.ts'

/** `pool list`. */
export const list = defineVerb({
  name: 'list',
  summary: 'list storage pools',
  flags: { node: text('name', 'only pools of this host', { complete: 'node' }), ...listing },
  examples: ['pool list', 'pool list --node n1', 'pool list -l tier=gold -o json'],
  async run({ flags, session }) {
    await printList(session, flags, {
      kind: poolKind,
      method: StoragePoolServiceService.listStoragePools,
      request: (page) => ({ ...page, node: flags.node ?? '' }),
      items: (response) => response.storagePools,
      json: (first, storagePools, nextPageToken) =>
        ListStoragePoolsResponse.toJSON({ ...first, storagePools, nextPageToken }),
      key: 'storagePools',
    })
  },
})
