import { ListStorageClassesResponse, StorageClassServiceService } from '@keelson/shared/api'
import { defineVerb, listing } from '../../verb/index.ts'
import { printList } from '../list.ts'
import { classKind } from './kind.ts'

/** `class list`. */
export const list = defineVerb({
  name: 'list',
  summary: 'list storage classes',
  flags: listing,
  examples: ['class list', 'class list -o json'],
  async run({ flags, session }) {
    await printList(session, flags, {
      kind: classKind,
      method: StorageClassServiceService.listStorageClasses,
      request: (page) => page,
      items: (response) => response.storageClasses,
      json: (first, storageClasses, nextPageToken) =>
        ListStorageClassesResponse.toJSON({ ...first, storageClasses, nextPageToken }),
      key: 'storageClasses',
    })
  },
})
