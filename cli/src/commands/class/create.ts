import { CreateStorageClassResponse, StorageClassServiceService } from '@keelson/shared/api'
import { outcomeView, rowView } from '../../resource/index.ts'
import {
  argument,
  choice,
  choices,
  defineVerb,
  labels,
  mutating,
  required,
  text,
  wholeNumber,
} from '../../verb/index.ts'
import { POOL_KINDS, poolKindValue } from '../pool/kind.ts'
import { classKind, MODES, modeValue } from './kind.ts'

/** `class create`. */
export const create = defineVerb({
  name: 'create',
  summary: 'make a storage class',
  description: 'A class cannot be changed later: volumes rely on its rules.',
  args: { name: argument('name of the class') },
  flags: {
    replicas: required(wholeNumber('count', 'copies of the data of each volume', [1, 8])),
    pool: text('name', 'only pools of this name', { complete: 'pool' }),
    kind: choices(POOL_KINDS, 'only pools of these kinds; may be repeated'),
    poolSelector: text('selector', 'only pools with matching labels, such as "tier=gold"'),
    failureDomain: text('label', 'node label whose values are failure domains (the rack)'),
    failureDomainMode: choice(MODES, 'how replicas stand to them (prefer-different)'),
    label: labels('labels of the class; may be repeated'),
    ...mutating,
  },
  examples: [
    'class create replicated --replicas 3 --failure-domain-mode different',
    'class create gold --replicas 2 --pool-selector tier=gold --kind FILE',
    'class create zonal --replicas 2 --failure-domain topology.kubernetes.io/zone',
  ],
  async run({ args: { name }, flags, session }) {
    const client = await session.client()
    const response = await client.call(StorageClassServiceService.createStorageClass, {
      name,
      spec: {
        replicas: flags.replicas,
        pool: flags.pool ?? '',
        poolKinds: flags.kind.map(poolKindValue),
        poolSelector: flags.poolSelector ?? '',
        failureDomain: flags.failureDomain ?? '',
        failureDomainMode: modeValue(flags.failureDomainMode),
      },
      labels: { ...flags.label },
      dryRun: flags.dryRun,
    })
    const json = CreateStorageClassResponse.toJSON(response)
    if (flags.dryRun) return session.print(outcomeView(`class/${name}`, 'would be created', json))
    await session.print(rowView(classKind, response.storageClass, json))
  },
})
