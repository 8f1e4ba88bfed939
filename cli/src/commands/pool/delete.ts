import { DeleteStoragePoolResponse, StoragePoolServiceService } from '@keelson/shared/api'
import { deletionView, present, subjectOf } from '../../resource/index.ts'
import { argument, defineVerb, mutating, text, waiting } from '../../verb/index.ts'
import { parsePoolName, poolKind } from './kind.ts'
import { waitForPool } from './wait.ts'

/** `pool delete`. */
export const remove = defineVerb({
  name: 'delete',
  summary: 'delete an empty storage pool',
  description:
    'Refused while the pool holds replicas or snapshots. The directory stays, and so does ' +
    'everything in it that is not of the pool.',
  args: { name: argument('name of the pool, or host/name', 'pool') },
  flags: {
    node: text('name', 'host of the pool, when several have one of the name', {
      complete: 'node',
    }),
    ...mutating,
    ...waiting,
  },
  examples: ['pool delete local --node n1', 'pool delete n1/local --dry-run'],
  async run({ args: { name }, flags: { node, dryRun, wait }, session }) {
    const client = await session.client()
    const request = { ...parsePoolName(name, node), dryRun }
    const response = await client.call(StoragePoolServiceService.deleteStoragePool, request)
    const marked = present(response.storagePool, `pool "${name}"`)
    const waits = wait && !dryRun
    const storagePool = waits ? await waitForPool(session, marked, 'gone') : marked
    const json = DeleteStoragePoolResponse.toJSON({ storagePool })
    const outcome = { dryRun, gone: waits }
    await session.print(deletionView(subjectOf(poolKind, storagePool), json, outcome))
  },
})
