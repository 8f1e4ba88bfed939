/** Partitions and holders of a block device, as the kernel and udev tell them. */
import type { DiskHolder, DiskHolderKind, DiskPartition } from '@keelson/shared/model'
import type { RawDisk } from './disk-attributes.ts'
import type { Mounts } from './mounts.ts'
import { assignments, byName, compact, filled, uint } from './parse.ts'
import type { SysReader } from './reader.ts'
import { readUdev } from './udev.ts'

/** Holders looked at per device: a volume group has one per volume, and they all say the same. */
const MAX_HOLDERS = 16

/** The partitions of a disk in order of number. */
export function readPartitions(
  reader: SysReader,
  disk: RawDisk,
  mounts: Mounts,
): readonly DiskPartition[] {
  const block = `/sys/block/${disk.kernelName}`
  return reader
    .names(block)
    .filter((name) => name.startsWith(disk.kernelName))
    .flatMap((name) => readPartition(reader, disk, name, mounts) ?? [])
    .sort((a, b) => a.number - b.number)
}

function readPartition(
  reader: SysReader,
  disk: RawDisk,
  kernelName: string,
  mounts: Mounts,
): DiskPartition | undefined {
  const path = `/sys/block/${disk.kernelName}/${kernelName}`
  const number = uint(reader.text(`${path}/partition`))
  if (number === undefined) return undefined
  const uevent = assignments(reader.text(`${path}/uevent`))
  const { properties } = readUdev(reader, filled(reader.text(`${path}/dev`)))
  const mount = mounts.byDevice.get(kernelName)
  return compact({
    number,
    kernelName,
    startBytes: sectors(reader.text(`${path}/start`)),
    sizeBytes: sectors(reader.text(`${path}/size`)),
    type: properties.get('ID_PART_ENTRY_TYPE')?.toLowerCase(),
    uuid: (uevent.get('PARTUUID') ?? properties.get('ID_PART_ENTRY_UUID'))?.toLowerCase(),
    label: filled(uevent.get('PARTNAME') ?? properties.get('ID_PART_ENTRY_NAME')),
    content: mount?.fileSystem ?? filled(properties.get('ID_FS_TYPE')),
    mountPoint: mount?.mountPoint,
    holders: readHolders(reader, kernelName, mounts),
  })
}

function sectors(text: string | undefined): number | undefined {
  const count = uint(text)
  return count === undefined ? undefined : count * 512
}

/** What holds a disk or partition, each owner once. */
export function readHolders(
  reader: SysReader,
  kernelName: string,
  mounts: Mounts,
): readonly DiskHolder[] {
  const holders = new Map<string, DiskHolder>()
  const names = [...reader.names(`/sys/class/block/${kernelName}/holders`)].sort(byName)
  for (const name of names.slice(0, MAX_HOLDERS)) {
    const holder = describeHolder(reader, name)
    holders.set(`${holder.kind} ${holder.name}`, holder)
  }
  if (mounts.swaps.has(kernelName)) holders.set('SWAP', { kind: 'SWAP', name: kernelName })
  return [...holders].sort(([a], [b]) => byName(a, b)).map(([, holder]) => holder)
}

/** Device mapper's users write their name before the first "-" of the uuid. */
const MAPPER_KINDS: Readonly<Record<string, DiskHolderKind>> = {
  LVM: 'LVM',
  mpath: 'MULTIPATH',
  CRYPT: 'CRYPT',
}

function describeHolder(reader: SysReader, kernelName: string): DiskHolder {
  if (kernelName.startsWith('md')) return { kind: 'MD', name: kernelName }
  if (kernelName.startsWith('drbd')) return { kind: 'DRBD', name: kernelName }
  if (kernelName.startsWith('bcache')) return { kind: 'BCACHE', name: kernelName }
  if (!kernelName.startsWith('dm-')) return { kind: 'OTHER', name: kernelName }
  const path = `/sys/class/block/${kernelName}/dm`
  const kind = MAPPER_KINDS[(reader.text(`${path}/uuid`) ?? '').split('-')[0] ?? ''] ?? 'OTHER'
  const name = reader.text(`${path}/name`) ?? kernelName
  return { kind, name: kind === 'LVM' ? volumeGroupOf(name) : name }
}

/** Device mapper joins group and volume by "-" and doubles the ones in either. */
export function volumeGroupOf(mapperName: string): string {
  const group = /^((?:[^-]|--)+)-(?!-)/.exec(mapperName)?.[1] ?? mapperName
  return group.replaceAll('--', '-')
}
