/**
 * Files of the host's root file system. An agent in a container with the host's process ids (a
 * Talos pod) sees them through process 1, and falls back to its own where that is not allowed.
 */
import type { SysReader } from './reader.ts'

/** The first of the host's and the own path that exists; the own one if neither does. */
export function hostFile(reader: SysReader, path: string): string {
  const throughInit = `/proc/1/root${path}`
  return reader.exists(throughInit) ? throughInit : path
}

/** Text of a file of the host. */
export function hostText(reader: SysReader, path: string): string | undefined {
  return reader.text(hostFile(reader, path))
}
