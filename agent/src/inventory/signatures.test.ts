import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readPartitionTable } from './partition-table.ts'
import { findSignatures, isBlank, SAMPLE_BYTES, type Sample, sampleAt } from './signatures.ts'
import { tempTree } from './test-trees.ts'

type Piece = readonly [offset: number, bytes: Buffer]

/** A device of zeros with bytes at some offsets, as its two ends. */
function sampleOf(sizeBytes: number, pieces: readonly Piece[]): Sample {
  const length = Math.min(SAMPLE_BYTES, sizeBytes)
  const sample = { sizeBytes, head: Buffer.alloc(length), tail: Buffer.alloc(length) }
  for (const [offset, bytes] of pieces) {
    for (const [index, byte] of bytes.entries()) {
      const at = offset + index
      if (at < length) sample.head[at] = byte
      if (at >= sizeBytes - length) sample.tail[at - (sizeBytes - length)] = byte
    }
  }
  return sample
}

interface Capture {
  readonly madeBy: string
  readonly sizeBytes: number
  readonly pieces: readonly (readonly [number, string])[]
}

/** What the real tools wrote: the rows around the marks, the rest left out. */
const CAPTURES = JSON.parse(
  readFileSync(new URL('./testdata/signatures.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, Capture>>

function captured(name: string): Sample {
  const capture = CAPTURES[name]
  if (capture === undefined) throw new Error(`no capture ${name}`)
  const pieces = capture.pieces.map(([at, hex]) => [at, Buffer.from(hex, 'hex')] as const)
  return sampleOf(capture.sizeBytes, pieces)
}

describe('signatures the real tools wrote', () => {
  it.each([
    ['ext2', 'ext2'],
    ['ext3', 'ext3'],
    ['ext4', 'ext4'],
    ['xfs', 'xfs'],
    ['btrfs', 'btrfs'],
    ['vfat', 'vfat'],
    ['fat16', 'vfat'],
    ['f2fs', 'f2fs'],
    ['ntfs', 'ntfs'],
    ['swap', 'swap'],
    ['luks1', 'crypto_LUKS'],
    ['luks', 'crypto_LUKS'],
    ['lvm', 'LVM2_member'],
    ['drbd8', 'drbd'],
    ['drbd9', 'drbd'],
  ])('%s is %s', (name, signature) => {
    expect(findSignatures(captured(name))).toEqual([signature])
    expect(isBlank(captured(name))).toBe(false)
  })

  it('reads a GPT with its names and types', () => {
    const table = readPartitionTable(captured('gpt'))
    expect(table?.kind).toBe('gpt')
    expect([...(table?.entries.values() ?? [])]).toMatchObject([
      { type: '0fc63daf-8483-4772-8e79-3d69d8477de4', label: 'keelson-abc' },
      { type: 'e6d6d379-f507-44c2-a23c-238f2a3df928' },
    ])
    expect(readPartitionTable(captured('gptempty'))).toEqual({ kind: 'gpt', entries: new Map() })
  })

  it('reads an MBR', () => {
    expect(readPartitionTable(captured('dos'))).toEqual({
      kind: 'dos',
      entries: new Map([
        [1, { type: '0x83' }],
        [2, { type: '0x8e' }],
      ]),
    })
  })

  it('takes no boot sector of a file system for an MBR', () => {
    for (const name of ['vfat', 'fat16', 'ntfs'])
      expect(readPartitionTable(captured(name)), name).toBeUndefined()
  })

  it('finds a GPT by the copy at the end when the first is gone', () => {
    const sample = captured('gpt')
    const header = Buffer.from(sample.head.subarray(512, 604))
    const end = sampleOf(sample.sizeBytes, [[sample.sizeBytes - 512, header]])
    expect(readPartitionTable(end)?.kind).toBe('gpt')
  })
})

const MiB = 2 ** 20
const hex = (digits: string) => Buffer.from(digits, 'hex')
const md = hex('fc4e2ba901000000')

describe('signatures by their published offsets', () => {
  it.each<[string, number, readonly Piece[], string]>([
    ['software RAID 1.1', 256 * MiB, [[0, md]], 'linux_raid_member'],
    ['software RAID 1.2', 256 * MiB, [[4096, md]], 'linux_raid_member'],
    // 8 KiB from the end, rounded down to 4 KiB: here the size is 1 KiB past a multiple.
    ['software RAID 1.0', 256 * MiB + 1024, [[256 * MiB - 8192, md]], 'linux_raid_member'],
    // In the last 64 KiB block that begins at a multiple of 64 KiB and ends within the device.
    [
      'software RAID 0.90',
      256 * MiB + 512,
      [[256 * MiB - 65_536, hex('fc4e2ba900000000')]],
      'linux_raid_member',
    ],
    ['ZFS, first label', 256 * MiB, [[131_072, hex('0cb1ba0000000000')]], 'zfs_member'],
    ['ZFS, second label', 256 * MiB, [[393_216 + 7168, hex('0cb1ba0000000000')]], 'zfs_member'],
    [
      'ZFS of a big-endian host, last label only',
      256 * MiB + 5120,
      [[256 * MiB - 131_072, hex('0000000000bab10c')]],
      'zfs_member',
    ],
    ['Ceph', 256 * MiB, [[0, Buffer.from('bluestore block device\n')]], 'ceph_bluestore'],
    [
      'Intel firmware RAID',
      256 * MiB,
      [[256 * MiB - 1024, Buffer.from('Intel Raid ISM Cfg Sig. 1.3.00')]],
      'isw_raid_member',
    ],
    ['DDF firmware RAID', 256 * MiB, [[256 * MiB - 512, hex('de11de11')]], 'ddf_raid_member'],
    ['DRBD metadata alone on a disk', 256 * MiB, [[60, hex('8374026d')]], 'drbd'],
    [
      'DRBD on a size that is no multiple of 4 KiB',
      256 * MiB + 512,
      [[256 * MiB - 4096 + 60, hex('8374026d')]],
      'drbd',
    ],
  ])('%s', (_, sizeBytes, pieces, signature) => {
    expect(findSignatures(sampleOf(sizeBytes, pieces))).toEqual([signature])
  })

  it('names the owner before the file system it carries', () => {
    const ext4 = captured('ext4')
    const withDrbd = sampleOf(ext4.sizeBytes, [
      [0, ext4.head],
      [ext4.sizeBytes - 4096 + 60, hex('8374026d')],
    ])
    expect(findSignatures(withDrbd)).toEqual(['drbd', 'ext4'])
  })
})

describe('a device made by a tool of this host', () => {
  it.each([
    ['ext4', 'mkfs.ext4', ['-q', '-F']],
    ['swap', 'mkswap', ['-q']],
  ])('is recognised: %s', (signature, tool, args) => {
    using tree = tempTree()
    tree.device('image', 64 * MiB)
    const path = join(tree.root, 'dev/image')
    const PATH = `${process.env.PATH}:/usr/sbin:/sbin`
    execFileSync(tool, [...args, path], { env: { ...process.env, PATH }, stdio: 'ignore' })
    const image = readFileSync(path)
    const head = image.subarray(0, SAMPLE_BYTES)
    const sample = { sizeBytes: image.length, head, tail: image.subarray(-SAMPLE_BYTES) }
    expect(findSignatures(sample)).toEqual([signature])
  })
})

describe('blankness', () => {
  it('holds for zeros of any size and for nothing else', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 * SAMPLE_BYTES }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (sizeBytes, position, byte) => {
          const sample = sampleOf(sizeBytes, [])
          expect(isBlank(sample)).toBe(true)
          const at = position % sizeBytes
          expect(isBlank(sampleOf(sizeBytes, [[at, Buffer.from([byte])]]))).toBe(false)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('never reads outside the device, whatever its size', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 20_000 }),
        fc.uint8Array({ maxLength: 600 }),
        (n, raw) => {
          const sample = sampleOf(n, [[0, Buffer.from(raw).subarray(0, n)]])
          expect(Array.isArray(findSignatures(sample))).toBe(true)
          expect(() => readPartitionTable(sample)).not.toThrow()
          expect(sampleAt(sample, n, 1)).toBeUndefined()
        },
      ),
      { numRuns: 100 },
    )
  })
})
