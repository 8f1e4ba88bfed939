/**
 * Loop devices: seen through /sys/block without any child process, changed through losetup. A loop
 * is ours only by the exact path of its backing file inside our pool, so two agents, or an agent
 * and a person, never touch each other's.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { constants, type FileHandle, open, writeFile } from 'node:fs/promises'
import { KeelsonError } from '@keelson/shared/errors'
import type { CommandRunner } from '@keelson/shared/exec'
import { formatSize } from '@keelson/shared/model'
import { type Clock, sleep } from '@keelson/shared/runtime'
import { errnoOf } from './errno.ts'

/** An attached loop device. */
export interface LoopDevice {
  /** `/dev/loop3`. */
  readonly path: string
  /** Where the backing file is now; the kernel follows renames. */
  readonly backingFile: string
  /** The backing file has no name any more, but its data lives as long as the device. */
  readonly backingDeleted: boolean
  readonly sizeBytes: number
  readonly directIo: boolean
  /** Read-write over the whole file, as we attach it; others belong to somebody who looks in. */
  readonly regular: boolean
}

const DELETED = ' (deleted)'
const SECTOR_BYTES = 512
const TOOL_LIMITS = { timeoutMs: 60_000, stallMs: 30_000 } as const

/** Every attached loop device of the host whose backing file `isWanted`. */
export function findLoops(isWanted: (backingFile: string) => boolean): LoopDevice[] {
  const names = readdirSync('/sys/block').filter((name) => /^loop\d+$/.test(name))
  const wanted = names.filter((name) => {
    const backing = readBacking(name)
    return backing !== undefined && isWanted(backing.backingFile)
  })
  return wanted.map(readLoop).filter((loop) => loop !== undefined)
}

/** The loop device at a path such as `/dev/loop3`, or undefined when nothing is attached to it. */
export function readLoopAt(devicePath: string): LoopDevice | undefined {
  const name = /^\/dev\/(loop\d+)$/.exec(devicePath)?.[1]
  return name === undefined ? undefined : readLoop(name)
}

function readBacking(name: string): Pick<LoopDevice, 'backingFile' | 'backingDeleted'> | undefined {
  const text = readAttribute(name, 'loop/backing_file')
  if (text === undefined) return undefined
  const backingDeleted = text.endsWith(DELETED)
  return { backingDeleted, backingFile: backingDeleted ? text.slice(0, -DELETED.length) : text }
}

function readLoop(name: string): LoopDevice | undefined {
  const backing = readBacking(name)
  const attributes = ['size', 'ro', 'loop/offset', 'loop/sizelimit', 'loop/dio']
  const texts = attributes.map((attribute) => readAttribute(name, attribute))
  const [size, readOnly, offset, sizeLimit, directIo] = texts.map(Number)
  if (backing === undefined || texts.includes(undefined)) return undefined
  return {
    ...backing,
    path: `/dev/${name}`,
    sizeBytes: (size ?? 0) * SECTOR_BYTES,
    directIo: directIo === 1,
    regular: readOnly === 0 && offset === 0 && sizeLimit === 0,
  }
}

/**
 * One sysfs attribute without its final newline; undefined once the device is detached. The kernel
 * answers from memory, so waiting for it here takes a tenth of what an asynchronous read costs.
 */
function readAttribute(name: string, attribute: string): string | undefined {
  try {
    const text = readFileSync(`/sys/block/${name}/${attribute}`, 'utf8')
    return text.endsWith('\n') ? text.slice(0, -1) : text
  } catch (error) {
    if (['ENOENT', 'ENXIO', 'ENODEV'].includes(errnoOf(error) ?? '')) return undefined
    throw error
  }
}

/**
 * Attaches a file. The sector size is fixed at 512, because file systems and partition tables made
 * with one size are unreadable with another and the kernel's own choice depends on the disk below.
 * Direct I/O is asked for; where the file system cannot (such as over 4096-byte sectors) the kernel
 * attaches without it.
 */
export async function attachLoop(
  runner: CommandRunner,
  backingFile: string,
  signal: AbortSignal | undefined,
): Promise<LoopDevice> {
  const { stdout } = await runner.run({
    file: 'losetup',
    args: ['--find', '--show', '--sector-size', '512', '--direct-io=on', '--', backingFile],
    ...TOOL_LIMITS,
    failureCode: 'FAILED_PRECONDITION',
    signal,
  })
  const path = stdout.trim()
  const loop = readLoopAt(path)
  if (loop?.backingFile === backingFile) return loop
  // A device that cannot be recognised would be attached again and again, and two devices over one
  // file corrupt it.
  await runner.run({ file: 'losetup', args: ['--detach', path], ...TOOL_LIMITS })
  const shown = loop === undefined ? 'nothing' : loop.backingFile
  const problem = `${path} was attached to ${backingFile}, but the kernel shows ${shown}`
  throw new KeelsonError('FAILED_PRECONDITION', problem)
}

/** Makes an attached device as large as its file has become. */
export async function growLoop(
  runner: CommandRunner,
  loop: LoopDevice,
  signal: AbortSignal | undefined,
): Promise<LoopDevice> {
  await runner.run({
    file: 'losetup',
    args: ['--set-capacity', loop.path],
    ...TOOL_LIMITS,
    failureCode: 'FAILED_PRECONDITION',
    signal,
  })
  return readLoopAt(loop.path) ?? loop
}

/**
 * Opens a device exclusively: as long as the handle is open nobody can mount it, build on it or
 * give it another file. `in-use` when somebody already did the former, `gone` the latter.
 */
export async function claimDevice(loop: LoopDevice): Promise<FileHandle | 'in-use' | 'gone'> {
  const claim = await openExclusively(loop.path)
  if (claim === undefined) return 'in-use'
  if (readLoopAt(loop.path)?.backingFile === loop.backingFile) return claim
  await claim.close()
  return 'gone'
}

async function openExclusively(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_EXCL)
  } catch (error) {
    if (errnoOf(error) === 'EBUSY') return undefined
    throw error
  }
}

/**
 * Detaches a claimed device and gives up the claim. The kernel marks an open device and lets go of
 * the file at its last close, so a mount cannot slip in between check and detach. Resolves to false
 * when somebody else still has the device open after two seconds, long enough for udev's probes.
 */
export async function detachLoop(
  runner: CommandRunner,
  clock: Clock,
  loop: LoopDevice,
  claim: FileHandle,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    const args = ['--detach', loop.path]
    const failureCode = 'FAILED_PRECONDITION'
    await runner.run({ file: 'losetup', args, ...TOOL_LIMITS, failureCode, signal })
  } finally {
    await claim.close()
  }
  for (let waits = 0; waits < 100; waits++) {
    const now = readLoopAt(loop.path)
    if (now?.backingFile !== loop.backingFile) return true
    await sleep(clock, 20, signal)
  }
  return false
}

/** Writes everything the device has accepted through to the backing file's disk. */
export async function flushDevice(loop: LoopDevice): Promise<void> {
  const device = await open(loop.path, 'r')
  try {
    await device.sync()
  } finally {
    await device.close()
  }
}

/** Writes a device has completed since it was attached, and those under way. */
export interface WriteCounters {
  readonly writeCount: number
  readonly writtenBytes: number
  readonly discardCount: number
  readonly inFlightCount: number
}

/**
 * Has the kernel count the writes to a device of ours. Whoever had the device number before may
 * have switched counting off, and the switch outlives the attachment.
 */
export async function countWrites(loop: LoopDevice): Promise<void> {
  const name = loop.path.slice('/dev/'.length)
  if (readAttribute(name, 'queue/iostats') === '0')
    await writeFile(`/sys/block/${name}/queue/iostats`, '1')
}

/** Reads the device's counters; undefined when it does not count. */
export function readWriteCounters(loop: LoopDevice): WriteCounters | undefined {
  const name = loop.path.slice('/dev/'.length)
  const text = readAttribute(name, 'stat')
  const counts = readAttribute(name, 'queue/iostats') === '1'
  return counts && text !== undefined ? parseWriteCounters(text) : undefined
}

/** Fields of /sys/block/<device>/stat, in the order of Documentation/block/stat.rst. */
export function parseWriteCounters(stat: string): WriteCounters {
  const fields = stat.trim().split(/\s+/).map(Number)
  return {
    writeCount: fields[4] ?? 0,
    writtenBytes: (fields[6] ?? 0) * SECTOR_BYTES,
    inFlightCount: fields[8] ?? 0,
    discardCount: fields[11] ?? 0,
  }
}

/** What happened to a device between two readings; empty when it was certainly not written. */
export function describeWrites(
  loop: Pick<LoopDevice, 'path'>,
  before: WriteCounters | undefined,
  after: WriteCounters | undefined,
): string[] {
  if (before === undefined || after === undefined)
    return [`${loop.path} was detached or stopped counting its writes`]
  const writeCount = after.writeCount - before.writeCount
  const discardCount = after.discardCount - before.discardCount
  if (writeCount === 0 && discardCount === 0 && after.inFlightCount === 0) return []
  const writtenBytes = formatSize(after.writtenBytes - before.writtenBytes)
  return [
    `${writeCount} writes of ${writtenBytes} and ${discardCount} discards to ${loop.path}, ` +
      `${after.inFlightCount} requests under way`,
  ]
}
