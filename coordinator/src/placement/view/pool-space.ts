/** What a pool may promise. */
import type { Candidate } from '../../state/index.ts'

/** What the arithmetic of promises reads of a pool. */
export type PoolSpace = Pick<
  Candidate,
  | 'thin'
  | 'totalBytes'
  | 'freeBytes'
  | 'overcommitPercent'
  | 'promisedBytes'
  | 'allocatedBytes'
  | 'unmadeBytes'
>

/**
 * Bytes that may still be promised in a pool. Others may use the same file system, so a pool has
 * what is free plus what its own items take, not the file system's size. Thick pools also never
 * promise more than is free beside what they have promised and not made yet; thin ones multiply.
 */
export function promisableBytes(pool: PoolSpace): number {
  const { allocatedBytes, freeBytes, overcommitPercent, promisedBytes, thin } = pool
  const capacityBytes = Math.min(pool.totalBytes, freeBytes + allocatedBytes)
  if (!thin) return Math.min(capacityBytes - promisedBytes, freeBytes - pool.unmadeBytes)
  return Math.floor((capacityBytes * overcommitPercent) / 100) - promisedBytes
}
