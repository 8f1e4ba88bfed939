import {
  type HardwareSection,
  SECTION_NAMES,
  type SectionName,
  type SectionStatus,
} from '@keelson/shared/model'
import { seededRng } from '@keelson/shared/runtime'
import { createFakeClock } from '@keelson/shared/testing'
import { expect, it } from 'vitest'
import type { Collector } from './collector.ts'
import { factsHash } from './section.ts'
import { startInventory } from './watch.ts'

/** A collector whose sections the test writes. */
function scripted() {
  const versions = new Map<SectionName, number>()
  const gaps = new Map<SectionName, string>()
  const asked: SectionName[][] = []
  let hang: Promise<void> | undefined
  let toolCalls = 0
  const section = (name: SectionName): HardwareSection => {
    const facts = { version: versions.get(name) ?? 1 }
    const reason = gaps.get(name)
    const meta = {
      name,
      sha256: factsHash(facts),
      collectMs: asked.length,
      status: (reason === undefined ? 'OK' : 'PARTIAL') as SectionStatus,
      gaps: reason === undefined ? [] : [{ path: 'x', reason }],
      collectedAt: asked.length,
    }
    return { name, meta, facts } as unknown as HardwareSection
  }
  const collector: Collector = {
    async collect(names, signal) {
      asked.push([...names])
      await hang
      signal?.throwIfAborted()
      return names.map(section)
    },
    async askTools() {
      toolCalls++
    },
    readings: (node) => ({ node, collectedAt: 0, numa: [], links: [], gaps: [] }),
  }
  return {
    collector,
    asked,
    change: (name: SectionName) => versions.set(name, (versions.get(name) ?? 1) + 1),
    gap: (name: SectionName, reason: string) => gaps.set(name, reason),
    hangUntil(promise: Promise<void>) {
      hang = promise
    },
    toolCalls: () => toolCalls,
  }
}

async function watching() {
  const clock = createFakeClock()
  const script = scripted()
  const changes: SectionName[][] = []
  const statuses: SectionStatus[] = []
  const watch = startInventory({
    sysroot: '/nowhere',
    clock,
    rng: seededRng(1),
    node: 'n1',
    cadence: { fastMs: 15_000, slowMs: 600_000, patienceMs: 30_000 },
    collector: script.collector,
    onChange: (sections) => {
      changes.push(sections.map((each) => each.name))
      statuses.push(...sections.map((each) => each.meta.status))
    },
  })
  await clock.settle()
  return { clock, script, changes, statuses, watch }
}

it('reports everything first, then nothing while nothing changes', async () => {
  const { clock, changes, watch } = await watching()
  expect(changes).toEqual([[...SECTION_NAMES]])
  expect(watch.current()?.sections).toHaveLength(8)
  await clock.advance(3_600_000)
  expect(changes).toHaveLength(1)
  expect(watch.status().passes).toBeGreaterThan(200)
  await watch.stop()
})

it('reads lively sections often and the others seldom, tools with them', async () => {
  const { clock, script, watch } = await watching()
  script.asked.length = 0
  await clock.advance(590_000)
  expect(new Set(script.asked.map(String))).toEqual(new Set(['disks,nics,os']))
  expect(script.toolCalls()).toBe(1)
  await clock.advance(20_000)
  expect(script.asked.map(String)).toContain(String(SECTION_NAMES))
  expect(script.toolCalls()).toBe(2)
  await watch.stop()
})

it('passes on only what changed, in facts or in what is missing', async () => {
  const { clock, script, changes, watch } = await watching()
  script.change('disks')
  await clock.advance(15_000)
  script.gap('nics', 'no permission')
  await clock.advance(15_000)
  expect(changes.slice(1)).toEqual([['disks'], ['nics']])
  await watch.stop()
})

it('reads everything at once when asked to', async () => {
  const { clock, script, changes, watch } = await watching()
  script.change('cpu')
  watch.trigger()
  await clock.advance(1)
  expect(changes.slice(1)).toEqual([['cpu']])
  await watch.stop()
})

it('says that facts are stale while a pass does not end, and that they are fresh again', async () => {
  const { clock, script, changes, statuses, watch } = await watching()
  const { promise, resolve } = Promise.withResolvers<void>()
  script.hangUntil(promise)
  await clock.advance(15_000 + 30_000)
  expect(changes.slice(1)).toEqual([['disks', 'nics', 'os']])
  expect(statuses.slice(8)).toEqual(['STALE', 'STALE', 'STALE'])
  const disks = watch.current()?.sections.find((each) => each.name === 'disks')
  expect(disks?.meta.gaps[0]?.reason).toBe('reading it anew has taken more than 30000 ms')
  expect(disks).toHaveProperty('facts')
  resolve()
  await clock.settle()
  expect(statuses.slice(11)).toEqual(['OK', 'OK', 'OK'])
  await watch.stop()
})

it('stops while a pass is under way', async () => {
  const { clock, script, changes, watch } = await watching()
  const { promise, resolve } = Promise.withResolvers<void>()
  script.hangUntil(promise)
  await clock.advance(15_000)
  const stopped = watch.stop()
  resolve()
  await stopped
  expect(changes).toHaveLength(1)
})
