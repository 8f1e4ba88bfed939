import { CreateStoragePoolResponse, StoragePoolServiceService } from '@keelson/shared/api'
import { outcomeView, present, rowView } from '../../resource/index.ts'
import {
  argument,
  choice,
  decimal,
  defineVerb,
  labels,
  mutating,
  required,
  text,
  waiting,
} from '../../verb/index.ts'
import { POOL_KINDS, poolKind, poolKindValue } from './kind.ts'
import { waitForPool } from './wait.ts'

/** `pool create`. */
export const create = defineVerb({
  name: 'create',
  summary: 'make a storage pool on a host',
  description:
    'FILE preallocates every volume; FILE_THIN makes sparse files, and may promise more than ' +
    'there is. What lies in the directory already is never touched. The name is unique on its ' +
    'host; pools of one name on many hosts are one choice for a volume.',
  args: { name: argument('name of the pool') },
  flags: {
    node: required(text('name', 'host of the pool', { complete: 'node' })),
    kind: required(choice(POOL_KINDS, 'how volumes are stored')),
    path: text('directory', 'directory on the host, for FILE and FILE_THIN', { complete: 'file' }),
    overcommit: decimal(
      'factor',
      'thin kinds: how many times its size may be promised (2.0)',
      [1, 100],
    ),
    label: labels('labels; may be repeated'),
    ...mutating,
    ...waiting,
  },
  examples: [
    'pool create local --node n1 --kind FILE_THIN --path /var/lib/keelson/local',
    'pool create fast --node n1 --kind FILE --path /mnt/nvme/pool --label tier=gold',
    'pool create local --node n1 --kind FILE_THIN --path /srv/pool --overcommit 1.5 --dry-run',
  ],
  async run({ args: { name }, flags, session }) {
    const client = await session.client()
    const { node, dryRun, path = '' } = flags
    const response = await client.call(StoragePoolServiceService.createStoragePool, {
      name,
      spec: {
        node,
        kind: poolKindValue(flags.kind),
        path,
        overcommitPercent: Math.round((flags.overcommit ?? 0) * 100),
      },
      labels: { ...flags.label },
      dryRun,
    })
    const json = (pool = response.storagePool) =>
      CreateStoragePoolResponse.toJSON({ storagePool: pool })
    if (dryRun)
      return session.print(outcomeView(`pool/${node}/${name}`, 'would be created', json()))
    const created = present(response.storagePool, `pool "${name}"`)
    const pool = flags.wait ? await waitForPool(session, created, 'ready') : created
    await session.print(rowView(poolKind, pool, json(pool)))
  },
})
