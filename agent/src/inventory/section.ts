/** A section from its facts: hash, status, gaps. */
import { createHash } from 'node:crypto'
import type { FactsBySection, Gap, HardwareSection, SectionName } from '@keelson/shared/model'
import type { Clock } from '@keelson/shared/runtime'
import { byName } from './parse.ts'
import type { SysReader } from './reader.ts'

/** Most gaps one section reports; a host with more has one cause. */
const MAX_GAPS = 200

/** What a collector works with. */
export interface CollectContext {
  readonly reader: SysReader
  /** Notes that `path` of the facts should have been readable, and why it was not. */
  gap(path: string, reason: string): void
  /**
   * To be awaited between devices: lets others run when this pass held the thread for some
   * milliseconds, and raises the abort's reason.
   */
  breathe(): Promise<void>
}

/** Reads one section; undefined if there is nothing at all to say. */
export type SectionCollector<N extends SectionName> = (
  context: CollectContext,
) => Promise<FactsBySection[N] | undefined>

const SLICE_MS = 4

/** What a section is read with. */
export interface CollectOptions {
  readonly reader: SysReader
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
}

/** Runs a collector; one that throws makes its section UNAVAILABLE, never the whole report. */
export async function collectSection<N extends SectionName>(
  name: N,
  collect: SectionCollector<N>,
  options: CollectOptions,
): Promise<HardwareSection> {
  const { reader, clock, signal } = options
  const startedAt = clock.now()
  const gaps = new Map<string, Gap>()
  let sliceStart = performance.now()
  const context: CollectContext = {
    reader,
    gap: (path, reason) => gaps.set(path, { path, reason }),
    async breathe() {
      signal?.throwIfAborted()
      if (performance.now() - sliceStart < SLICE_MS) return
      await new Promise((resolve) => setImmediate(resolve))
      sliceStart = performance.now()
    },
  }
  let facts: FactsBySection[N] | undefined
  try {
    facts = await collect(context)
  } catch (error) {
    signal?.throwIfAborted()
    context.gap('', `collector failed: ${error instanceof Error ? error.message : String(error)}`)
  }
  const sorted = [...gaps.values()].sort((a, b) => byName(a.path, b.path))
  const left = sorted.length - MAX_GAPS
  const shown = sorted.slice(0, MAX_GAPS)
  if (left > 0) shown.push({ path: '', reason: `${left} further gaps are not listed` })
  const status = facts === undefined ? 'UNAVAILABLE' : shown.length > 0 ? 'PARTIAL' : 'OK'
  const collectedAt = clock.now()
  const meta = {
    name,
    sha256: factsHash(facts),
    collectMs: collectedAt - startedAt,
    status,
    gaps: shown,
    collectedAt,
  } as const
  const section = facts === undefined ? { name, meta } : { name, meta, facts }
  return section as HardwareSection
}

/** SHA-256 of the canonical JSON of facts, lower-case hex; that of "null" without facts. */
export function factsHash(facts: unknown): string {
  return createHash('sha256').update(canonicalJson(facts)).digest('hex')
}

/** JSON with the keys of every object in order and no white space: equal values, equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(',')}}`
}
