/**
 * Reads the kernel's files below an injectable root, so that every collector runs the same on the
 * live host and on a recorded tree. Reads are bounded and never throw: a file that is not there is
 * the normal case in sysfs, and whoever needs to say why asks `problem`.
 *
 * Reads are synchronous because most sysfs files answer from memory in microseconds, several times
 * faster than through the thread pool. The few whose read enters a driver, takes a lock that may
 * be held for long or formats text for every CPU go through `slowText`, which does not block.
 */
import * as fs from 'node:fs'
import { posix } from 'node:path'

/** Where the collectors get everything from. All paths are absolute as on the host. */
export interface SysReader {
  /** Content without white space around it; undefined if it cannot be read. */
  text(path: string): string | undefined
  /** As `text`, without blocking; for reads that may take long in the kernel. */
  slowText(path: string): Promise<string | undefined>
  /** Raw content; undefined if it cannot be read or is longer than `maxBytes` (default 1 MiB). */
  bytes(path: string, maxBytes?: number): Buffer | undefined
  /** Names in a directory, sorted; empty if it cannot be read. */
  names(path: string): readonly string[]
  /** Last part of what a symbolic link points to. */
  linkName(path: string): string | undefined
  /** The path without symbolic links, as on the host; undefined if it does not exist. */
  realPath(path: string): string | undefined
  exists(path: string): boolean
  /** Changes when the file does; undefined if it does not exist. */
  stamp(path: string): string | undefined
  /** Where the path is on this machine. */
  hostPath(path: string): string
  /** Whether the root is the machine itself. */
  readonly live: boolean
  /** Why `path` has no usable content, for a gap. */
  problem(path: string): string
}

const MAX_TEXT_BYTES = 4 * 2 ** 20

/** A reader below `sysroot` ("/" for the machine itself). */
export function createSysReader(sysroot: string): SysReader {
  const root = posix.resolve(sysroot)
  const hostPath = (path: string) => (root === '/' ? path : root + path)
  const chunk = Buffer.allocUnsafe(64 * 2 ** 10)

  function bytes(path: string, maxBytes = 2 ** 20): Buffer | undefined {
    return quietly(() => {
      const fd = fs.openSync(hostPath(path), 'r')
      try {
        return readAll(fd, chunk, maxBytes)
      } finally {
        fs.closeSync(fd)
      }
    })
  }
  function realPath(path: string): string | undefined {
    const real = quietly(() => fs.realpathSync(hostPath(path)))
    if (real === undefined || root === '/') return real
    return real.startsWith(`${root}/`) ? real.slice(root.length) : undefined
  }

  return {
    text: (path) => bytes(path, MAX_TEXT_BYTES)?.toString('utf8').trim(),
    slowText: (path) =>
      fs.promises.readFile(hostPath(path), 'utf8').then(
        (text) => (text.length > MAX_TEXT_BYTES ? undefined : text.trim()),
        () => undefined,
      ),
    bytes,
    names: (path) => quietly(() => fs.readdirSync(hostPath(path)).sort()) ?? [],
    linkName: (path) => quietly(() => posix.basename(fs.readlinkSync(hostPath(path)))),
    realPath,
    exists: (path) => fs.existsSync(hostPath(path)),
    stamp(path) {
      const stat = quietly(() => fs.statSync(hostPath(path), { throwIfNoEntry: false }))
      return stat && `${stat.mtimeMs}:${stat.size}`
    },
    hostPath,
    live: root === '/',
    problem: (path) => problem(hostPath(path), path),
  }
}

/** Runs a read that is expected to fail often, without paying for a stack trace each time. */
function quietly<T>(read: () => T): T | undefined {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return read()
  } catch {
    return undefined
  } finally {
    Error.stackTraceLimit = limit
  }
}

function readAll(fd: number, chunk: Buffer, maxBytes: number): Buffer | undefined {
  const parts: Buffer[] = []
  let total = 0
  for (;;) {
    const count = fs.readSync(fd, chunk, 0, chunk.length, null)
    if (count === 0) break
    total += count
    if (total > maxBytes) return undefined
    parts.push(Buffer.from(chunk.subarray(0, count)))
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts)
}

function problem(hostPath: string, path: string): string {
  try {
    const stat = fs.statSync(hostPath)
    if (stat.isDirectory()) {
      const count = fs.readdirSync(hostPath).length
      return count === 0 ? `${path} is empty` : `${path} lacks it`
    }
    const fd = fs.openSync(hostPath, 'r')
    try {
      const count = fs.readSync(fd, Buffer.alloc(1), 0, 1, null)
      return count === 0 ? `${path} is empty` : `${path} has content that is not understood`
    } finally {
      fs.closeSync(fd)
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    if (code === 'ENOENT' || code === 'ENOTDIR') return `${path} does not exist`
    if (code === 'EACCES' || code === 'EPERM') return `no permission to read ${path}`
    return `reading ${path} failed with ${code}`
  }
}
