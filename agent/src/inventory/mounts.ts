/** What is mounted or swapped on, and which block devices the running system stands on. */
import { byName } from './parse.ts'
import type { SysReader } from './reader.ts'

/** Where a block device is mounted. */
export interface Mount {
  readonly mountPoint: string
  readonly fileSystem: string
}

/** Mounts and swap by kernel name of the device. */
export interface Mounts {
  /** Whether the table of mounts could be read. */
  readonly known: boolean
  readonly byDevice: ReadonlyMap<string, Mount>
  readonly swaps: ReadonlySet<string>
  /** Devices the system needs, those below others included, with what stands on them. */
  readonly system: ReadonlyMap<string, string>
}

/** Mount points whose file system is part of the operating system. */
const SYSTEM_MOUNT = /^\/(boot(\/.*)?|efi|usr|var|etc|nix|ostree|sysroot|system(\/.*)?|)$/

/** Reads mounts and swap; a process table without either gives empty sets. */
export function readMounts(reader: SysReader): Mounts {
  // In a container only process 1 sees the host's mounts, if it may be looked at.
  const text = reader.text('/proc/1/mountinfo') ?? reader.text('/proc/self/mountinfo')
  const byDevice = new Map<string, Mount>()
  const system = new Map<string, string>()
  for (const line of (text ?? '').split('\n')) {
    const entry = parseMountinfo(line)
    const device = entry && deviceOf(reader, entry.deviceNumber, entry.source)
    if (entry === undefined || device === undefined) continue
    const { mountPoint, fileSystem } = entry
    const before = byDevice.get(device)
    if (before === undefined || isBetter(mountPoint, before.mountPoint))
      byDevice.set(device, { mountPoint, fileSystem })
    if (SYSTEM_MOUNT.test(mountPoint)) markSystem(reader, system, device, mountPoint)
  }
  const swaps = new Set<string>()
  for (const line of (reader.text('/proc/swaps') ?? '').split('\n').slice(1)) {
    const [path, type] = line.split(/\s+/)
    const device = type === 'partition' && path ? deviceByPath(reader, path) : undefined
    if (device === undefined || /^(zram|zd)/.test(device)) continue
    swaps.add(device)
    markSystem(reader, system, device, 'swap')
  }
  return { known: text !== undefined, byDevice, swaps, system }
}

/** The shortest mount point stands for a device that is mounted many times. */
function isBetter(candidate: string, current: string): boolean {
  const shorter = candidate.length - current.length
  return shorter < 0 || (shorter === 0 && byName(candidate, current) < 0)
}

/** A line of mountinfo (proc_pid_mountinfo(5)). */
export function parseMountinfo(line: string) {
  const [before, after] = line.split(' - ')
  const deviceNumber = before?.split(' ')[2]
  const mountPoint = before?.split(' ')[4]
  const [fileSystem, source] = after?.split(' ') ?? []
  if (!deviceNumber || !mountPoint || !fileSystem || !source) return undefined
  return { deviceNumber, mountPoint: fromOctal(mountPoint), fileSystem, source: fromOctal(source) }
}

/** The kernel writes blanks in names as octal: "\040". */
function fromOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )
}

function deviceOf(reader: SysReader, deviceNumber: string, source: string): string | undefined {
  // btrfs mounts have a number of their own, so only their source tells the device.
  if (deviceNumber.startsWith('0:'))
    return source.startsWith('/dev/') ? deviceByPath(reader, source) : undefined
  return reader.linkName(`/sys/dev/block/${deviceNumber}`)
}

function deviceByPath(reader: SysReader, path: string): string | undefined {
  const name = (reader.realPath(path) ?? path).split('/').at(-1)
  return name !== undefined && reader.exists(`/sys/class/block/${name}`) ? name : undefined
}

/** Marks a device and, through device mapper and software RAID, every device below it. */
function markSystem(
  reader: SysReader,
  system: Map<string, string>,
  device: string,
  what: string,
): void {
  if (system.has(device)) return
  system.set(device, what)
  for (const below of reader.names(`/sys/class/block/${device}/slaves`))
    markSystem(reader, system, below, what)
}
