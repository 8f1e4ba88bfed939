/**
 * What udev keeps about a block device, one small file each. Only a complement: hosts and
 * containers without udev's database lose names and partition types, never a disk.
 */
import { hostFile } from './host-files.ts'
import type { SysReader } from './reader.ts'

/** udev's links and properties of one device; empty without a database. */
export interface UdevRecord {
  /** Paths below /dev, sorted. */
  readonly links: readonly string[]
  readonly properties: ReadonlyMap<string, string>
}

const NOTHING: UdevRecord = { links: [], properties: new Map() }

/** The record of the block device with this number ("8:16"). */
export function readUdev(reader: SysReader, deviceNumber: string | undefined): UdevRecord {
  if (deviceNumber === undefined) return NOTHING
  const text = reader.text(hostFile(reader, `/run/udev/data/b${deviceNumber}`))
  if (text === undefined) return NOTHING
  const links: string[] = []
  const properties = new Map<string, string>()
  for (const line of text.split('\n')) {
    const value = line.slice(2)
    const at = value.indexOf('=')
    // The sequence number of by-diskseq changes with every boot, so it is no fact of the disk.
    if (line.startsWith('S:disk/') && !value.includes('by-diskseq')) links.push(`/dev/${value}`)
    if (line.startsWith('E:') && at > 0)
      properties.set(value.slice(0, at), unescapeUdev(value.slice(at + 1)))
  }
  return { links: links.sort(), properties }
}

/** udev writes unsafe characters as "\x20". */
function unescapeUdev(text: string): string {
  return text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
}
