/**
 * Recognises what is on a device from its first and last half megabyte, in the words of blkid. The
 * point is not to know every format but never to call a used device free: whatever is not
 * recognised and is not zero is "unidentified data". Pure; offsets and magics are the formats' own.
 */

/** Bytes examined at either end: every format below has a mark inside them. */
export const SAMPLE_BYTES = 512 * 2 ** 10

/** The two ends of a device or partition; they overlap on a small one. */
export interface Sample {
  readonly sizeBytes: number
  /** From byte 0. */
  readonly head: Buffer
  /** Up to the last byte. */
  readonly tail: Buffer
}

/** What content looks like when nothing below matches but something is there. */
export const UNIDENTIFIED = 'unidentified data'

interface Format {
  readonly name: string
  /** Bytes from the start; negative: from the end. */
  readonly offset: number | ((sizeBytes: number) => number)
  readonly magic: Buffer | string
}

const hex = (digits: string) => Buffer.from(digits, 'hex')
const KiB = 2 ** 10
const floorTo = (value: number, unit: number) => Math.floor(value / unit) * unit
const lastBlock = (size: number) => floorTo(size, 4096) - 4096
const DRBD_MAGICS = ['8374026b', '8374026c', '8374026d'].map(hex)
const MD_MAGIC = hex('fc4e2ba9')

/** Formats with a fixed mark, those that own the device before those that may lie inside. */
const FORMATS: readonly Format[] = [
  // DRBD keeps its data from byte 0 and its metadata in the last 4 KiB, or alone at the start.
  ...DRBD_MAGICS.flatMap((magic) => [
    { name: 'drbd', offset: (size: number) => lastBlock(size) + 60, magic },
    { name: 'drbd', offset: 60, magic },
  ]),
  // The LVM label is in one of the first four sectors.
  ...[0, 512, 1024, 1536].map((offset) => ({ name: 'LVM2_member', offset, magic: 'LABELONE' })),
  // Software RAID by version: 1.1, 1.2, 1.0, 0.90.
  { name: 'linux_raid_member', offset: 0, magic: MD_MAGIC },
  { name: 'linux_raid_member', offset: 4096, magic: MD_MAGIC },
  {
    name: 'linux_raid_member',
    offset: (size) => floorTo(size - 8 * KiB, 4096),
    magic: MD_MAGIC,
  },
  {
    name: 'linux_raid_member',
    offset: (size) => floorTo(size, 64 * KiB) - 64 * KiB,
    magic: MD_MAGIC,
  },
  { name: 'isw_raid_member', offset: -1024, magic: 'Intel Raid ISM Cfg' },
  { name: 'isw_raid_member', offset: -8192, magic: 'Intel Raid ISM Cfg' },
  { name: 'ddf_raid_member', offset: -512, magic: hex('de11de11') },
  { name: 'ceph_bluestore', offset: 0, magic: 'bluestore block device' },
  { name: 'crypto_LUKS', offset: 0, magic: hex('4c554b53babe') },
  { name: 'bcache', offset: 4096 + 24, magic: hex('c68573f64e1a45ca8265f57f48ba6d81') },
  { name: 'bcachefs', offset: 4096 + 24, magic: hex('c68573f666ce90a9d96a60cf803df7ef') },
  { name: 'oracleasm', offset: 32, magic: 'ORCLDISK' },
  { name: 'xfs', offset: 0, magic: 'XFSB' },
  { name: 'btrfs', offset: 64 * KiB + 64, magic: '_BHRfS_M' },
  { name: 'f2fs', offset: 1024, magic: hex('1020f5f2') },
  { name: 'erofs', offset: 1024, magic: hex('e2e1f5e0') },
  { name: 'gfs2', offset: 64 * KiB, magic: hex('0116197000000001') },
  ...[1, 2, 4, 8].map((k) => ({ name: 'ocfs2', offset: k * KiB, magic: 'OCFSV2' })),
  { name: 'swap', offset: 4096 - 10, magic: 'SWAPSPACE2' },
  { name: 'swap', offset: 64 * KiB - 10, magic: 'SWAPSPACE2' },
  { name: 'squashfs', offset: 0, magic: 'hsqs' },
  { name: 'iso9660', offset: 32 * KiB + 1, magic: 'CD001' },
  { name: 'udf', offset: 32 * KiB + 1, magic: 'BEA01' },
  { name: 'ntfs', offset: 3, magic: 'NTFS    ' },
  { name: 'exfat', offset: 3, magic: 'EXFAT   ' },
  { name: 'vfat', offset: 82, magic: 'FAT32   ' },
  { name: 'vfat', offset: 54, magic: 'FAT16   ' },
  { name: 'vfat', offset: 54, magic: 'FAT12   ' },
]

/** `length` bytes at an offset from the start, if they are within the sample. */
export function sampleAt(sample: Sample, offset: number, length: number): Buffer | undefined {
  if (offset < 0 || offset + length > sample.sizeBytes) return undefined
  if (offset + length <= sample.head.length) return sample.head.subarray(offset, offset + length)
  const inTail = offset - (sample.sizeBytes - sample.tail.length)
  return inTail >= 0 ? sample.tail.subarray(inTail, inTail + length) : undefined
}

/** Names of everything recognised, the owner of the device first; no partition tables. */
export function findSignatures(sample: Sample): readonly string[] {
  const found = new Set<string>()
  for (const format of FORMATS) {
    if (!found.has(format.name) && matches(sample, format)) found.add(format.name)
  }
  const names = [...found]
  // ZFS is found by its uberblocks; it goes before the file systems whose remains it may carry.
  if (hasUberblock(sample)) names.unshift('zfs_member')
  const ext = extVersion(sample)
  if (ext !== undefined) names.push(ext)
  return names
}

/** Whether both ends read as zeros. */
export function isBlank({ head, tail }: Sample): boolean {
  return isZero(head) && isZero(tail)
}

const ZEROS = Buffer.alloc(SAMPLE_BYTES)

function isZero(part: Buffer): boolean {
  return part.equals(ZEROS.subarray(0, part.length))
}

function matches(sample: Sample, { offset, magic }: Format): boolean {
  const wanted = typeof magic === 'string' ? Buffer.from(magic, 'latin1') : magic
  const at = typeof offset === 'function' ? offset(sample.sizeBytes) : offset
  const start = at < 0 && typeof offset === 'number' ? sample.sizeBytes + at : at
  return sampleAt(sample, start, wanted.length)?.equals(wanted) ?? false
}

const UBERBLOCK_MAGICS = [hex('0cb1ba0000000000'), hex('0000000000bab10c')]
const ZFS_LABEL_BYTES = 256 * KiB

/**
 * A ZFS device carries four labels of 256 KiB, two at each end; the second half of a label is a
 * ring of uberblocks. One block with the magic is enough.
 */
function hasUberblock(sample: Sample): boolean {
  const end = floorTo(sample.sizeBytes, ZFS_LABEL_BYTES)
  for (const label of [0, ZFS_LABEL_BYTES, end - 2 * ZFS_LABEL_BYTES, end - ZFS_LABEL_BYTES]) {
    for (let at = label + 128 * KiB; at < label + ZFS_LABEL_BYTES; at += KiB) {
      const magic = sampleAt(sample, at, 8)
      if (magic && UBERBLOCK_MAGICS.some((known) => known.equals(magic))) return true
    }
  }
  return false
}

/** ext2, ext3 or ext4 by the features in the superblock. */
function extVersion(sample: Sample): string | undefined {
  const superblock = sampleAt(sample, 1024, 256)
  if (superblock === undefined || superblock.readUInt16LE(56) !== 0xef53) return undefined
  const hasJournal = (superblock.readUInt32LE(92) & 0x4) !== 0
  const hasExtents = (superblock.readUInt32LE(96) & 0x40) !== 0
  if (hasExtents) return 'ext4'
  return hasJournal ? 'ext3' : 'ext2'
}
