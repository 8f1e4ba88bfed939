import { GetStorageClassResponse, StorageClassServiceService } from '@keelson/shared/api'
import { detailView, present } from '../../resource/index.ts'
import { argument, defineVerb } from '../../verb/index.ts'
import { classKind } from './kind.ts'

/** `class show`. */
export const show = defineVerb({
  name: 'show',
  summary: 'show the rules of a storage class',
  args: { name: argument('name of the class', 'class') },
  examples: ['class show replicated', 'class show replicated -o yaml'],
  async run({ args: { name }, session }) {
    const client = await session.client()
    const response = await client.call(StorageClassServiceService.getStorageClass, { name })
    const storageClass = present(response.storageClass, `class "${name}"`)
    const json = GetStorageClassResponse.toJSON(response)
    await session.print(detailView(classKind, storageClass, json))
  },
})
