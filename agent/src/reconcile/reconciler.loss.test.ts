/** What was made once is missed when it is gone, and nothing takes its place. */
import { KeelsonError } from '@keelson/shared/errors'
import { sleep } from '@keelson/shared/runtime'
import { describe, expect, it } from 'vitest'
import { createMemoryLedger, type Ledger } from '../ledger/index.ts'
import { writeFakeVolume } from '../storage/index.ts'
import { desiredReplica, desiredSnapshot, document } from './fixture.ts'
import { HOUR_MS, setup } from './reconciler-fixture.ts'

const LOST_SNAPSHOT = 'its data is gone from pool p1; it is not taken anew'

describe('data that is gone', () => {
  it('reports a pool that vanishes, makes nothing in its place, and takes it back', async () => {
    const wanted = [desiredReplica('v1', { provisioned: true }), desiredReplica('v2')]
    const host = setup(document({ replicas: [desiredReplica('v1')] }))
    await host.clock.advance(1)
    const hidden = host.disk.pools.get('/srv/p1')!
    host.disk.pools.delete('/srv/p1')
    host.want(document({ generation: 2, replicas: wanted }))
    await host.clock.advance(20_000)
    expect(host.pool()).toMatchObject({ phase: 'Failed' })
    expect(host.pool()?.message).toContain('pool directory /srv/p1 has vanished')
    expect(host.replica('v1')?.phase).toBe('Failed')
    expect(host.replica('v2')?.phase).not.toBe('Ready')
    expect(host.disk.pools.size).toBe(0)
    host.disk.pools.set('/srv/p1', hidden)
    await host.clock.advance(70_000)
    expect(host.pool()).toMatchObject({ phase: 'Ready' })
    expect(host.replica('v1')?.phase).toBe('Ready')
    expect(host.replica('v2')?.phase).toBe('Ready')
    await host.reconciler.stop()
  })

  it('never replaces lost data by an empty volume', async () => {
    const host = setup(document({ replicas: [desiredReplica('v1')] }))
    await host.clock.advance(1)
    const volume = host.disk.pools.get('/srv/p1')?.volumes.get('v1')
    writeFakeVolume(volume!, 0, 'precious')
    host.disk.pools.get('/srv/p1')?.volumes.delete('v1')
    await host.clock.advance(20_000)
    expect(host.replica('v1')?.phase).toBe('Failed')
    expect(host.replica('v1')?.message).toContain('is gone from pool p1; it is not created anew')
    await host.clock.advance(HOUR_MS)
    expect(host.disk.pools.get('/srv/p1')?.volumes.size).toBe(0)
    await host.reconciler.stop()
  })

  it('never takes a lost snapshot again, also after it was started anew', async () => {
    const replicas = [desiredReplica('v1')]
    const first = setup(document({ replicas, snapshots: [desiredSnapshot('s1')] }))
    await first.clock.advance(1)
    expect(first.snapshot('s1')?.phase).toBe('Ready')
    const { disk } = first
    disk.pools.get('/srv/p1')?.snapshots.delete('s1')
    await first.clock.advance(20_000)
    expect(first.snapshot('s1')).toMatchObject({ phase: 'Failed', message: LOST_SNAPSHOT })
    await first.reconciler.stop()
    const snapshots = [desiredSnapshot('s1', { provisioned: true })]
    const second = setup(document({ generation: 2, replicas, snapshots }), { disk })
    await second.clock.advance(HOUR_MS)
    expect(second.snapshot('s1')).toMatchObject({ phase: 'Failed', message: LOST_SNAPSHOT })
    expect(disk.pools.get('/srv/p1')?.snapshots.size).toBe(0)
    second.want(
      document({
        generation: 3,
        replicas,
        snapshots: [desiredSnapshot('s1', { intent: 'Absent' })],
      }),
    )
    await second.clock.advance(1)
    expect(second.snapshot('s1')?.phase).toBe('Absent')
    await second.reconciler.stop()
  })
})

describe('what was made', () => {
  const wanted = document({
    replicas: [desiredReplica('v1')],
    snapshots: [desiredSnapshot('s1')],
  })
  const marks = ({ ledger }: ReturnType<typeof setup>) => {
    const { replicas = [], snapshots = [] } = ledger.current() ?? {}
    return [...replicas, ...snapshots].map(({ provisioned }) => provisioned)
  }

  /** A memory ledger whose records do as told. */
  function ledgerWith(recordMade: (record: () => Promise<void>) => Promise<void>): Ledger {
    const ledger = createMemoryLedger('n1', wanted)
    return { ...ledger, recordMade: (items) => recordMade(() => ledger.recordMade(items)) }
  }

  it('is recorded before it is reported, in one write for all that came meanwhile', async () => {
    let writes = 0
    const host = setup(wanted, {
      ledger: ledgerWith(async (record) => {
        writes++
        await sleep(host.clock, 1_000)
        await record()
      }),
    })
    await host.clock.advance(500)
    expect(host.disk.pools.get('/srv/p1')?.snapshots.has('s1')).toBe(true)
    expect(host.replica('v1')).toMatchObject({ phase: 'Pending', message: 'being created' })
    expect(host.replica('v1')).toMatchObject({ sizeBytes: 0, devicePath: '' })
    expect(host.snapshot('s1')).toMatchObject({ phase: 'Pending', message: 'being taken' })
    expect(host.snapshot('s1')?.method).toBeUndefined()
    await host.clock.advance(600)
    expect(marks(host)).toEqual([true, false])
    expect(host.replica('v1')?.phase).toBe('Ready')
    expect(host.snapshot('s1')?.phase).toBe('Pending')
    host.want(
      document({
        generation: 2,
        replicas: ['v1', 'v2', 'v3'].map((uid) => desiredReplica(uid)),
        snapshots: wanted.snapshots,
      }),
    )
    await host.clock.advance(3_000)
    expect(marks(host)).toEqual([true, true, true, true])
    for (const uid of ['v1', 'v2', 'v3']) expect(host.replica(uid)?.phase).toBe('Ready')
    expect(host.snapshot('s1')?.phase).toBe('Ready')
    expect(writes).toBe(3)
    await host.clock.advance(HOUR_MS)
    expect(writes).toBe(3)
    await host.reconciler.stop()
  })

  it('is missed by the next agent, though no coordinator has ever said that it was made', async () => {
    const first = setup(wanted)
    await first.clock.advance(1)
    expect(first.snapshot('s1')?.phase).toBe('Ready')
    const { disk, ledger } = first
    void first.reconciler.stop()
    disk.pools.get('/srv/p1')?.snapshots.delete('s1')
    const second = setup(undefined, { disk, ledger })
    await second.clock.advance(1)
    expect(second.snapshot('s1')).toMatchObject({ phase: 'Failed', message: LOST_SNAPSHOT })
    // The coordinator has not heard of it yet.
    second.want(wanted)
    await second.clock.advance(HOUR_MS)
    expect(second.snapshot('s1')).toMatchObject({ phase: 'Failed', message: LOST_SNAPSHOT })
    expect(disk.pools.get('/srv/p1')?.snapshots.size).toBe(0)
    await second.reconciler.stop()
  })

  it('is made again when the agent was killed before anybody was told', async () => {
    const ledger = ledgerWith(() => new Promise(() => undefined))
    const first = setup(wanted, { ledger })
    await first.clock.advance(HOUR_MS)
    expect(first.replica('v1')?.phase).toBe('Pending')
    expect(first.snapshot('s1')?.phase).toBe('Pending')
    expect(marks(first)).toEqual([false, false])
    const stopped = first.reconciler.stop()
    await first.clock.advance(6_000)
    await stopped
    const { disk } = first
    disk.pools.get('/srv/p1')?.snapshots.delete('s1')
    const second = setup(wanted, { disk })
    await second.clock.advance(1)
    expect(second.snapshot('s1')?.phase).toBe('Ready')
    expect(marks(second)).toEqual([true, true])
    await second.reconciler.stop()
  })

  it('waits for a disk that cannot take the record, and holds nothing else up', async () => {
    let full = true
    const tries: number[] = []
    const host = setup(wanted, {
      ledger: ledgerWith(async (record) => {
        tries.push(host.clock.now())
        if (full) throw new KeelsonError('UNAVAILABLE', 'cannot write the ledger: no space')
        await record()
      }),
    })
    await host.clock.advance(1)
    const message = 'made, but not recorded: cannot write the ledger: no space'
    expect(host.replica('v1')).toMatchObject({ phase: 'Pending', message })
    await host.clock.advance(300_000)
    expect(host.replica('v1')).toMatchObject({ phase: 'Pending', message })
    expect(host.snapshot('s1')).toMatchObject({ phase: 'Pending', message })
    expect(host.applied()).toBe(1)
    const waits = tries.slice(1).map((at, index) => at - tries[index]!)
    expect(waits.length).toBeGreaterThan(8)
    expect(waits.length).toBeLessThan(16)
    for (const [index, wait] of waits.entries())
      expect(wait).toBeGreaterThanOrEqual(Math.min(60_000, 1_000 * 2 ** index) / 2)
    full = false
    await host.clock.advance(60_000)
    expect(host.replica('v1')).toMatchObject({ phase: 'Ready', message: '' })
    expect(host.snapshot('s1')).toMatchObject({ phase: 'Ready', message: '' })
    await host.reconciler.stop()
  })
})
