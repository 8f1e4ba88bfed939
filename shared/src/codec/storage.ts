import type * as pbClass from '../gen/keelson/v1/storage_class.ts'
import type * as pb from '../gen/keelson/v1/storage_pool.ts'
import type {
  FailureDomainMode,
  StorageClass,
  StorageClassSpec,
  StoragePool,
  StoragePoolKind,
  StoragePoolPhase,
  StoragePoolSpec,
  StoragePoolStatus,
} from '../model/index.ts'
import { conditionCodec, objectMetaCodec } from './common.ts'
import {
  bool,
  defaulting,
  int64,
  list,
  number,
  oneOf,
  record,
  required,
  text,
  texts,
} from './record.ts'

/** StoragePoolKind. */
export const poolKindCodec = oneOf<pb.StoragePoolKind, StoragePoolKind>({
  1: 'LVM',
  2: 'LVM_THIN',
  3: 'ZFS',
  4: 'ZFS_THIN',
  5: 'FILE',
  6: 'FILE_THIN',
})

/** StoragePoolSpec. */
export const poolSpecCodec = record<pb.StoragePoolSpec, StoragePoolSpec>({
  node: text,
  kind: poolKindCodec,
  path: text,
  overcommitPercent: number,
})

/** StoragePool. */
export const poolCodec = record<pb.StoragePool, StoragePool>({
  meta: required(objectMetaCodec),
  spec: required(poolSpecCodec),
  status: required(
    record<pb.StoragePoolStatus, StoragePoolStatus>({
      phase: oneOf<pb.StoragePoolPhase, StoragePoolPhase>({
        1: 'Pending',
        2: 'Ready',
        3: 'Failed',
        4: 'Deleting',
      }),
      conditions: list(conditionCodec),
      totalBytes: int64,
      freeBytes: int64,
      promisedBytes: int64,
      replicaCount: number,
      reflink: bool,
      foreignFiles: texts,
    }),
  ),
})

/** FailureDomainMode, where unset means PreferDifferent. */
export const failureDomainModeCodec = defaulting(
  oneOf<pbClass.FailureDomainMode, FailureDomainMode>({
    1: 'Different',
    2: 'PreferDifferent',
    3: 'Same',
  }),
  0,
  'PreferDifferent',
)

/** StorageClassSpec. */
export const classSpecCodec = record<pbClass.StorageClassSpec, StorageClassSpec>({
  replicas: number,
  pool: text,
  poolKinds: list(poolKindCodec),
  poolSelector: text,
  failureDomain: text,
  failureDomainMode: failureDomainModeCodec,
})

/** StorageClass. */
export const classCodec = record<pbClass.StorageClass, StorageClass>({
  meta: required(objectMetaCodec),
  spec: required(classSpecCodec),
})
