import { CreateVolumeResponse, TieBreakerMode, VolumeServiceService } from '@keelson/shared/api'
import { rowView } from '../../resource/index.ts'
import {
  argument,
  defineVerb,
  labels,
  mutating,
  negatable,
  required,
  sizeBytes,
  text,
  texts,
  waiting,
  wholeNumber,
} from '../../verb/index.ts'
import { ruleFlags, rulesOf, spreadBy } from '../demand/index.ts'
import { volumeKind } from './kind.ts'
import { placementView } from './placement.ts'
import { waitForVolume } from './wait.ts'

/** `volume create`. */
export const create = defineVerb({
  name: 'create',
  summary: 'place and create a volume',
  description:
    'The same name with the same parameters is the same volume, so the command can be repeated. ' +
    'When there is no place for it, every pool is listed with what it lacks.',
  args: { name: argument('name of the volume') },
  flags: {
    size: required(sizeBytes('usable size, such as 10GiB')),
    class: text('name', 'storage class whose rules apply', { complete: 'class' }),
    pool: text('name', 'only pools of this name', { complete: 'pool' }),
    replicas: wholeNumber('count', "copies of the data (the class's number, or 1)", [1, 8]),
    node: texts('name', 'only these hosts; may be repeated', { complete: 'node' }),
    ...ruleFlags,
    spreadBy,
    tieBreaker: negatable('no witness beside an even number of replicas'),
    tenant: text('name', 'whose it is (nobody: the operator)'),
    label: labels('labels; may be repeated'),
    ...mutating,
    ...waiting,
  },
  examples: [
    'volume create data --size 10GiB --pool local',
    'volume create db --size 100GiB --class replicated --label app=db',
    'volume create db --size 100GiB --replicas 3 --dry-run',
    'volume create db --size 100GiB --replicas 2 --spread-by rack --apart-from volume=db-old',
  ],
  async run({ args: { name }, flags, session }) {
    const client = await session.client()
    const response = await client.call(VolumeServiceService.createVolume, {
      name,
      spec: {
        sizeBytes: flags.size,
        storageClass: flags.class ?? '',
        pool: flags.pool ?? '',
        replicas: flags.replicas ?? 0,
        nodes: [...flags.node],
        sourceSnapshot: '',
        rules: rulesOf({ ...flags, node: [] }),
        replicaRules: [...flags.spreadBy],
        tieBreakerMode: flags.tieBreaker
          ? TieBreakerMode.TIE_BREAKER_MODE_UNSPECIFIED
          : TieBreakerMode.TIE_BREAKER_MODE_NEVER,
      },
      tenant: flags.tenant ?? '',
      labels: { ...flags.label },
      dryRun: flags.dryRun,
    })
    if (flags.dryRun) {
      const json = CreateVolumeResponse.toJSON(response)
      return session.print(
        placementView(`volume/${name}`, { json, report: response.placementReport }),
      )
    }
    const volume =
      flags.wait && response.volume
        ? await waitForVolume(session, response.volume, 'ready')
        : response.volume
    const json = CreateVolumeResponse.toJSON({ ...response, volume })
    await session.print(rowView(volumeKind, volume, json))
  },
})
