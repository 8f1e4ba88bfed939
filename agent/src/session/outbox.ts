/**
 * What one session has told the coordinator, and hence what it still has to say. Sections the
 * coordinator holds from earlier are not sent again; items go out once in full and then whenever
 * they change. A new session begins with a new outbox, so nothing that got lost stays unsaid.
 */
import type { AgentMessage, HardwareSection, Welcome } from '@keelson/shared/model'
import type { ObservedItems, SessionContent } from './content.ts'

/** The messages of one session yet to be sent. */
export interface Outbox {
  /** What is to be said now, in order; the caller sends all of it. */
  take(now: number): AgentMessage[]
  /** Makes the next `take` begin with a heartbeat. */
  beat(): void
}

/** An outbox for a session that begins with `welcome`. */
export function createOutbox(content: SessionContent, welcome: Welcome): Outbox {
  const sentSections = new Map<string, string>()
  const digests = new WeakMap<HardwareSection, string>()
  const sentItems = new Map<string, object>()
  let sentGeneration = content.hello().ledgerGeneration
  let sentApplied: number | undefined
  let beatDue = false

  function heartbeat(): AgentMessage[] {
    const ledgerGeneration = content.ledgerGeneration()
    if (!beatDue && ledgerGeneration <= sentGeneration) return []
    const readings = beatDue ? content.freshReadings() : undefined
    beatDue = false
    sentGeneration = ledgerGeneration
    return [{ type: 'heartbeat', ledgerGeneration, ...(readings && { readings }) }]
  }

  function inventory(): AgentMessage[] {
    const sections = content.sections().filter((section) => {
      const before = sentSections.get(section.name)
      const known = before === undefined && isHeld(welcome, section)
      const digest = digests.get(section) ?? digestOf(section)
      digests.set(section, digest)
      sentSections.set(section.name, digest)
      return !known && before !== digest
    })
    return sections.length > 0 ? [{ type: 'inventory', sections }] : []
  }

  function observed(now: number): AgentMessage[] {
    const items = content.observed()
    if (items === undefined) return []
    const full = sentApplied === undefined
    const report = changesOf(items, sentItems)
    const { appliedGeneration } = items
    const count = report.pools.length + report.replicas.length + report.snapshots.length
    if (!full && count === 0 && appliedGeneration === sentApplied) return []
    sentApplied = appliedGeneration
    return [{ type: 'observed', observed: { appliedGeneration, full, ...report, observedAt: now } }]
  }

  return {
    take(now) {
      const report = observed(now)
      // What was carried out was stored: the report says so, and no heartbeat need say it too.
      if (report.length > 0) sentGeneration = Math.max(sentGeneration, sentApplied ?? 0)
      return [...heartbeat(), ...inventory(), ...report]
    },
    beat() {
      beatDue = true
    },
  }
}

/** A section the coordinator has from an earlier session. */
function isHeld(welcome: Welcome, { name, meta }: HardwareSection): boolean {
  return welcome.inventoryHashes[name] === meta.sha256
}

/** Facts and what is missing in them; when and how fast they were read is no news. */
function digestOf({ meta }: HardwareSection): string {
  return JSON.stringify([meta.sha256, meta.status, meta.gaps])
}

function changesOf(items: ObservedItems, sent: Map<string, object>) {
  const named = new Set<string>()
  const changed = <T extends object>(kind: string, map: ReadonlyMap<string, T>): T[] => {
    const news: T[] = []
    for (const [uid, item] of map) {
      const key = `${kind}/${uid}`
      named.add(key)
      if (sent.get(key) === item) continue
      sent.set(key, item)
      news.push(item)
    }
    return news
  }
  const changes = {
    pools: changed('pool', items.pools),
    replicas: changed('replica', items.replicas),
    snapshots: changed('snapshot', items.snapshots),
  }
  for (const key of sent.keys()) if (!named.has(key)) sent.delete(key)
  return changes
}
