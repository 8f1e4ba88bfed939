/** How volumes and their replicas are shown. */
import {
  type Replica,
  ReplicaPhase,
  ReplicaRole,
  replicaPhaseToJSON,
  replicaRoleToJSON,
  type Volume,
  volumePhaseToJSON,
} from '@keelson/shared/api'
import {
  type Column,
  count,
  distinct,
  exactSize,
  size,
  timestamp,
  toneOf,
  word,
} from '../../output/index.ts'
import {
  describeConditions,
  identityFields,
  type Kind,
  lifeFields,
  metaColumns,
} from '../../resource/index.ts'

/** A volume's phase as a word. */
export function volumePhase(volume: Volume): string {
  return word(volumePhaseToJSON(volume.status?.phase ?? 0), 'VOLUME_PHASE_')
}

/** A replica's phase as a word. */
export function replicaPhase(replica: Replica): string {
  return word(replicaPhaseToJSON(replica.phase), 'REPLICA_PHASE_')
}

/** How volumes are shown. */
export const volumeKind: Kind<Volume> = {
  singular: 'volume',
  plural: 'volumes',
  id: ({ meta }) => meta?.name ?? '',
  columns: (nowMs) => [
    { title: 'NAME', cell: ({ meta }) => meta?.name ?? '' },
    { title: 'SIZE', cell: ({ spec }) => size(spec?.sizeBytes), right: true },
    { title: 'PHASE', cell: volumePhase, tone: toneOf },
    { title: 'REPLICAS', cell: readyOfAll },
    { title: 'POOL', cell: (volume) => distinct(copiesOf(volume).map(({ pool }) => pool)) },
    { title: 'CLASS', cell: ({ spec }) => spec?.storageClass ?? '' },
    { title: 'NODES', cell: (volume) => distinct(copiesOf(volume).map(({ node }) => node)) },
    { title: 'TIE-BREAKER', cell: tieBreakerOf, wide: true },
    {
      title: 'DEVICE',
      cell: (volume) => distinct(replicasOf(volume).map(({ devicePath }) => devicePath)),
      wide: true,
    },
    { title: 'SOURCE', cell: ({ spec }) => spec?.sourceSnapshot ?? '', wide: true },
    ...metaColumns<Volume>(nowMs),
  ],
  describe(volume, to, nowMs) {
    const { meta, spec, status } = volume
    const phase = volumePhase(volume)
    const growing = status && spec && status.actualSizeBytes < spec.sizeBytes
    to.fields([
      ...identityFields(meta),
      ['Phase', phase, toneOf(phase)],
      ['Size', exactSize(spec?.sizeBytes)],
      ['Size reached', growing ? exactSize(status.actualSizeBytes) : '', 'warning'],
      ['Replicas', `${readyOfAll(volume)} ready`],
      ['Tie-breaker', tieBreakerOf(volume)],
      ['Moving', moveOf(volume), 'warning'],
      ['Class', spec?.storageClass ?? ''],
      ['Pool', spec?.pool ?? ''],
      ['Only on nodes', spec?.nodes.join(', ') ?? ''],
      ['Copy of', spec?.sourceSnapshot ? `snapshot/${spec.sourceSnapshot}` : ''],
      ...lifeFields(meta, nowMs),
    ])
    describeConditions(to, status?.conditions ?? [], nowMs)
    to.section('Replicas:', (inner) => inner.table(replicaColumns, replicasOf(volume)))
  },
}

/** "n1 → n4 (op-1)" while a replica is on its way. */
function moveOf({ status }: Volume): string {
  const { move } = status ?? {}
  return move ? `${move.fromNode} → ${move.toNode} (${move.operation})` : ''
}

const replicaColumns: readonly Column<Replica>[] = [
  { title: 'NODE', cell: ({ node }) => node },
  { title: 'POOL', cell: ({ pool }) => pool },
  {
    title: 'ROLE',
    cell: ({ role }) => word(replicaRoleToJSON(role), 'REPLICA_ROLE_'),
  },
  { title: 'PHASE', cell: replicaPhase, tone: toneOf },
  { title: 'SIZE', cell: ({ sizeBytes }) => sizeOnceKnown(sizeBytes), right: true },
  { title: 'ALLOCATED', cell: ({ allocatedBytes }) => size(allocatedBytes), right: true },
  { title: 'DEVICE', cell: deviceOf },
  { title: 'DRBD-ID', cell: ({ drbdNodeId }) => count(drbdNodeId), wide: true },
  { title: 'MINOR', cell: ({ drbdMinor }) => count(drbdMinor), wide: true },
  { title: 'PORT', cell: ({ drbdPort }) => count(drbdPort), wide: true },
  { title: 'REPORTED', cell: ({ reportedAt }) => timestamp(reportedAt), wide: true },
  { title: 'MESSAGE', cell: ({ message }) => message },
]

/** The stable path, and what the kernel calls it at present. */
function deviceOf({ devicePath, kernelDevice }: Replica): string {
  return kernelDevice === '' ? devicePath : `${devicePath} (${kernelDevice})`
}

/** A replica that does not exist yet has no size, rather than a size of 0. */
function sizeOnceKnown(sizeBytes: bigint): string {
  return sizeBytes === 0n ? '' : size(sizeBytes)
}

function replicasOf(volume: Volume): readonly Replica[] {
  return volume.status?.replicas ?? []
}

/** Replicas but for the tie-breaker, which nobody counts among those asked for. */
function copiesOf(volume: Volume): readonly Replica[] {
  return replicasOf(volume).filter((replica) => !isTieBreaker(replica))
}

function isTieBreaker({ role }: Replica): boolean {
  return role === ReplicaRole.REPLICA_ROLE_TIE_BREAKER
}

/** "n3" if it votes, "n3 (Unknown)" while it does not. */
function tieBreakerOf(volume: Volume): string {
  const told = replicasOf(volume)
    .filter(isTieBreaker)
    .map((replica) =>
      isReady(replica) ? replica.node : `${replica.node} (${replicaPhase(replica)})`,
    )
  return told.join(', ')
}

function isReady({ phase }: Replica): boolean {
  return phase === ReplicaPhase.REPLICA_PHASE_READY
}

function readyOfAll(volume: Volume): string {
  const copies = copiesOf(volume)
  return `${copies.filter(isReady).length}/${copies.length}`
}
