import { GetSnapshotResponse, SnapshotServiceService } from '@keelson/shared/api'
import { detailView, present } from '../../resource/index.ts'
import { argument, defineVerb } from '../../verb/index.ts'
import { snapshotKind } from './kind.ts'

/** `snapshot show`. */
export const show = defineVerb({
  name: 'show',
  summary: 'show a snapshot and where it is',
  args: { name: argument('name of the snapshot', 'snapshot') },
  examples: ['snapshot show data-monday', 'snapshot show data-monday -o json'],
  async run({ args: { name }, session }) {
    const client = await session.client()
    const response = await client.call(SnapshotServiceService.getSnapshot, { name })
    const snapshot = present(response.snapshot, `snapshot "${name}"`)
    await session.print(detailView(snapshotKind, snapshot, GetSnapshotResponse.toJSON(response)))
  },
})
