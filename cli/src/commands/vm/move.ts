import { MoveVirtualMachineResponse, VirtualMachineServiceService } from '@keelson/shared/api'
import { rowView } from '../../resource/index.ts'
import { argument, defineVerb, mutating, text, toggle } from '../../verb/index.ts'
import { placementView } from '../volume/index.ts'
import { vmKind } from './kind.ts'

/** `vm move`. */
export const move = defineVerb({
  name: 'move',
  summary: 'move a machine to another host',
  description: 'Refused for a machine that is pinned, or whose host is offline.',
  args: { name: argument('name of the machine', 'vm') },
  flags: {
    to: text('node', 'host it goes to (the best one)', { complete: 'node' }),
    allowRestart: toggle('it may be shut down and started again if it cannot migrate live'),
    ...mutating,
  },
  examples: ['vm move web', 'vm move web --to n4', 'vm move web --to n4 --dry-run'],
  async run({ args: { name }, flags, session }) {
    const { allowRestart, dryRun, to = '' } = flags
    const client = await session.client()
    const { moveVirtualMachine } = VirtualMachineServiceService
    const request = { name, toNode: to, allowRestart, dryRun }
    const response = await client.call(moveVirtualMachine, request)
    const json = MoveVirtualMachineResponse.toJSON(response)
    const report = response.placementReport
    if (dryRun) return session.print(placementView(`vm/${name}`, { json, report }))
    await session.print(rowView(vmKind, response.virtualMachine, json))
  },
})
