/**
 * Keeps a host's report up to date and tells what changed. Disks, links and the system are read
 * anew every few seconds, what cannot change without a reboot or an operator now and then; a
 * section is passed on only when its facts or what is known to be missing in them changed.
 */

import { KeelsonError } from '@keelson/shared/errors'
import type { CommandRunner } from '@keelson/shared/exec'
import type {
  HardwareInventory,
  HardwareReadings,
  HardwareSection,
  SectionName,
} from '@keelson/shared/model'
import { SECTION_NAMES } from '@keelson/shared/model'
import { type Clock, type LoopStatus, type Rng, startReconcileLoop } from '@keelson/shared/runtime'
import { type Collector, createCollector } from './collector.ts'
import { canonicalJson } from './section.ts'

/** Sections whose facts change while a host runs. */
const LIVELY: readonly SectionName[] = ['disks', 'nics', 'os']

/** How often what is read. */
export interface InventoryCadence {
  /** Disks, links and the system. Default 15 s. */
  readonly fastMs?: number
  /** Everything, and the tools. Default 10 min. */
  readonly slowMs?: number
  /** How long one pass may take before its sections are reported as stale. Default 30 s. */
  readonly patienceMs?: number
}

/** What the watch needs. */
export interface InventoryOptions {
  readonly sysroot: string
  readonly clock: Clock
  readonly rng: Rng
  /** Name of the host. */
  readonly node: string
  readonly cadence?: InventoryCadence
  /** Runs ethtool, rarely; without it the firmware of adapters is a gap. */
  readonly runner?: CommandRunner
  /** Gets the sections that changed; the first call has all of them. */
  readonly onChange: (sections: readonly HardwareSection[]) => void
  readonly onError?: (error: KeelsonError) => void
  /** Another source of sections, for tests. */
  readonly collector?: Collector
}

/** A running watch. */
export interface InventoryWatch {
  /** The report as last read; undefined before the first pass ended. */
  current(): HardwareInventory | undefined
  /** Takes the volatile readings now. */
  readings(): HardwareReadings
  /** Asks for a pass over everything soon. */
  trigger(): void
  status(): LoopStatus
  stop(): Promise<void>
}

/** Starts watching; the first pass begins at once. */
export function startInventory(options: InventoryOptions): InventoryWatch {
  const { clock, node, onChange } = options
  const { fastMs = 15_000, slowMs = 600_000, patienceMs = 30_000 } = options.cadence ?? {}
  const collector = options.collector ?? createCollector(options)
  const latest = new Map<SectionName, HardwareSection>()
  let slowDueAt = 0
  let askedTools: Promise<void> | undefined

  function accept(sections: readonly HardwareSection[]): void {
    const changed = sections.filter((section) => isNews(latest.get(section.name), section))
    for (const section of sections) latest.set(section.name, section)
    if (changed.length > 0) onChange(changed)
  }

  /** The tools answer in their own time; what they said is in a pass of its own. */
  function askTools(signal: AbortSignal): void {
    askedTools ??= collector
      .askTools(signal)
      .then(async () => accept(await collector.collect(['nics', 'pci'], signal)))
      .catch((error) => {
        if (signal.aborted) return
        options.onError?.(
          KeelsonError.from(error, 'INTERNAL', 'asking tools about hardware failed'),
        )
      })
      .finally(() => {
        askedTools = undefined
      })
  }

  async function pass(signal: AbortSignal): Promise<void> {
    const isSlow = clock.now() >= slowDueAt
    const names = isSlow ? SECTION_NAMES : LIVELY
    const timer = clock.after(patienceMs, () => {
      const known = names.flatMap((name) => latest.get(name) ?? [])
      accept(known.map((section) => staleSection(section, patienceMs)))
    })
    try {
      accept(await collector.collect(names, signal))
    } finally {
      timer.cancel()
    }
    if (!isSlow) return
    slowDueAt = clock.now() + slowMs
    askTools(signal)
  }

  const loop = startReconcileLoop({
    name: 'inventory',
    clock,
    rng: options.rng,
    periodMs: fastMs,
    pass,
    ...(options.onError && { onError: options.onError }),
  })
  return {
    current: () => inventoryOf(node, [...latest.values()]),
    readings: () => collector.readings(node),
    trigger() {
      slowDueAt = 0
      loop.trigger()
    },
    status: loop.status,
    async stop() {
      await loop.stop()
      await askedTools
    },
  }
}

/** The last known section, said to be no more than that. */
function staleSection(section: HardwareSection, patienceMs: number): HardwareSection {
  const { meta } = section
  const reason = `reading it anew has taken more than ${patienceMs} ms`
  const gaps = [{ path: '', reason }, ...meta.gaps.filter((gap) => gap.reason !== reason)]
  return { ...section, meta: { ...meta, status: 'STALE', gaps } }
}

/** Facts decide, and so does what is known to be missing; times and durations do not. */
function isNews(before: HardwareSection | undefined, now: HardwareSection): boolean {
  if (before === undefined || before.meta.sha256 !== now.meta.sha256) return true
  if (before.meta.status !== now.meta.status) return true
  return canonicalJson(before.meta.gaps) !== canonicalJson(now.meta.gaps)
}

function inventoryOf(
  node: string,
  sections: readonly HardwareSection[],
): HardwareInventory | undefined {
  if (sections.length === 0) return undefined
  const collectedAt = Math.max(...sections.map((section) => section.meta.collectedAt))
  return { node, collectedAt, sections }
}

/** What one report needs. */
export interface CollectInventoryOptions {
  readonly sysroot: string
  readonly clock: Clock
  readonly node: string
  readonly runner?: CommandRunner
  /** Sections to read; all by default. */
  readonly sections?: readonly SectionName[]
  readonly signal?: AbortSignal
}

/** Reads a whole report once, tools included. Raises only the reason of an aborted signal. */
export async function collectInventory(
  options: CollectInventoryOptions,
): Promise<HardwareInventory> {
  const { clock, node, signal, sections: names = SECTION_NAMES } = options
  const collector = createCollector(options)
  // GPUs are known once "pci" was read; only then the tools know whom to ask.
  let sections = await collector.collect(names, signal)
  const asked = names.filter((name) => name === 'nics' || name === 'pci')
  if (options.runner !== undefined && asked.length > 0) {
    await collector.askTools(signal)
    const again = await collector.collect(asked, signal)
    sections = sections.map((old) => again.find((section) => section.name === old.name) ?? old)
  }
  return { node, collectedAt: clock.now(), sections }
}

/** Takes the volatile readings of a host once. */
export function collectReadings(options: {
  readonly sysroot: string
  readonly clock: Clock
  readonly node: string
}): HardwareReadings {
  return createCollector(options).readings(options.node)
}
