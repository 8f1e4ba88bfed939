import type * as pb from '../gen/keelson/v1/common.ts'
import type { Condition, ConditionStatus, ObjectMeta } from '../model/index.ts'
import { int64, oneOf, optional, optionalTime, record, text, textMap, time } from './record.ts'

/** ObjectMeta. */
export const objectMetaCodec = record<pb.ObjectMeta, ObjectMeta>({
  name: text,
  uid: text,
  tenant: optional(text),
  labels: textMap,
  generation: int64,
  resourceVersion: int64,
  createdAt: time,
  deletionRequestedAt: optionalTime,
})

/** Condition. */
export const conditionCodec = record<pb.Condition, Condition>({
  type: text,
  status: oneOf<pb.ConditionStatus, ConditionStatus>({ 1: 'True', 2: 'False', 3: 'Unknown' }),
  reason: text,
  message: text,
  lastTransitionAt: time,
})

/** What happened in a watch. */
export type WatchType = 'Added' | 'Modified' | 'Deleted' | 'Bookmark'

/** WatchType. */
export const watchTypeCodec = oneOf<pb.WatchType, WatchType>({
  1: 'Added',
  2: 'Modified',
  3: 'Deleted',
  4: 'Bookmark',
})
