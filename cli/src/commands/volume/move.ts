import { MoveReplicaResponse, VolumeServiceService } from '@keelson/shared/api'
import { present, rowView } from '../../resource/index.ts'
import { argument, defineVerb, mutating, required, text, waiting } from '../../verb/index.ts'
import { waitForOperation } from '../operation/index.ts'
import { volumeKind } from './kind.ts'
import { placementView } from './placement.ts'

/** `volume move`. */
export const move = defineVerb({
  name: 'move',
  summary: 'move one replica to another host while in use',
  description:
    'The replica is added in the new place and made equal there before it is dropped in the old ' +
    'one; until then the operation can be cancelled. Only volumes with several replicas and no ' +
    'snapshots can move.',
  args: { name: argument('name of the volume', 'volume') },
  flags: {
    from: required(text('node', 'host the replica leaves', { complete: 'node' })),
    to: text('node', 'host it goes to (the best one)', { complete: 'node' }),
    pool: text('name', 'pool it goes to (one the volume may use)', { complete: 'pool' }),
    ...mutating,
    ...waiting,
  },
  examples: ['volume move data --from n1', 'volume move data --from n1 --to n4 --dry-run'],
  async run({ args: { name }, flags, session }) {
    const client = await session.client()
    const response = await client.call(VolumeServiceService.moveReplica, {
      volume: name,
      fromNode: flags.from,
      toNode: flags.to ?? '',
      toPool: flags.pool ?? '',
      dryRun: flags.dryRun,
    })
    const json = MoveReplicaResponse.toJSON(response)
    if (flags.dryRun)
      return session.print(
        placementView(`volume/${name}`, { json, report: response.placementReport }),
      )
    if (!flags.wait) return session.print(rowView(volumeKind, response.volume, json))
    await waitForOperation(session, response.operation)
    const after = await client.call(VolumeServiceService.getVolume, { name })
    const volume = present(after.volume, `volume "${name}"`)
    const moved = MoveReplicaResponse.toJSON({ ...response, volume })
    await session.print(rowView(volumeKind, volume, moved))
  },
})
