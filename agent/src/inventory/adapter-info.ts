/**
 * Firmware and driver version of network adapters. The kernel tells them through an ioctl only, so
 * this is the one fact that needs a tool; it is asked rarely, beside the periodic reads, and a
 * report never waits long for it.
 */

import { KeelsonError } from '@keelson/shared/errors'
import type { CommandRunner } from '@keelson/shared/exec'
import { filled } from './parse.ts'

/** What a driver says of its adapter. */
export interface AdapterInfo {
  readonly driverVersion?: string
  /** Empty if the adapter has no firmware. */
  readonly firmware?: string
}

/** Asks the driver of each link; a link whose driver does not answer is left out. */
export async function readAdapterInfos(
  runner: CommandRunner,
  links: readonly string[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, AdapterInfo> | string> {
  const infos = new Map<string, AdapterInfo>()
  for (const link of links) {
    try {
      const result = await runner.run({
        file: 'ethtool',
        args: ['-i', link],
        timeoutMs: 2000,
        signal,
      })
      infos.set(link, parseAdapterInfo(result.stdout))
    } catch (error) {
      signal?.throwIfAborted()
      const known = KeelsonError.from(error)
      // Without the tool every further link would fail the same way.
      if (known.code === 'FAILED_PRECONDITION') return known.message
    }
  }
  return infos
}

/** Reads `ethtool -i`: lines "firmware-version: 22.31.6". */
export function parseAdapterInfo(output: string): AdapterInfo {
  const value = (name: string) => new RegExp(`^${name}:(.*)$`, 'm').exec(output)?.[1]?.trim()
  const driverVersion = filled(value('version'))
  const firmware = value('firmware-version')
  return {
    ...(driverVersion !== undefined && { driverVersion }),
    ...(firmware !== undefined && { firmware: firmware === 'N/A' ? '' : firmware }),
  }
}
