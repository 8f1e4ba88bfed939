import { RestoreSnapshotResponse, SnapshotServiceService } from '@keelson/shared/api'
import { outcomeView, present, rowView } from '../../resource/index.ts'
import {
  argument,
  defineVerb,
  labels,
  mutating,
  required,
  sizeBytes,
  text,
  waiting,
} from '../../verb/index.ts'
import { volumeKind, waitForVolume } from '../volume/index.ts'

/** `snapshot restore`. */
export const restore = defineVerb({
  name: 'restore',
  summary: "make a new volume with a snapshot's data",
  description: 'The volume the snapshot was taken of stays as it is.',
  args: { name: argument('name of the snapshot', 'snapshot') },
  flags: {
    to: required(text('volume', 'name of the new volume')),
    size: sizeBytes("size of the new volume, at least the snapshot's (the same)"),
    label: labels('labels of the new volume; may be repeated'),
    ...mutating,
    ...waiting,
  },
  examples: [
    'snapshot restore data-monday --to data-restored',
    'snapshot restore data-monday --to data-larger --size 20GiB',
  ],
  async run({ args: { name }, flags, session }) {
    const client = await session.client()
    const response = await client.call(SnapshotServiceService.restoreSnapshot, {
      snapshot: name,
      volume: flags.to,
      sizeBytes: flags.size ?? 0n,
      labels: { ...flags.label },
      dryRun: flags.dryRun,
    })
    if (flags.dryRun) {
      const json = RestoreSnapshotResponse.toJSON(response)
      const outcome = `would be made of snapshot/${name}`
      return session.print(outcomeView(`volume/${flags.to}`, outcome, json))
    }
    const begun = present(response.volume, `volume "${flags.to}"`)
    const volume = flags.wait ? await waitForVolume(session, begun, 'ready') : begun
    const json = RestoreSnapshotResponse.toJSON({ ...response, volume })
    await session.print(rowView(volumeKind, volume, json))
  },
})
