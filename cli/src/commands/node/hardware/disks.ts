/** Disks, their partitions and what holds them. */
import {
  type DiskFacts,
  type DiskHolder,
  type DiskPartition,
  DiskUsage,
  DiskZoning,
  diskHolderKindToJSON,
  diskIdentityToJSON,
  diskTransportToJSON,
  diskUsageToJSON,
  diskZoningToJSON,
  type PhysicalDisk,
} from '@keelson/shared/api'
import {
  type Column,
  capitals,
  count,
  type Description,
  size,
  word,
  yesNo,
} from '../../../output/index.ts'

/** All disks, then all partitions. */
export function describeDisks({ disks }: DiskFacts, to: Description): void {
  if (disks.length === 0) return to.line('no disks')
  to.table(diskColumns, disks)
  const partitions = disks.flatMap((disk) =>
    disk.partitions.map((partition) => ({ disk, partition })),
  )
  to.section('Partitions:', (inner) => inner.table(partitionColumns, partitions))
}

const diskColumns: readonly Column<PhysicalDisk>[] = [
  { title: 'DISK', cell: ({ kernelName }) => kernelName },
  { title: 'SIZE', cell: ({ sizeBytes }) => size(sizeBytes), right: true },
  { title: 'USAGE', cell: usageOf, tone: (text) => (text === 'FREE' ? 'good' : 'plain') },
  { title: 'SIGNATURE', cell: ({ signature }) => signature },
  { title: 'HELD-BY', cell: ({ holders }) => holdersOf(holders) },
  { title: 'MOUNT', cell: ({ mountPoint }) => mountPoint ?? '' },
  {
    title: 'TRANSPORT',
    cell: ({ transport }) => capitals(diskTransportToJSON(transport), 'DISK_TRANSPORT_'),
  },
  { title: 'MEDIUM', cell: mediumOf },
  { title: 'SECTORS', cell: sectorsOf },
  { title: 'MODEL', cell: ({ vendor, model }) => [vendor, model].filter(Boolean).join(' ') },
  { title: 'SERIAL', cell: ({ serial }) => serial ?? '' },
  { title: 'FIRMWARE', cell: ({ firmware }) => firmware ?? '' },
  {
    title: 'KNOWN-BY',
    cell: ({ identity }) => word(diskIdentityToJSON(identity), 'DISK_IDENTITY_').toLowerCase(),
  },
  { title: 'BAY', cell: ({ bay }) => (bay ? `${bay.enclosure}/${bay.slot}` : ''), wide: true },
  { title: 'NUMA', cell: ({ numaNode }) => count(numaNode), right: true, wide: true },
  { title: 'DISCARD', cell: ({ discard }) => yesNo(discard), wide: true },
  { title: 'VOLATILE-CACHE', cell: (disk) => yesNo(disk.volatileWriteCache), wide: true },
  { title: 'READ-ONLY', cell: ({ readOnly }) => yesNo(readOnly), wide: true },
  { title: 'REMOVABLE', cell: ({ removable }) => yesNo(removable), wide: true },
  { title: 'WWID', cell: ({ wwid }) => wwid ?? '', wide: true },
  { title: 'PATHS', cell: pathsOf, wide: true },
  { title: 'UID', cell: ({ uid }) => uid, wide: true },
  { title: 'LINKS', cell: ({ links }) => links.join(','), wide: true },
]

/** A disk that could not be examined is never taken for a free one. */
function usageOf({ usage }: PhysicalDisk): string {
  if (usage === DiskUsage.DISK_USAGE_UNSPECIFIED) return 'not-known'
  return capitals(diskUsageToJSON(usage), 'DISK_USAGE_')
}

function mediumOf({ rotational, rpm, zoning, raid }: PhysicalDisk): string {
  const { DISK_ZONING_UNSPECIFIED, DISK_ZONING_NONE } = DiskZoning
  const zoned = zoning !== DISK_ZONING_UNSPECIFIED && zoning !== DISK_ZONING_NONE
  const spin = rpm === undefined ? 'spinning' : `${rpm}rpm`
  return [
    rotational === undefined ? '' : rotational ? spin : 'flash',
    zoned ? word(diskZoningToJSON(zoning), 'DISK_ZONING_') : '',
    raid?.level ?? '',
  ]
    .filter((part) => part !== '')
    .join(',')
}

function sectorsOf({ logicalBlockBytes, physicalBlockBytes }: PhysicalDisk): string {
  if (logicalBlockBytes === undefined) return ''
  return `${logicalBlockBytes}/${physicalBlockBytes ?? '?'}`
}

function pathsOf({ paths }: PhysicalDisk): string {
  return paths
    .map((path) =>
      [path.kernelName, path.pciAddress, path.scsiAddress, path.state].filter(Boolean).join('@'),
    )
    .join(',')
}

function holdersOf(holders: readonly DiskHolder[]): string {
  return holders
    .map(({ kind, name }) => `${capitals(diskHolderKindToJSON(kind), 'DISK_HOLDER_KIND_')}:${name}`)
    .join(',')
}

const partitionColumns: readonly Column<{
  readonly disk: PhysicalDisk
  readonly partition: DiskPartition
}>[] = [
  { title: 'PARTITION', cell: ({ partition }) => partition.kernelName },
  { title: 'DISK', cell: ({ disk }) => disk.kernelName },
  { title: 'SIZE', cell: ({ partition }) => size(partition.sizeBytes), right: true },
  { title: 'CONTENT', cell: ({ partition }) => partition.content ?? '' },
  { title: 'MOUNT', cell: ({ partition }) => partition.mountPoint ?? '' },
  { title: 'HELD-BY', cell: ({ partition }) => holdersOf(partition.holders) },
  { title: 'LABEL', cell: ({ partition }) => partition.label ?? '' },
  { title: 'START', cell: ({ partition }) => count(partition.startBytes), right: true, wide: true },
  { title: 'TYPE', cell: ({ partition }) => partition.type ?? '', wide: true },
  { title: 'UUID', cell: ({ partition }) => partition.uuid ?? '', wide: true },
]
