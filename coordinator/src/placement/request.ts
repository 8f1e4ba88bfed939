import type { FailureDomainMode, Selector, StoragePoolKind } from '@keelson/shared/model'

/** What a volume needs, with its class's rules already merged in. */
export interface VolumeRequest {
  /** Such as "volume/data". */
  readonly subject: string
  readonly sizeBytes: number
  readonly replicas: number
  /** Only pools of this name; empty allows every name. */
  readonly pool: string
  /** Only these kinds; empty allows every kind. */
  readonly poolKinds: readonly StoragePoolKind[]
  /** Absent when every pool's labels will do. */
  readonly poolSelector: Selector | undefined
  /** Only these hosts; empty allows all. */
  readonly nodes: readonly string[]
  /** Node label that names failure domains. */
  readonly failureDomain: string
  readonly failureDomainMode: FailureDomainMode
  /** Decides between equals; the same seed on the same state chooses the same. */
  readonly seed: number
}
