import type { ObjectMeta } from './meta.ts'
import type { StoragePoolKind } from './storage-pool.ts'

/** How the replicas of a volume stand to failure domains. */
export type FailureDomainMode = 'Different' | 'PreferDifferent' | 'Same'

/** The rules of a class. */
export interface StorageClassSpec {
  /** Diskful replicas, 1 to 8. */
  readonly replicas: number
  /** Only pools of this name; empty allows every name. */
  readonly pool: string
  /** Only these kinds; empty allows every kind. */
  readonly poolKinds: readonly StoragePoolKind[]
  /** Kubernetes label selector over pools; empty allows every pool. */
  readonly poolSelector: string
  /** Node label that names failure domains. */
  readonly failureDomain: string
  readonly failureDomainMode: FailureDomainMode
}

/** A named set of rules, chosen by volumes. */
export interface StorageClass {
  readonly meta: ObjectMeta
  readonly spec: StorageClassSpec
}
