import { DeleteVolumeResponse, VolumeServiceService } from '@keelson/shared/api'
import { deletionView, present } from '../../resource/index.ts'
import { argument, defineVerb, mutating, waiting } from '../../verb/index.ts'
import { waitForVolume } from './wait.ts'

/** `volume delete`. */
export const remove = defineVerb({
  name: 'delete',
  summary: 'delete a volume and its data',
  description: 'Refused while the volume has snapshots. Nothing is asked; --dry-run only checks.',
  args: { name: argument('name of the volume', 'volume') },
  flags: { ...mutating, ...waiting },
  examples: ['volume delete data', 'volume delete data --dry-run'],
  async run({ args: { name }, flags: { dryRun, wait }, session }) {
    const client = await session.client()
    const { deleteVolume } = VolumeServiceService
    const response = await client.call(deleteVolume, { name, dryRun })
    const waits = wait && !dryRun
    const marked = present(response.volume, `volume "${name}"`)
    const volume = waits ? await waitForVolume(session, marked, 'gone') : marked
    const json = DeleteVolumeResponse.toJSON({ volume })
    await session.print(deletionView(`volume/${name}`, json, { dryRun, gone: waits }))
  },
})
