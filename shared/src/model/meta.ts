/** Identity and bookkeeping that every resource shares; words as in Kubernetes. */
export interface ObjectMeta {
  /** DNS label, unique within its kind. */
  readonly name: string
  /** UUID; a deleted and recreated name has another. */
  readonly uid: string
  /** Owner; absent for the operator's own resources. */
  readonly tenant?: string
  readonly labels: Readonly<Record<string, string>>
  /** Counts changes of spec, from 1. */
  readonly generation: number
  /** Store revision of the last change; stamped when a record is read, never stored in it. */
  readonly resourceVersion: number
  readonly createdAt: number
  /** When deletion was asked for; the record goes once every host has let go. */
  readonly deletionRequestedAt?: number
}

/** Truth of a condition. */
export type ConditionStatus = 'True' | 'False' | 'Unknown'

/** One observed fact about a resource. */
export interface Condition {
  /** CamelCase name, unique within the resource. */
  readonly type: string
  readonly status: ConditionStatus
  /** One CamelCase word, for programs. */
  readonly reason: string
  /** A sentence with numbers, for people. */
  readonly message: string
  readonly lastTransitionAt: number
}

/**
 * `conditions` with one of them set. The transition time moves only when the status does, and the
 * same array comes back when nothing changed, so that callers can compare by identity.
 */
export function setCondition(
  conditions: readonly Condition[],
  next: Omit<Condition, 'lastTransitionAt'>,
  now: number,
): readonly Condition[] {
  const before = conditions.find((condition) => condition.type === next.type)
  if (
    before?.status === next.status &&
    before.reason === next.reason &&
    before.message === next.message
  )
    return conditions
  const lastTransitionAt = before?.status === next.status ? before.lastTransitionAt : now
  const others = conditions.filter((condition) => condition.type !== next.type)
  return [...others, { ...next, lastTransitionAt }]
}
