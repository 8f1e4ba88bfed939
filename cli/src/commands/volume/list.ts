import { ListVolumesResponse, VolumeServiceService } from '@keelson/shared/api'
import { defineVerb, listing, text } from '../../verb/index.ts'
import { printList } from '../list.ts'
import { volumeKind } from './kind.ts'

/** `volume list`. */
export const list = defineVerb({
  name: 'list',
  summary: 'list volumes',
  flags: {
    node: text('name', 'only those with a replica on this host', { complete: 'node' }),
    ...listing,
  },
  examples: [
    'volume list',
    'volume list --node n1 -o wide',
    'volume list -l app=db -o json',
    'volume list -o name --limit 10',
  ],
  async run({ flags, session }) {
    await printList(session, flags, {
      kind: volumeKind,
      method: VolumeServiceService.listVolumes,
      request: (page) => ({ ...page, node: flags.node ?? '' }),
      items: (response) => response.volumes,
      json: (first, items, nextPageToken) =>
        ListVolumesResponse.toJSON({ ...first, volumes: items, nextPageToken }),
      key: 'volumes',
    })
  },
})
