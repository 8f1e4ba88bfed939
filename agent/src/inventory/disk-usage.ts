/**
 * What a disk is used for, from what holds it, what is mounted and what is on it. The order below
 * is the order of proof: the running system first, then a holder, then a mount, then signatures.
 * FREE needs all of them to be absent and both ends to be zeros; anything unclear is not FREE.
 * Pure.
 */
import type { DiskHolder, DiskHolderKind, DiskPartition, DiskUsage } from '@keelson/shared/model'
import type { DeviceContent } from './device-probe.ts'
import { UNIDENTIFIED } from './signatures.ts'

/** A usage and what led to it. */
export interface UsageVerdict {
  readonly usage: DiskUsage
  readonly signature: string
}

/** A disk or partition, as far as its use goes. */
export interface UsageInput {
  readonly kernelName: string
  readonly holders: readonly DiskHolder[]
  readonly partitions: readonly DiskPartition[]
  readonly mountPoint: string | undefined
  readonly fileSystem: string | undefined
  /** What of the running system stands on a device, by kernel name. */
  readonly system: ReadonlyMap<string, string>
  /** Whether several paths lead to the disk. */
  readonly multipath: boolean
}

/** The usage that needs no look at the content; undefined if only the content can tell. */
export function usageByHolders(input: UsageInput): UsageVerdict | undefined {
  const { kernelName, holders, partitions, system, multipath } = input
  const devices = [{ kernelName, holders }, ...partitions]
  const [root] = devices
    .flatMap((each) => ({ device: each.kernelName, what: system.get(each.kernelName) }))
    .filter(({ what }) => what !== undefined)
    .sort((a, b) => (a.what ?? '').length - (b.what ?? '').length)
  if (root?.what !== undefined)
    return { usage: 'OS', signature: on(root.what, root.device, kernelName) }
  const held = devices.flatMap((each) =>
    each.holders.map((holder) => ({ holder, device: each.kernelName })),
  )
  for (const kind of HOLDER_ORDER) {
    const found = held.find(({ holder }) => holder.kind === kind)
    if (found === undefined) continue
    const { holder, device } = found
    const signature = on(`${HOLDER_WORDS[kind]} ${holder.name}`, device, kernelName)
    return { usage: usageOf(holder), signature }
  }
  if (multipath) return { usage: 'MULTIPATH', signature: 'several paths, no multipath device' }
  return usageByMount(input)
}

function usageByMount(input: UsageInput): UsageVerdict | undefined {
  const { kernelName, mountPoint, fileSystem, partitions } = input
  const devices = [{ kernelName, mountPoint, content: fileSystem }, ...partitions]
  const mounted = devices.find((each) => each.mountPoint !== undefined)
  if (mounted === undefined) return undefined
  const what = `${mounted.content ?? 'file system'} at ${mounted.mountPoint}`
  return { usage: 'FOREIGN', signature: on(what, mounted.kernelName, kernelName) }
}

/** "what on sda3", or only "what" when it is on the disk itself. */
function on(what: string, device: string, disk: string): string {
  return device === disk ? what : `${what} on ${device}`
}

const HOLDER_ORDER: readonly DiskHolderKind[] = [
  'MULTIPATH',
  'LVM',
  'MD',
  'DRBD',
  'CRYPT',
  'BCACHE',
  'SWAP',
  'OTHER',
]

const HOLDER_WORDS: Readonly<Record<DiskHolderKind, string>> = {
  MULTIPATH: 'multipath device',
  LVM: 'volume group',
  MD: 'software RAID',
  DRBD: 'DRBD device',
  CRYPT: 'encrypted device',
  BCACHE: 'cache device',
  SWAP: 'swap',
  OTHER: 'held by',
}

function usageOf({ kind, name }: DiskHolder): DiskUsage {
  switch (kind) {
    case 'MULTIPATH':
      return 'MULTIPATH'
    case 'LVM':
      // ceph-volume makes one group per disk and names it so.
      return name.startsWith('ceph-') ? 'CEPH' : 'LVM_PV'
    case 'MD':
      return 'MD'
    case 'DRBD':
      return 'DRBD_META'
    default:
      return 'FOREIGN'
  }
}

/** Formats that give a device to one owner, the strongest first; all others are FOREIGN. */
const OWNERS: readonly (readonly [signature: string, usage: DiskUsage])[] = [
  ['drbd', 'DRBD_META'],
  ['LVM2_member', 'LVM_PV'],
  ['zfs_member', 'ZFS'],
  ['linux_raid_member', 'MD'],
  ['isw_raid_member', 'MD'],
  ['ddf_raid_member', 'MD'],
  ['ceph_bluestore', 'CEPH'],
]

/** GPT types of Ceph's data, block, write-ahead log and database partitions. */
const CEPH_TYPES = new Set([
  '4fbd7e29-9d25-41b8-afd0-062c0ceff05d',
  'cafecafe-9b03-4f30-b4c6-b4b80ceff106',
  '5ce17fce-4087-4169-b7ff-056cc58473f9',
  '30cd0809-c2b2-499c-8879-2d6b78529876',
])

/** The usage of a disk that nothing holds, by what is on it. */
export function usageByContent(
  kernelName: string,
  partitions: readonly DiskPartition[],
  content: DeviceContent,
): UsageVerdict {
  const found = [
    ...partitions.flatMap(({ number, kernelName: device }) =>
      (content.partitions.get(number)?.signatures ?? []).map((name) => ({ name, device })),
    ),
    ...content.signatures.map((name) => ({ name, device: kernelName })),
  ]
  for (const [signature, usage] of OWNERS) {
    const match = found.find(({ name }) => name === signature)
    if (match) return { usage, signature: on(signature, match.device, kernelName) }
  }
  const ceph = partitions.find(({ number }) =>
    CEPH_TYPES.has(content.partitions.get(number)?.type ?? ''),
  )
  if (ceph)
    return { usage: 'CEPH', signature: on('Ceph partition type', ceph.kernelName, kernelName) }
  const [first] = found
  if (first) return { usage: 'FOREIGN', signature: on(first.name, first.device, kernelName) }
  if (content.table !== undefined || partitions.length > 0) {
    const count = partitions.length
    const table = content.table ?? 'partition'
    return { usage: 'FOREIGN', signature: `${table} table with ${count} partitions` }
  }
  return content.blank
    ? { usage: 'FREE', signature: '' }
    : { usage: 'FOREIGN', signature: UNIDENTIFIED }
}
