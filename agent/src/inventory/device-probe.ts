/**
 * Looks at what is on a disk that nothing is known to use. Read only, from the thread pool, and
 * with care for disks that no longer answer: a read that does not return costs one thread and one
 * gap, is never tried again while it hangs, and after two of them no further disk is examined.
 *
 * A result is kept until the disk was written to, resized, replaced or repartitioned, so that a
 * host at rest is not read at all and a sleeping disk is not woken.
 */
import { type FileHandle, open } from 'node:fs/promises'
import type { Clock } from '@keelson/shared/runtime'
import { type PartitionEntry, readPartitionTable } from './partition-table.ts'
import { findSignatures, isBlank, SAMPLE_BYTES, type Sample } from './signatures.ts'

/** Which device to look at. */
export interface ProbeRequest {
  readonly kernelName: string
  /** "8:16": what the node below /dev must be. */
  readonly deviceNumber: string
  readonly sizeBytes: number
  /** Changes whenever the content may have. */
  readonly generation: string
  readonly partitions: readonly {
    readonly number: number
    readonly startBytes: number
    readonly sizeBytes: number
  }[]
}

/** What was found. */
export interface DeviceContent {
  /** Formats recognised on the whole disk, in blkid's words. */
  readonly signatures: readonly string[]
  readonly table?: 'gpt' | 'dos'
  /** Whether both ends of the whole disk read as zeros. */
  readonly blank: boolean
  readonly partitions: ReadonlyMap<number, PartitionContent>
}

/** What was found on a partition. */
export interface PartitionContent extends Partial<PartitionEntry> {
  readonly signatures: readonly string[]
}

/** The content, or why it could not be read. */
export type ProbeResult = { readonly content: DeviceContent } | { readonly problem: string }

/** Examines devices. */
export interface DeviceProbe {
  examine(request: ProbeRequest): Promise<ProbeResult>
}

/** How a probe works. */
export interface DeviceProbeOptions {
  readonly clock: Clock
  /** Path of a node below /dev on this machine. */
  readonly hostPath: (path: string) => string
  /** Whether nodes must be block devices; recorded trees have plain files. */
  readonly requireBlockDevice: boolean
  /** How long a pass waits for one disk. Default 700 ms. */
  readonly patienceMs?: number
}

const MAX_OVERDUE = 2
const MAX_PARTITIONS = 32

/** A read under way; overdue once a pass gave up waiting for it. */
interface Run {
  readonly since: number
  readonly result: Promise<ProbeResult>
  overdue: boolean
}

/** A probe with its memory of earlier results. */
export function createDeviceProbe(options: DeviceProbeOptions): DeviceProbe {
  const { clock, patienceMs = 700 } = options
  const known = new Map<string, { generation: string; result: ProbeResult }>()
  const running = new Map<string, Run>()

  function start(request: ProbeRequest): Run {
    const { kernelName, generation } = request
    const result = readDevice(options, request).then(
      (content): ProbeResult => ({ content }),
      (error): ProbeResult => ({ problem: describe(kernelName, error) }),
    )
    const run = { since: clock.now(), result, overdue: false }
    running.set(kernelName, run)
    result.then((settled) => {
      running.delete(kernelName)
      // A failure may pass, so it is not kept; one that came too late is still told once.
      if ('content' in settled || run.overdue)
        known.set(kernelName, { generation, result: settled })
    })
    return run
  }

  return {
    async examine(request) {
      const { kernelName, generation } = request
      const before = known.get(kernelName)
      const isCurrent = before?.generation === generation
      if (!isCurrent || 'problem' in before.result) known.delete(kernelName)
      if (isCurrent) return before.result
      const overdue = [...running].filter(([, run]) => run.overdue).map(([name]) => name)
      if (overdue.length >= MAX_OVERDUE && !overdue.includes(kernelName))
        return { problem: `reads of ${overdue.join(' and ')} hang, so it is left alone` }
      const run = running.get(kernelName) ?? start(request)
      const settled = await withPatience(clock, run.overdue ? 0 : patienceMs, run.result)
      if (settled !== undefined) return settled
      run.overdue = true
      const since = new Date(run.since).toISOString()
      return { problem: `reading /dev/${kernelName}, begun at ${since}, has not returned` }
    },
  }
}

/** The value if it comes in time. */
function withPatience<T>(clock: Clock, delayMs: number, value: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve) => {
    const timer = clock.after(delayMs, () => resolve(undefined))
    value.then((settled) => {
      timer.cancel()
      resolve(settled)
    })
  })
}

function describe(kernelName: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return `/dev/${kernelName} does not exist`
  if (code === 'EACCES' || code === 'EPERM') return `no permission to read /dev/${kernelName}`
  return `reading /dev/${kernelName} failed: ${code ?? message}`
}

async function readDevice(
  options: DeviceProbeOptions,
  request: ProbeRequest,
): Promise<DeviceContent> {
  const handle = await open(options.hostPath(`/dev/${request.kernelName}`), 'r')
  try {
    if (options.requireBlockDevice) await checkDevice(handle, request.deviceNumber)
    const sample = await readSample(handle, 0, request.sizeBytes)
    const table = readPartitionTable(sample)
    const partitions = new Map<number, PartitionContent>()
    for (const each of request.partitions.slice(0, MAX_PARTITIONS)) {
      const inside = await readSample(handle, each.startBytes, each.sizeBytes)
      const signatures = findSignatures(inside)
      partitions.set(each.number, { ...table?.entries.get(each.number), signatures })
    }
    const content = { signatures: findSignatures(sample), blank: isBlank(sample), partitions }
    return table === undefined ? content : { ...content, table: table.kind }
  } finally {
    await handle.close()
  }
}

/** A stale or forged node below /dev would show another disk's content. */
async function checkDevice(handle: FileHandle, deviceNumber: string): Promise<void> {
  const stat = await handle.stat()
  const major = ((stat.rdev >>> 8) & 0xfff) | (Math.floor(stat.rdev / 2 ** 32) & ~0xfff)
  const minor = (stat.rdev & 0xff) | ((stat.rdev >>> 12) & 0xfff00)
  if (!stat.isBlockDevice()) throw new Error('not a block device')
  if (`${major}:${minor}` !== deviceNumber)
    throw new Error(`its node is device ${major}:${minor}, not ${deviceNumber}`)
}

async function readSample(handle: FileHandle, start: number, sizeBytes: number): Promise<Sample> {
  const length = Math.min(SAMPLE_BYTES, sizeBytes)
  return {
    sizeBytes,
    head: await readExactly(handle, start, length),
    tail: await readExactly(handle, start + sizeBytes - length, length),
  }
}

async function readExactly(handle: FileHandle, start: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length)
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(buffer, done, length - done, start + done)
    if (bytesRead === 0) throw new Error(`it ends at byte ${start + done}, before its size`)
    done += bytesRead
  }
  return buffer
}
