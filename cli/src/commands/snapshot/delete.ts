import { DeleteSnapshotResponse, SnapshotServiceService } from '@keelson/shared/api'
import { deletionView, present } from '../../resource/index.ts'
import { argument, defineVerb, mutating, waiting } from '../../verb/index.ts'
import { waitForSnapshot } from './wait.ts'

/** `snapshot delete`. */
export const remove = defineVerb({
  name: 'delete',
  summary: 'delete a snapshot and its data',
  description: 'Volumes restored from it stay; refused while one is still being restored.',
  args: { name: argument('name of the snapshot', 'snapshot') },
  flags: { ...mutating, ...waiting },
  examples: ['snapshot delete data-monday', 'snapshot delete data-monday --dry-run'],
  async run({ args: { name }, flags: { dryRun, wait }, session }) {
    const client = await session.client()
    const { deleteSnapshot } = SnapshotServiceService
    const response = await client.call(deleteSnapshot, { name, dryRun })
    const marked = present(response.snapshot, `snapshot "${name}"`)
    const waits = wait && !dryRun
    const snapshot = waits ? await waitForSnapshot(session, marked, 'gone') : marked
    const json = DeleteSnapshotResponse.toJSON({ snapshot })
    await session.print(deletionView(`snapshot/${name}`, json, { dryRun, gone: waits }))
  },
})
