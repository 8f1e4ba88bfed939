import { CreateSnapshotResponse, SnapshotServiceService } from '@keelson/shared/api'
import { outcomeView, present, rowView } from '../../resource/index.ts'
import {
  argument,
  defineVerb,
  labels,
  mutating,
  required,
  text,
  waiting,
} from '../../verb/index.ts'
import { snapshotKind } from './kind.ts'
import { waitForSnapshot } from './wait.ts'

/** `snapshot create`. */
export const create = defineVerb({
  name: 'create',
  summary: 'take a snapshot of a volume',
  description:
    'Instant where the file system shares blocks (reflink); else a full copy, which takes time ' +
    'and space like the volume itself. METHOD says which it was.',
  args: { name: argument('name of the snapshot') },
  flags: {
    volume: required(text('name', 'volume', { complete: 'volume' })),
    label: labels('labels; may be repeated'),
    ...mutating,
    ...waiting,
  },
  examples: [
    'snapshot create data-monday --volume data',
    'snapshot create data-monday --volume data --timeout 10m',
  ],
  async run({ args: { name }, flags, session }) {
    const client = await session.client()
    const response = await client.call(SnapshotServiceService.createSnapshot, {
      name,
      volume: flags.volume,
      labels: { ...flags.label },
      dryRun: flags.dryRun,
    })
    if (flags.dryRun) {
      const json = CreateSnapshotResponse.toJSON(response)
      return session.print(outcomeView(`snapshot/${name}`, 'would be taken', json))
    }
    const begun = present(response.snapshot, `snapshot "${name}"`)
    const snapshot = flags.wait ? await waitForSnapshot(session, begun, 'ready') : begun
    const json = CreateSnapshotResponse.toJSON({ ...response, snapshot })
    await session.print(rowView(snapshotKind, snapshot, json))
  },
})
