import { GetStoragePoolResponse, StoragePoolServiceService } from '@keelson/shared/api'
import { detailView, present } from '../../resource/index.ts'
import { argument, defineVerb, text } from '../../verb/index.ts'
import { parsePoolName, poolKind } from './kind.ts'

/** `pool show`. */
export const show = defineVerb({
  name: 'show',
  summary: 'show a storage pool',
  args: { name: argument('name of the pool, or host/name', 'pool') },
  flags: {
    node: text('name', 'host of the pool, when several have one of the name', {
      complete: 'node',
    }),
  },
  examples: ['pool show local', 'pool show local --node n1', 'pool show n1/local -o yaml'],
  async run({ args: { name }, flags, session }) {
    const client = await session.client()
    const response = await client.call(
      StoragePoolServiceService.getStoragePool,
      parsePoolName(name, flags.node),
    )
    const pool = present(response.storagePool, `pool "${name}"`)
    await session.print(detailView(poolKind, pool, GetStoragePoolResponse.toJSON(response)))
  },
})
