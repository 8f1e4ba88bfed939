import type { Condition, ObjectMeta } from './meta.ts'

/** How a pool stores its volumes. */
export type StoragePoolKind = 'LVM' | 'LVM_THIN' | 'ZFS' | 'ZFS_THIN' | 'FILE' | 'FILE_THIN'

/** Pending → Ready ⇄ Failed → Deleting → gone. */
export type StoragePoolPhase = 'Pending' | 'Ready' | 'Failed' | 'Deleting'

/** What the operator wants of a pool. */
export interface StoragePoolSpec {
  /** Host that has it. */
  readonly node: string
  readonly kind: StoragePoolKind
  /** Absolute directory, for the file kinds. */
  readonly path: string
  /** How much of the size may be promised, in hundredths; 100 for thick kinds. */
  readonly overcommitPercent: number
}

/** What was seen of a pool. */
export interface StoragePoolStatus {
  readonly phase: StoragePoolPhase
  readonly conditions: readonly Condition[]
  /** 0 until reported. */
  readonly totalBytes: number
  readonly freeBytes: number
  /** Sizes of everything placed here; derived from state when read, never stored. */
  readonly promisedBytes: number
  readonly replicaCount: number
  readonly reflink: boolean
  /** Things in the pool that no document names; never touched. */
  readonly foreignFiles: readonly string[]
}

/** A pool of one host; the name is unique on the host. */
export interface StoragePool {
  readonly meta: ObjectMeta
  readonly spec: StoragePoolSpec
  readonly status: StoragePoolStatus
}

/** Whether the kind takes space only as data is written. */
export function isThin(kind: StoragePoolKind): boolean {
  return kind === 'LVM_THIN' || kind === 'ZFS_THIN' || kind === 'FILE_THIN'
}

/** Whether the kind lives in a directory. */
export function isFile(kind: StoragePoolKind): boolean {
  return kind === 'FILE' || kind === 'FILE_THIN'
}
