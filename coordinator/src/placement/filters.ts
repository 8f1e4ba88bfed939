/**
 * Rules come before preferences. A filter looks at one pool on one host and returns null, or the
 * reason why not, in words and numbers an operator can act on. Order matters: the first failing
 * filter is the one reported, so the plainest come first.
 */
import { formatSize, REPLICATION_CAPABILITY } from '@keelson/shared/model'
import type { Candidate } from '../state/index.ts'
import type { VolumeRequest } from './request.ts'

/** null = fits, else why not. */
export type Filter = (candidate: Candidate, request: VolumeRequest) => string | null

/** A filter with the name reports show. */
export interface NamedFilter {
  readonly name: string
  readonly check: Filter
  /** Whether the request asks for it at all; absent means always. Spares a call per candidate. */
  readonly applies?: (request: VolumeRequest) => boolean
}

/** Part of a thin pool that must really be free for new volumes to be promised there. */
export const THIN_FLOOR_PERCENT = 5

function selectedNode({ pool }: Candidate, { nodes }: VolumeRequest): string | null {
  if (nodes.length === 0 || nodes.includes(pool.spec.node)) return null
  return `only ${nodes.join(', ')} may be used`
}

function online({ open, node }: Candidate): string | null {
  if (open || node?.status.phase === 'Online') return null
  return node ? `node is ${node.status.phase}` : 'node is gone'
}

function schedulable({ open, node }: Candidate): string | null {
  return open || node?.spec.schedulable ? null : 'node is not schedulable (cordoned)'
}

function poolName({ pool }: Candidate, request: VolumeRequest): string | null {
  if (request.pool === '' || request.pool === pool.meta.name) return null
  return `pool is "${pool.meta.name}", needs "${request.pool}"`
}

function poolKind({ pool }: Candidate, { poolKinds }: VolumeRequest): string | null {
  if (poolKinds.length === 0 || poolKinds.includes(pool.spec.kind)) return null
  return `pool kind is ${pool.spec.kind}, needs ${poolKinds.join(' or ')}`
}

function poolLabels({ pool }: Candidate, { poolSelector }: VolumeRequest): string | null {
  if (poolSelector === undefined || poolSelector(pool.meta.labels)) return null
  return 'pool labels do not match the class'
}

function poolReady({ open, pool }: Candidate): string | null {
  if (open || pool.status.phase === 'Ready') return null
  const why = pool.status.conditions.find((condition) => condition.type === 'Ready')?.message
  return `pool is ${pool.status.phase}${why ? `: ${why}` : ''}`
}

function replication({ node }: Candidate, { replicas }: VolumeRequest): string | null {
  if (replicas <= 1 || node?.status.capabilities.includes(REPLICATION_CAPABILITY)) return null
  return `node cannot replicate (no DRBD), and ${replicas} replicas are wanted`
}

function domainLabel({ node }: Candidate, request: VolumeRequest): string | null {
  if (request.failureDomainMode === 'PreferDifferent' || request.replicas === 1) return null
  if (node?.meta.labels[request.failureDomain] !== undefined) return null
  return `node has no label ${request.failureDomain}`
}

function space(candidate: Candidate, { sizeBytes }: VolumeRequest): string | null {
  const available = promisableBytes(candidate)
  if (sizeBytes <= available) return null
  return `needs ${formatSize(sizeBytes)}, ${formatSize(Math.max(0, available))} can be promised`
}

function thinFloor({ thin, freeBytes, totalBytes }: Candidate): string | null {
  if (!thin) return null
  if (freeBytes * 100 >= totalBytes * THIN_FLOOR_PERCENT) return null
  return `${formatSize(freeBytes)} of ${formatSize(totalBytes)} really free, floor is ${THIN_FLOOR_PERCENT} %`
}

/**
 * Bytes that may still be promised in a pool. Others may use the same file system, so a pool has
 * what is free plus what its own items take, not the file system's size. Thick pools also never
 * promise more than is free beside what they have promised and not made yet; thin ones multiply.
 */
export function promisableBytes(candidate: Candidate): number {
  const { thin, freeBytes, overcommitPercent, promisedBytes, unmadeBytes } = candidate
  const capacityBytes = poolCapacityBytes(candidate)
  if (!thin) return Math.min(capacityBytes - promisedBytes, freeBytes - unmadeBytes)
  return Math.floor((capacityBytes * overcommitPercent) / 100) - promisedBytes
}

/** Bytes a pool can hold at present. */
export function poolCapacityBytes({ totalBytes, freeBytes, allocatedBytes }: Candidate): number {
  return Math.min(totalBytes, freeBytes + allocatedBytes)
}

/** Every rule about one pool, in the order they are checked. */
export const FILTERS: readonly NamedFilter[] = [
  { name: 'selected-node', check: selectedNode, applies: ({ nodes }) => nodes.length > 0 },
  { name: 'pool-name', check: poolName, applies: ({ pool }) => pool !== '' },
  { name: 'pool-kind', check: poolKind, applies: ({ poolKinds }) => poolKinds.length > 0 },
  { name: 'pool-labels', check: poolLabels, applies: ({ poolSelector }) => !!poolSelector },
  { name: 'node-online', check: online },
  { name: 'node-schedulable', check: schedulable },
  { name: 'pool-ready', check: poolReady },
  { name: 'replication', check: replication, applies: ({ replicas }) => replicas > 1 },
  { name: 'failure-domain', check: domainLabel, applies: ({ replicas }) => replicas > 1 },
  { name: 'thin-floor', check: thinFloor },
  { name: 'space', check: space },
]
