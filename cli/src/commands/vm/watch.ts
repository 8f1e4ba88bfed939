import { VirtualMachineServiceService, WatchVirtualMachinesResponse } from '@keelson/shared/api'
import { defineVerb, optionalArgument, text } from '../../verb/index.ts'
import { watchResources } from '../watch.ts'
import { vmKind } from './kind.ts'

/** `vm watch`. */
export const watch = defineVerb({
  name: 'watch',
  summary: 'follow machines as they change',
  args: { name: optionalArgument('only this machine', 'vm') },
  flags: {
    selector: text('selector', 'only those with matching labels', { short: 'l' }),
  },
  examples: ['vm watch', 'vm watch web', 'vm watch -o json'],
  async run({ args: { name = '' }, flags, session }) {
    const labelSelector = flags.selector ?? ''
    await watchResources(session, {
      kind: vmKind,
      method: VirtualMachineServiceService.watchVirtualMachines,
      request: (resourceVersion) => ({ labelSelector, resourceVersion, name }),
      item: (step) => step.virtualMachine,
      json: WatchVirtualMachinesResponse.toJSON,
    })
  },
})
