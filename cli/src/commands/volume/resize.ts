import { ResizeVolumeResponse, VolumeServiceService } from '@keelson/shared/api'
import { size } from '../../output/index.ts'
import { outcomeView, present, rowView } from '../../resource/index.ts'
import { argument, defineVerb, mutating, required, sizeBytes, waiting } from '../../verb/index.ts'
import { volumeKind } from './kind.ts'
import { waitForVolume } from './wait.ts'

/** `volume resize`. */
export const resize = defineVerb({
  name: 'resize',
  summary: 'grow a volume while it is in use',
  description:
    'A volume never shrinks: that would cut off data. The file system on it grows by itself only ' +
    'if something on the host makes it.',
  args: { name: argument('name of the volume', 'volume') },
  flags: {
    size: required(sizeBytes('new size, at least the present one')),
    ...mutating,
    ...waiting,
  },
  examples: ['volume resize data --size 20GiB', 'volume resize data --size 1TiB --dry-run'],
  async run({ args: { name }, flags, session }) {
    const client = await session.client()
    const response = await client.call(VolumeServiceService.resizeVolume, {
      name,
      sizeBytes: flags.size,
      dryRun: flags.dryRun,
    })
    const asked = present(response.volume, `volume "${name}"`)
    if (flags.dryRun) {
      const outcome = `would grow to ${size(flags.size)}`
      const json = ResizeVolumeResponse.toJSON(response)
      return session.print(outcomeView(`volume/${name}`, outcome, json))
    }
    const goal = { sizeBytes: asked.spec?.sizeBytes ?? flags.size }
    const volume = flags.wait ? await waitForVolume(session, asked, goal) : asked
    const json = ResizeVolumeResponse.toJSON({ ...response, volume })
    await session.print(rowView(volumeKind, volume, json))
  },
})
