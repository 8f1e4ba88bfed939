/** Identity and conditions, the same for every resource. */
import {
  type Condition,
  conditionStatusToJSON,
  type ObjectMeta,
  type WatchType,
  watchTypeToJSON,
} from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import {
  age,
  type Column,
  type Description,
  type Field,
  labels,
  timeAndAge,
  word,
} from '../output/index.ts'

/** Fields that say which resource it is; those of its life come with `lifeFields`. */
export function identityFields(meta: ObjectMeta | undefined): Field[] {
  return [
    ['Name', meta?.name ?? ''],
    ['Uid', meta?.uid ?? ''],
    ['Tenant', meta?.tenant ?? ''],
    ['Labels', labels(meta?.labels)],
  ]
}

/** When it was made, and when its deletion was asked for. */
export function lifeFields(meta: ObjectMeta | undefined, nowMs: number): Field[] {
  return [
    ['Created', timeAndAge(meta?.createdAt, nowMs)],
    ['Deletion requested', timeAndAge(meta?.deletionRequestedAt, nowMs), 'warning'],
  ]
}

/** Columns that every listing ends with. */
export function metaColumns<T extends { readonly meta?: ObjectMeta | undefined }>(
  nowMs: number,
): Column<T>[] {
  return [
    { title: 'AGE', cell: ({ meta }) => age(meta?.createdAt, nowMs) },
    { title: 'LABELS', cell: ({ meta }) => labels(meta?.labels), wide: true },
    { title: 'UID', cell: ({ meta }) => meta?.uid ?? '', wide: true },
  ]
}

/** A table of conditions, if there are any. */
export function describeConditions(
  to: Description,
  conditions: readonly Condition[],
  nowMs: number,
): void {
  const columns: Column<Condition>[] = [
    { title: 'TYPE', cell: ({ type }) => type },
    {
      title: 'STATUS',
      cell: ({ status }) => word(conditionStatusToJSON(status), 'CONDITION_STATUS_'),
    },
    { title: 'SINCE', cell: ({ lastTransitionAt }) => age(lastTransitionAt, nowMs) },
    { title: 'REASON', cell: ({ reason }) => reason },
    { title: 'MESSAGE', cell: ({ message }) => message },
  ]
  to.section('Conditions:', (inner) => inner.table(columns, conditions))
}

/** What a watch step tells, as a word. */
export function changeWord(type: WatchType): string {
  return word(watchTypeToJSON(type), 'WATCH_TYPE_')
}

/** A message that a well-formed answer has; INTERNAL without it. */
export function present<T>(message: T | undefined, what: string): T {
  if (message !== undefined) return message
  throw new KeelsonError('INTERNAL', `the coordinator's answer has no ${what}`)
}
