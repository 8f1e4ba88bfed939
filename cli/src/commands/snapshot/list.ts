import { ListSnapshotsResponse, SnapshotServiceService } from '@keelson/shared/api'
import { defineVerb, listing, text } from '../../verb/index.ts'
import { printList } from '../list.ts'
import { snapshotKind } from './kind.ts'

/** `snapshot list`. */
export const list = defineVerb({
  name: 'list',
  summary: 'list snapshots',
  flags: {
    volume: text('name', 'only snapshots of this volume', { complete: 'volume' }),
    ...listing,
  },
  examples: ['snapshot list', 'snapshot list --volume data', 'snapshot list -o name'],
  async run({ flags, session }) {
    await printList(session, flags, {
      kind: snapshotKind,
      method: SnapshotServiceService.listSnapshots,
      request: (page) => ({ ...page, volume: flags.volume ?? '' }),
      items: (response) => response.snapshots,
      json: (first, snapshots, nextPageToken) =>
        ListSnapshotsResponse.toJSON({ ...first, snapshots, nextPageToken }),
      key: 'snapshots',
    })
  },
})
