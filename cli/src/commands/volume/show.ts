import { GetVolumeResponse, VolumeServiceService } from '@keelson/shared/api'
import { detailView, present } from '../../resource/index.ts'
import { argument, defineVerb } from '../../verb/index.ts'
import { volumeKind } from './kind.ts'

/** `volume show`. */
export const show = defineVerb({
  name: 'show',
  summary: 'show a volume with its replicas and device paths',
  args: { name: argument('name of the volume', 'volume') },
  examples: ['volume show data', 'volume show data -o wide', 'volume show data -o json'],
  async run({ args: { name }, session }) {
    const client = await session.client()
    const response = await client.call(VolumeServiceService.getVolume, { name })
    const volume = present(response.volume, `volume "${name}"`)
    await session.print(detailView(volumeKind, volume, GetVolumeResponse.toJSON(response)))
  },
})
