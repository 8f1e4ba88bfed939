import { DeleteVirtualMachineResponse, VirtualMachineServiceService } from '@keelson/shared/api'
import { outcomeView } from '../../resource/index.ts'
import { argument, defineVerb, mutating, toggle } from '../../verb/index.ts'

/** `vm delete`. */
export const remove = defineVerb({
  name: 'delete',
  summary: 'delete a machine, and the volumes that were made with it',
  description:
    'Volumes that are to be kept, and volumes it only uses, stay. Nothing is asked; --dry-run ' +
    'says which volumes would go.',
  args: { name: argument('name of the machine', 'vm') },
  flags: {
    keepVolumes: toggle('keep all its volumes'),
    ...mutating,
  },
  examples: ['vm delete web', 'vm delete web --keep-volumes', 'vm delete web --dry-run'],
  async run({ args: { name }, flags: { dryRun, keepVolumes }, session }) {
    const client = await session.client()
    const { deleteVirtualMachine } = VirtualMachineServiceService
    const response = await client.call(deleteVirtualMachine, { name, keepVolumes, dryRun })
    const volumes = response.deletedVolumes.map((volume) => `volume/${volume}`)
    const what = volumes.length > 0 ? `, with ${volumes.join(', ')}` : ''
    const outcome = `${dryRun ? 'would be deleted' : 'deleted'}${what}`
    const json = DeleteVirtualMachineResponse.toJSON(response)
    await session.print(outcomeView(`vm/${name}`, outcome, json))
  },
})
