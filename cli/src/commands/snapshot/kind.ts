/** How snapshots are shown. */
import {
  type Snapshot,
  type SnapshotReplica,
  snapshotMethodToJSON,
  snapshotPhaseToJSON,
} from '@keelson/shared/api'
import { type Column, distinct, exactSize, size, toneOf, word } from '../../output/index.ts'
import {
  describeConditions,
  identityFields,
  type Kind,
  lifeFields,
  metaColumns,
} from '../../resource/index.ts'

/** The phase of a snapshot, or of a part of it, as a word. */
export function snapshotPhase(part: { readonly phase: SnapshotReplica['phase'] } | undefined) {
  return word(snapshotPhaseToJSON(part?.phase ?? 0), 'SNAPSHOT_PHASE_')
}

function methodOf({ method }: SnapshotReplica): string {
  return word(snapshotMethodToJSON(method), 'SNAPSHOT_METHOD_')
}

/** How snapshots are shown. */
export const snapshotKind: Kind<Snapshot> = {
  singular: 'snapshot',
  plural: 'snapshots',
  id: ({ meta }) => meta?.name ?? '',
  columns: (nowMs) => [
    { title: 'NAME', cell: ({ meta }) => meta?.name ?? '' },
    { title: 'VOLUME', cell: ({ spec }) => spec?.volume ?? '' },
    { title: 'SIZE', cell: ({ status }) => size(status?.sizeBytes), right: true },
    { title: 'PHASE', cell: ({ status }) => snapshotPhase(status), tone: toneOf },
    { title: 'METHOD', cell: (item) => distinct(replicasOf(item).map(methodOf)) },
    { title: 'ALLOCATED', cell: (item) => size(allocated(item)), right: true },
    { title: 'NODES', cell: (item) => distinct(replicasOf(item).map(({ node }) => node)) },
    ...metaColumns<Snapshot>(nowMs),
  ],
  describe(item, to, nowMs) {
    const { meta, spec, status } = item
    const phase = snapshotPhase(status)
    to.fields([
      ...identityFields(meta),
      ['Volume', spec?.volume ?? ''],
      ['Phase', phase, toneOf(phase)],
      ['Size', exactSize(status?.sizeBytes)],
      ...lifeFields(meta, nowMs),
    ])
    describeConditions(to, status?.conditions ?? [], nowMs)
    to.section('Replicas:', (inner) => inner.table(replicaColumns, replicasOf(item)))
  },
}

const replicaColumns: readonly Column<SnapshotReplica>[] = [
  { title: 'NODE', cell: ({ node }) => node },
  { title: 'POOL', cell: ({ pool }) => pool },
  { title: 'PHASE', cell: (replica) => snapshotPhase(replica), tone: toneOf },
  { title: 'METHOD', cell: methodOf },
  { title: 'ALLOCATED', cell: ({ allocatedBytes }) => size(allocatedBytes), right: true },
  {
    title: 'COPIED',
    cell: ({ copiedBytes }) => (copiedBytes === 0n ? '' : size(copiedBytes)),
    right: true,
  },
  { title: 'MESSAGE', cell: ({ message }) => message },
]

function replicasOf(item: Snapshot): readonly SnapshotReplica[] {
  return item.status?.replicas ?? []
}

function allocated(item: Snapshot): bigint {
  return replicasOf(item).reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0n)
}
