/** Partition tables as far as a disk's use depends on them: GPT (UEFI 2.10 §5.3) and MBR. Pure. */
import { type Sample, sampleAt } from './signatures.ts'

/** A table and what it says of each partition, by number. */
export interface PartitionTable {
  readonly kind: 'gpt' | 'dos'
  readonly entries: ReadonlyMap<number, PartitionEntry>
}

/** One entry. */
export interface PartitionEntry {
  /** GPT type as a lower-case UUID, MBR type as "0x83". */
  readonly type: string
  readonly uuid?: string
  readonly label?: string
}

const GPT_SIGNATURE = 'EFI PART'
const NO_TYPE = '00000000-0000-0000-0000-000000000000'

/** Reads the table of a whole disk; undefined if there is none. */
export function readPartitionTable(sample: Sample): PartitionTable | undefined {
  return readGpt(sample) ?? readMbr(sample)
}

function readGpt(sample: Sample): PartitionTable | undefined {
  // The header is in the second block, whose size the disk chooses; the last block has a copy.
  for (const blockBytes of [512, 4096]) {
    for (const at of [blockBytes, sample.sizeBytes - blockBytes]) {
      const header = sampleAt(sample, at, 92)
      if (header?.toString('latin1', 0, 8) === GPT_SIGNATURE)
        return { kind: 'gpt', entries: gptEntries(sample, header, blockBytes) }
    }
  }
  return undefined
}

function gptEntries(
  sample: Sample,
  header: Buffer,
  blockBytes: number,
): ReadonlyMap<number, PartitionEntry> {
  const entries = new Map<number, PartitionEntry>()
  const start = Number(header.readBigUInt64LE(72)) * blockBytes
  const count = Math.min(header.readUInt32LE(80), 128)
  const entryBytes = header.readUInt32LE(84)
  if (entryBytes < 128 || entryBytes > 4096) return entries
  for (let index = 0; index < count; index++) {
    const entry = sampleAt(sample, start + index * entryBytes, 128)
    if (entry === undefined) break
    const type = guid(entry.subarray(0, 16))
    if (type === NO_TYPE) continue
    const label = entry.toString('utf16le', 56, 128).replace(/\0[\s\S]*$/, '')
    const uuid = guid(entry.subarray(16, 32))
    entries.set(index + 1, label === '' ? { type, uuid } : { type, uuid, label })
  }
  return entries
}

/** A GUID's first three parts are little-endian. */
function guid(raw: Buffer): string {
  const part = (from: number, to: number) => raw.toString('hex', from, to)
  const swapped = (from: number, to: number) =>
    Buffer.from(raw.subarray(from, to)).reverse().toString('hex')
  return [swapped(0, 4), swapped(4, 6), swapped(6, 8), part(8, 10), part(10, 16)].join('-')
}

function readMbr(sample: Sample): PartitionTable | undefined {
  const sector = sampleAt(sample, 0, 512)
  if (sector === undefined || sector.readUInt16LE(510) !== 0xaa55) return undefined
  const entries = new Map<number, PartitionEntry>()
  for (let index = 0; index < 4; index++) {
    const at = 446 + index * 16
    const status = sector.readUInt8(at)
    const type = sector.readUInt8(at + 4)
    // A boot sector of a file system ends the same way, but has code where a table has 0 or 0x80.
    if (status !== 0 && status !== 0x80) return undefined
    if (type !== 0) entries.set(index + 1, { type: `0x${type.toString(16).padStart(2, '0')}` })
  }
  return entries.size === 0 ? undefined : { kind: 'dos', entries }
}
