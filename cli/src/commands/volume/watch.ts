import { VolumeServiceService, WatchVolumesResponse } from '@keelson/shared/api'
import { defineVerb, optionalArgument, text } from '../../verb/index.ts'
import { watchResources } from '../watch.ts'
import { volumeKind } from './kind.ts'

/** `volume watch`. */
export const watch = defineVerb({
  name: 'watch',
  summary: 'follow volumes as they change',
  args: { name: optionalArgument('only this volume', 'volume') },
  flags: {
    selector: text('selector', 'only those with matching labels', { short: 'l' }),
  },
  examples: ['volume watch', 'volume watch data', 'volume watch -o json'],
  async run({ args: { name = '' }, flags, session }) {
    const labelSelector = flags.selector ?? ''
    await watchResources(session, {
      kind: volumeKind,
      method: VolumeServiceService.watchVolumes,
      request: (resourceVersion) => ({ labelSelector, resourceVersion, name }),
      item: (step) => step.volume,
      json: WatchVolumesResponse.toJSON,
    })
  },
})
