/**
 * All section collectors of one host behind one interface, with what they remember between passes:
 * what was seen on a disk that has not been written to since, Open vSwitch's ports, the index of
 * installed modules, the firmware of adapters.
 *
 * The collectors run in the agent's own thread. A worker thread was measured to cost 30 to 45 MiB
 * of memory, half of what the whole agent may use; instead every pass yields after a few
 * milliseconds, and reads that can hang (disk content, questions to network drivers) go through
 * the thread pool.
 */

import type { CommandRunner } from '@keelson/shared/exec'
import type { HardwareReadings, HardwareSection, SectionName } from '@keelson/shared/model'
import type { Clock } from '@keelson/shared/runtime'
import { readAdapterInfos } from './adapter-info.ts'
import { collectCpu } from './cpu.ts'
import { createDeviceProbe } from './device-probe.ts'
import { collectDisks } from './disks.ts'
import { readGpuDetails } from './graphics.ts'
import { collectMemory } from './memory.ts'
import { type AdapterInfos, collectNics, linkNames } from './nics.ts'
import { collectNuma } from './numa.ts'
import { collectOs, createModuleIndex } from './os.ts'
import { createOvsReader } from './ovs-database.ts'
import { collectPci, type GpuDetails } from './pci.ts'
import { createSysReader } from './reader.ts'
import { readReadings } from './readings.ts'
import { collectSection, type SectionCollector } from './section.ts'
import { collectSystem } from './system.ts'

/** Reads sections of one host. */
export interface Collector {
  /** Reads the named sections in this order; raises only the reason of an aborted signal. */
  collect(names: readonly SectionName[], signal?: AbortSignal): Promise<readonly HardwareSection[]>
  /** Asks tools for what files do not tell; the next `collect` has the answers. */
  askTools(signal?: AbortSignal): Promise<void>
  readings(node: string): HardwareReadings
}

/** What a collector needs. */
export interface CollectorOptions {
  /** "/" for the machine itself, else the root of a recorded tree. */
  readonly sysroot: string
  readonly clock: Clock
  /** Runs ethtool; without it the firmware of adapters is a gap. */
  readonly runner?: CommandRunner
}

/** A collector of one host. */
export function createCollector(options: CollectorOptions): Collector {
  const { clock, runner } = options
  const reader = createSysReader(options.sysroot)
  const probe = createDeviceProbe({
    clock,
    hostPath: reader.hostPath,
    requireBlockDevice: reader.live,
  })
  const ovs = createOvsReader()
  const modules = createModuleIndex()
  const tools = reader.live ? runner : undefined
  let adapters: AdapterInfos =
    tools === undefined ? 'only ethtool tells it, which was not asked' : 'ethtool was not asked yet'
  let gpus: { readonly of: string; readonly details: GpuDetails | string } | undefined
  let wantedGpus: readonly string[] = []

  const collectors: { readonly [N in SectionName]: SectionCollector<N> } = {
    system: collectSystem,
    cpu: collectCpu,
    numa: collectNuma,
    memory: collectMemory,
    disks: (context) => collectDisks(context, probe),
    nics: (context) => collectNics(context, ovs, adapters),
    pci: (context) =>
      collectPci(context, (addresses) => {
        wantedGpus = addresses
        return gpus?.of === addresses.join() ? gpus.details : 'the tools of the GPU were not asked'
      }),
    os: (context) => collectOs(context, modules),
  }

  async function askTools(signal?: AbortSignal): Promise<void> {
    if (tools !== undefined) {
      const names = linkNames(reader).filter((name) =>
        reader.exists(`/sys/class/net/${name}/device`),
      )
      adapters = await readAdapterInfos(tools, names, signal)
    }
    if (reader.live && wantedGpus.length > 0) {
      const details = await readGpuDetails(wantedGpus, { clock, signal })
      gpus = { of: wantedGpus.join(), details }
    }
  }

  return {
    async collect(names, signal) {
      const sections: HardwareSection[] = []
      for (const name of names) {
        const collect = collectors[name] as SectionCollector<SectionName>
        sections.push(await collectSection(name, collect, { reader, clock, signal }))
      }
      return sections
    },
    askTools,
    readings: (node) => readReadings(reader, clock, node),
  }
}
