import { DeleteStorageClassResponse, StorageClassServiceService } from '@keelson/shared/api'
import { deletionView } from '../../resource/index.ts'
import { argument, defineVerb, mutating } from '../../verb/index.ts'

/** `class delete`. */
export const remove = defineVerb({
  name: 'delete',
  summary: 'delete a storage class that no volume uses',
  args: { name: argument('name of the class', 'class') },
  flags: mutating,
  examples: ['class delete replicated', 'class delete replicated --dry-run'],
  async run({ args: { name }, flags: { dryRun }, session }) {
    const client = await session.client()
    const { deleteStorageClass } = StorageClassServiceService
    const response = await client.call(deleteStorageClass, { name, dryRun })
    const json = DeleteStorageClassResponse.toJSON(response)
    await session.print(deletionView(`class/${name}`, json, { dryRun, gone: true }))
  },
})
