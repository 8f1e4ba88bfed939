/**
 * SCSI vital product data, as the kernel keeps it in sysfs since it probed the disk: the serial
 * number (page 0x80), an ATA disk's own identification (0x89) and the rotation rate (0xB1).
 */
import { printable } from './parse.ts'

/** Serial number of page 0x80. */
export function vpdSerial(page: Buffer | undefined): string | undefined {
  if (page === undefined || page.length < 4 || page[1] !== 0x80) return undefined
  return printable(page.subarray(4, 4 + page.readUInt16BE(2)))
}

/** What an ATA disk says of itself, in full; SCSI's own fields cut the model at 16 characters. */
export interface AtaIdentity {
  readonly model?: string
  readonly firmware?: string
  /** 0 for a disk that does not spin. */
  readonly rpm?: number
}

const IDENTIFY_OFFSET = 60

/** The identification an ATA disk gave, from page 0x89. */
export function vpdAta(page: Buffer | undefined): AtaIdentity | undefined {
  if (page === undefined || page.length < IDENTIFY_OFFSET + 512 || page[1] !== 0x89)
    return undefined
  const words = page.subarray(IDENTIFY_OFFSET, IDENTIFY_OFFSET + 512)
  const model = printable(swapped(words, 27, 20))
  const firmware = printable(swapped(words, 23, 4))
  const rpm = rotation(words.readUInt16LE(217 * 2))
  return {
    ...(model && { model }),
    ...(firmware && { firmware }),
    ...(rpm !== undefined && { rpm }),
  }
}

/** Revolutions per minute of page 0xB1; 0 for a disk that does not spin. */
export function vpdRpm(page: Buffer | undefined): number | undefined {
  if (page === undefined || page.length < 6 || page[1] !== 0xb1) return undefined
  return rotation(page.readUInt16BE(4))
}

function rotation(rate: number): number | undefined {
  if (rate === 1) return 0
  return rate >= 0x0401 && rate <= 0xfffe ? rate : undefined
}

/** ATA text: two characters per word, the second one first. */
function swapped(words: Buffer, firstWord: number, count: number): Buffer {
  return Buffer.from(words.subarray(firstWord * 2, (firstWord + count) * 2)).swap16()
}
