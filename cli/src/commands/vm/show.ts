import { GetVirtualMachineResponse, VirtualMachineServiceService } from '@keelson/shared/api'
import { detailView, present } from '../../resource/index.ts'
import { argument, defineVerb } from '../../verb/index.ts'
import { vmKind } from './kind.ts'

/** `vm show`. */
export const show = defineVerb({
  name: 'show',
  summary: 'show a machine: place, rules, what its host sets aside, disks, conditions',
  args: { name: argument('name of the machine', 'vm') },
  examples: ['vm show web', 'vm show web -o json'],
  async run({ args: { name }, session }) {
    const client = await session.client()
    const response = await client.call(VirtualMachineServiceService.getVirtualMachine, { name })
    const machine = present(response.virtualMachine, `machine "${name}"`)
    await session.print(detailView(vmKind, machine, GetVirtualMachineResponse.toJSON(response)))
  },
})
