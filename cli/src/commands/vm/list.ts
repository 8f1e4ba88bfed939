import { ListVirtualMachinesResponse, VirtualMachineServiceService } from '@keelson/shared/api'
import { defineVerb, listing, text } from '../../verb/index.ts'
import { printList } from '../list.ts'
import { vmKind } from './kind.ts'

/** `vm list`. */
export const list = defineVerb({
  name: 'list',
  summary: 'list machines',
  flags: {
    node: text('name', 'only those placed on this host', { complete: 'node' }),
    tenant: text('name', 'only those of this tenant'),
    ...listing,
  },
  examples: ['vm list', 'vm list --node n1 -o wide', 'vm list -l app=db -o json'],
  async run({ flags, session }) {
    await printList(session, flags, {
      kind: vmKind,
      method: VirtualMachineServiceService.listVirtualMachines,
      request: (page) => ({ ...page, node: flags.node ?? '', tenant: flags.tenant ?? '' }),
      items: (response) => response.virtualMachines,
      json: (first, items, nextPageToken) =>
        ListVirtualMachinesResponse.toJSON({ ...first, virtualMachines: items, nextPageToken }),
      key: 'virtualMachines',
    })
  },
})
