/** How storage pools are shown. */
import {
  type StoragePool,
  StoragePoolKind,
  StoragePoolPhase,
  storagePoolKindToJSON,
  storagePoolPhaseToJSON,
} from '@keelson/shared/api'
import { capitals, count, exactSize, size, toneOf, word, yesNo } from '../../output/index.ts'
import {
  describeConditions,
  identityFields,
  type Kind,
  lifeFields,
  metaColumns,
} from '../../resource/index.ts'

/** The kinds as they are written on the command line. */
export const POOL_KINDS = ['LVM', 'LVM_THIN', 'ZFS', 'ZFS_THIN', 'FILE', 'FILE_THIN'] as const

/** A kind's value in the API. */
export function poolKindValue(kind: (typeof POOL_KINDS)[number]): StoragePoolKind {
  return StoragePoolKind[`STORAGE_POOL_KIND_${kind}`]
}

/** A kind as it is written on the command line. */
export function poolKindName(kind: StoragePoolKind): string {
  return capitals(storagePoolKindToJSON(kind), 'STORAGE_POOL_KIND_')
}

/** A pool's phase as a word. */
export function poolPhase(pool: StoragePool): string {
  return word(storagePoolPhaseToJSON(pool.status?.phase ?? 0), 'STORAGE_POOL_PHASE_')
}

/** How pools are shown; what a host has not reported yet is not known, rather than 0. */
export const poolKind: Kind<StoragePool> = {
  singular: 'pool',
  plural: 'pools',
  id: ({ meta, spec }) => `${spec?.node ?? ''}/${meta?.name ?? ''}`,
  columns: (nowMs) => [
    { title: 'NAME', cell: ({ meta }) => meta?.name ?? '' },
    { title: 'NODE', cell: ({ spec }) => spec?.node ?? '' },
    { title: 'KIND', cell: ({ spec }) => poolKindName(spec?.kind ?? 0) },
    { title: 'PHASE', cell: poolPhase, tone: toneOf },
    { title: 'TOTAL', cell: (pool) => reported(pool, pool.status?.totalBytes), right: true },
    { title: 'FREE', cell: (pool) => reported(pool, pool.status?.freeBytes), right: true },
    { title: 'PROMISED', cell: ({ status }) => size(status?.promisedBytes), right: true },
    { title: 'REPLICAS', cell: ({ status }) => count(status?.replicaCount), right: true },
    { title: 'PATH', cell: ({ spec }) => spec?.path ?? '' },
    { title: 'OVERCOMMIT', cell: ({ spec }) => overcommit(spec?.overcommitPercent), wide: true },
    {
      title: 'REFLINK',
      cell: (pool) => (isReported(pool) ? yesNo(pool.status?.reflink) : ''),
      wide: true,
    },
    ...metaColumns<StoragePool>(nowMs),
  ],
  describe(pool, to, nowMs) {
    const { meta, spec, status } = pool
    const phase = poolPhase(pool)
    const known = isReported(pool) ? status : undefined
    to.fields([
      ...identityFields(meta),
      ['Node', spec?.node ?? ''],
      ['Kind', poolKindName(spec?.kind ?? 0)],
      ['Path', spec?.path ?? ''],
      ['Overcommit', overcommit(spec?.overcommitPercent)],
      ['Phase', phase, toneOf(phase)],
      ['Total', exactSize(known?.totalBytes)],
      ['Free', exactSize(known?.freeBytes)],
      ['Promised', exactSize(status?.promisedBytes)],
      ['Replicas', count(status?.replicaCount)],
      ['Snapshots are', snapshotsAre(known?.reflink)],
      ['Foreign files', status?.foreignFiles.join(', ') ?? '', 'warning'],
      ...lifeFields(meta, nowMs),
    ])
    describeConditions(to, status?.conditions ?? [], nowMs)
  },
}

function isReported({ status }: StoragePool): boolean {
  return status !== undefined && status.totalBytes !== 0n
}

function reported(pool: StoragePool, bytes: bigint | undefined): string {
  return isReported(pool) ? size(bytes) : ''
}

function overcommit(percent: number | undefined): string {
  return percent ? `${percent / 100}x` : ''
}

function snapshotsAre(reflink: boolean | undefined): string {
  if (reflink === undefined) return ''
  return reflink ? 'reflinks (instant, sharing space)' : 'full copies (slow, taking space)'
}

/** Whether a pool is ready, going away, or neither. */
export function poolStanding(pool: StoragePool): 'ready' | 'deleting' | 'other' {
  const { STORAGE_POOL_PHASE_READY, STORAGE_POOL_PHASE_DELETING } = StoragePoolPhase
  if (pool.status?.phase === STORAGE_POOL_PHASE_READY) return 'ready'
  return pool.status?.phase === STORAGE_POOL_PHASE_DELETING ? 'deleting' : 'other'
}

/** Name and host of a pool given as "local" or as "n1/local". */
export function parsePoolName(
  text: string,
  node: string | undefined,
): { readonly name: string; readonly node: string } {
  const at = text.indexOf('/')
  if (at < 0 || node !== undefined) return { name: text, node: node ?? '' }
  return { name: text.slice(at + 1), node: text.slice(0, at) }
}
