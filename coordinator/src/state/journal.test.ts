import { describe, expect, it } from 'vitest'
import { createJournal } from './journal.ts'

describe('the journal', () => {
  it('tells what changed since a position', () => {
    const journal = createJournal()
    journal.record({ kind: 'node', id: 'n1' })
    const seen = journal.position
    journal.record({ kind: 'volume', id: 'v1' })
    expect(journal.since(seen)).toEqual([{ kind: 'volume', id: 'v1' }])
    expect(journal.since(journal.position)).toEqual([])
  })

  it('forgets old changes and says so, and never the latest 8192', () => {
    const journal = createJournal()
    for (let i = 0; i < 50_000; i++) journal.record({ kind: 'volume', id: `v${i}` })
    expect(journal.since(0)).toBeUndefined()
    const latest = journal.since(50_000 - 8192)
    expect(latest?.length).toBe(8192)
    expect(latest?.[0]).toEqual({ kind: 'volume', id: `v${50_000 - 8192}` })
  })
})
