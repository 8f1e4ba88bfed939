import { KeelsonError } from '@keelson/shared/errors'
import { sleep } from '@keelson/shared/runtime'
import { describe, expect, it } from 'vitest'
import { createFakeDisk, rebootFakeDisk } from '../storage/index.ts'
import { desiredPool, desiredReplica, desiredSnapshot, document, MIB } from './fixture.ts'
import { HOUR_MS, setup } from './reconciler-fixture.ts'

const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`)

describe('the reconciler', () => {
  it('makes the host what its document says, and then is still', async () => {
    const host = setup(
      document({
        generation: 3,
        replicas: [desiredReplica('v1')],
        snapshots: [desiredSnapshot('s1')],
      }),
    )
    expect(host.reconciler.observed()).toBeUndefined()
    await host.clock.advance(10)
    expect(host.pool()).toMatchObject({ phase: 'Ready', totalBytes: 1024 * MIB })
    expect(host.replica('v1')).toMatchObject({ phase: 'Ready', devicePath: '/dev/fake/v1' })
    expect(host.snapshot('s1')).toMatchObject({ phase: 'Ready', method: 'Reflink' })
    expect(host.applied()).toBe(3)
    const changes = host.changes()
    const calls = host.calls.length
    await host.clock.advance(50_000)
    expect(host.changes()).toBe(changes)
    expect(host.calls.slice(calls)).toEqual([])
    await host.reconciler.stop()
  })

  it('touches nothing without a document, and says that it has looked', async () => {
    const disk = createFakeDisk({ totalBytes: MIB })
    const host = setup(undefined, { disk })
    await host.clock.advance(HOUR_MS)
    expect(host.calls).toEqual([])
    expect(host.reconciler.observed()).toMatchObject({ appliedGeneration: 0 })
    host.want(document())
    await host.clock.advance(1)
    expect(host.pool()).toMatchObject({ phase: 'Ready' })
    await host.reconciler.stop()
  })

  it('brings devices back after a reboot with nothing but its document', async () => {
    const disk = createFakeDisk({ totalBytes: 1024 * MIB })
    const before = setup(document({ replicas: [desiredReplica('v1'), desiredReplica('v2')] }), {
      disk,
    })
    await before.clock.advance(10)
    await before.reconciler.stop()
    rebootFakeDisk(disk)
    const provisioned = { provisioned: true }
    const host = setup(
      document({
        replicas: [desiredReplica('v1', provisioned), desiredReplica('v2', provisioned)],
      }),
      { disk },
    )
    await host.clock.advance(10)
    expect(host.replica('v1')).toMatchObject({ phase: 'Ready', kernelDevice: '/dev/fake-v1' })
    expect(host.replica('v2')?.phase).toBe('Ready')
    expect(host.calls).toEqual(['0 ensureVolume v1', '0 ensureVolume v2', '0 reclaim'])
    rebootFakeDisk(disk)
    await host.clock.advance(16_000)
    expect(host.replica('v1')?.phase).toBe('Ready')
    expect(disk.pools.get('/srv/p1')?.volumes.get('v1')?.attached).toBe(true)
    await host.reconciler.stop()
  })

  it('is not held up by copies, however many and long', async () => {
    const volumes = names('v', 20)
    const host = setup(
      document({
        replicas: volumes.map((uid) => desiredReplica(uid)),
        snapshots: volumes.map((volumeUid) => desiredSnapshot(`s-${volumeUid}`, { volumeUid })),
      }),
      {
        async before({ method }) {
          if (method === 'createSnapshot') await sleep(host.clock, HOUR_MS)
        },
      },
    )
    await host.clock.advance(1_000)
    expect(host.calls.filter((call) => call.includes('createSnapshot'))).toHaveLength(4)
    expect(host.replica('v19')?.phase).toBe('Ready')
    host.want(
      document({
        generation: 2,
        replicas: [...volumes, 'new'].map((uid) => desiredReplica(uid)),
        snapshots: volumes.map((volumeUid) => desiredSnapshot(`s-${volumeUid}`, { volumeUid })),
      }),
    )
    await host.clock.advance(1_000)
    expect(host.replica('new')?.phase).toBe('Ready')
    await host.clock.advance(6 * HOUR_MS)
    for (const uid of volumes) expect(host.snapshot(`s-${uid}`)?.phase).toBe('Ready')
    await host.reconciler.stop()
  })

  it('runs eight steps at once, and none twice', async () => {
    const volumes = names('v', 30)
    const running = new Map<string, number>()
    let most = 0
    const host = setup(document({ replicas: volumes.map((uid) => desiredReplica(uid)) }), {
      async before({ method, uid }) {
        if (method !== 'ensureVolume') return
        expect(running.has(uid)).toBe(false)
        running.set(uid, 1)
        most = Math.max(most, running.size)
        await sleep(host.clock, 5_000)
        running.delete(uid)
      },
    })
    for (let i = 0; i < 20; i++) {
      host.reconciler.trigger()
      await host.clock.advance(1_000)
    }
    expect(most).toBe(8)
    for (const uid of volumes) expect(host.replica(uid)?.phase).toBe('Ready')
    expect(host.calls.filter((call) => call.includes('ensureVolume'))).toHaveLength(30)
    await host.reconciler.stop()
  })

  it('reports a failure, tries again with growing waits, and at once when something else is wanted', async () => {
    let broken = true
    const host = setup(document({ replicas: [desiredReplica('v1'), desiredReplica('v2')] }), {
      before({ method, uid }) {
        if (broken && method === 'ensureVolume' && uid === 'v1')
          throw new KeelsonError('RESOURCE_EXHAUSTED', 'no space', { details: ['1 MiB missing'] })
      },
    })
    await host.clock.advance(300_000)
    expect(host.replica('v1')).toMatchObject({
      phase: 'Failed',
      message: 'no space; 1 MiB missing',
    })
    expect(host.replica('v2')?.phase).toBe('Ready')
    expect(host.applied()).toBe(1)
    const tries = host.calls
      .filter((call) => call.endsWith('ensureVolume v1'))
      .map((call) => Number(call.split(' ')[0]))
    const waits = tries.slice(1).map((at, index) => at - tries[index]!)
    expect(waits.length).toBeGreaterThan(8)
    expect(waits.length).toBeLessThan(16)
    for (const [index, wait] of waits.entries()) {
      const ceiling = Math.min(60_000, 1_000 * 2 ** index)
      expect(wait).toBeGreaterThanOrEqual(ceiling / 2)
      expect(wait).toBeLessThanOrEqual(ceiling)
    }
    // Seen as failed all the while: a try under way is no reason to hope.
    broken = false
    host.want(
      document({
        generation: 2,
        replicas: [desiredReplica('v1', { sizeBytes: 2 * MIB }), desiredReplica('v2')],
      }),
    )
    await host.clock.advance(1)
    expect(host.replica('v1')).toMatchObject({ phase: 'Ready', sizeBytes: 2 * MIB })
    await host.reconciler.stop()
  })

  it('keeps a volume that cannot grow in service, and says why it cannot', async () => {
    const host = setup(document({ replicas: [desiredReplica('v1')] }), {
      disk: createFakeDisk({ totalBytes: 4 * MIB }),
    })
    await host.clock.advance(1)
    const pools = [desiredPool('p1', { kind: 'FILE' })]
    await host.reconciler.stop()
    const thick = setup(document({ pools, replicas: [desiredReplica('v1')] }), {
      disk: createFakeDisk({ totalBytes: 4 * MIB }),
    })
    await thick.clock.advance(1)
    thick.want(
      document({ generation: 2, pools, replicas: [desiredReplica('v1', { sizeBytes: 9 * MIB })] }),
    )
    await thick.clock.advance(1)
    expect(thick.replica('v1')).toMatchObject({ phase: 'Ready', sizeBytes: MIB })
    expect(thick.replica('v1')?.message).toContain('growing volume v1 needs 8 MiB')
    await thick.reconciler.stop()
  })

  describe('when what is being made is to go', () => {
    const making = document({
      replicas: [desiredReplica('v1')],
      snapshots: [desiredSnapshot('s1')],
    })
    const leaving = document({
      generation: 2,
      replicas: [desiredReplica('v1')],
      snapshots: [desiredSnapshot('s1', { intent: 'Absent' })],
    })

    it('stops making it, and confirms that it is gone only after it has stopped', async () => {
      const host = setup(making, {
        wrap: (driver) => ({
          ...driver,
          async createSnapshot(pool, wanted, call) {
            await sleep(host.clock, HOUR_MS, call?.signal).catch(() => undefined)
            // Tidying up takes its time.
            await sleep(host.clock, 3_000)
            call?.signal?.throwIfAborted()
            return driver.createSnapshot(pool, wanted, call)
          },
        }),
      })
      await host.clock.advance(1_000)
      expect(host.snapshot('s1')).toMatchObject({ phase: 'Pending', message: 'being taken' })
      host.want(leaving)
      await host.clock.advance(2_000)
      expect(host.snapshot('s1')).toMatchObject({ phase: 'Pending', message: 'being stopped' })
      await host.clock.advance(2_000)
      expect(host.snapshot('s1')).toMatchObject({ phase: 'Absent' })
      host.want(document({ generation: 3, replicas: [desiredReplica('v1')] }))
      await host.clock.advance(1)
      expect(host.snapshot('s1')).toBeUndefined()
      await host.reconciler.stop()
    })

    it.each([
      ['succeeds all the same', false],
      ['has its effect but fails', true],
    ])('removes it when the step %s', async (_, fails) => {
      const host = setup(making, {
        async before({ method }) {
          if (method === 'createSnapshot') await sleep(host.clock, 5_000)
        },
        after({ method }) {
          if (fails && method === 'createSnapshot') throw new KeelsonError('CANCELLED', 'stopped')
        },
        // A driver that notices the abort too late.
        wrap: (driver) => ({
          ...driver,
          createSnapshot: (pool, wanted) => driver.createSnapshot(pool, wanted),
        }),
      })
      await host.clock.advance(1_000)
      host.want(leaving)
      const phases = new Set<string | undefined>()
      for (let i = 0; i < 60; i++) {
        await host.clock.advance(100)
        const isThere = host.disk.pools.get('/srv/p1')?.snapshots.has('s1')
        if (host.snapshot('s1')?.phase === 'Absent') expect(isThere).toBe(false)
        phases.add(host.snapshot('s1')?.phase)
      }
      expect(host.snapshot('s1')?.phase).toBe('Absent')
      expect(phases).toEqual(new Set(['Pending', 'Absent']))
      await host.reconciler.stop()
    })
  })

  it('is not held up by a pool that does not answer', async () => {
    let hangs = true
    const host = setup(
      document({
        pools: [desiredPool('p1'), desiredPool('p2')],
        replicas: [desiredReplica('v1'), desiredReplica('v2', { poolUid: 'p2' })],
      }),
      {
        async before({ method, poolUid }) {
          if (method === 'listPool' && poolUid === 'p2' && hangs) await sleep(host.clock, HOUR_MS)
        },
      },
    )
    await host.clock.advance(11_000)
    expect(host.replica('v1')?.phase).toBe('Ready')
    expect(host.pool('p2')?.message).toContain('has not answered')
    hangs = false
    host.want(
      document({
        generation: 2,
        pools: [desiredPool('p1'), desiredPool('p2')],
        replicas: [desiredReplica('v3'), desiredReplica('v2', { poolUid: 'p2' })],
      }),
    )
    await host.clock.advance(1)
    expect(host.replica('v3')?.phase).toBe('Ready')
    await host.clock.advance(HOUR_MS)
    expect(host.replica('v2')?.phase).toBe('Ready')
    await host.reconciler.stop()
  })

  it('tells of the progress of a copy at most every two seconds', async () => {
    const host = setup(
      document({ replicas: [desiredReplica('v1')], snapshots: [desiredSnapshot('s1')] }),
      {
        wrap: (driver) => ({
          ...driver,
          async createSnapshot(pool, wanted, call) {
            for (let copied = 0; copied <= 100; copied++) {
              call?.onProgress?.({ copiedBytes: copied * MIB, totalBytes: 100 * MIB })
              await sleep(host.clock, 100, call?.signal)
            }
            return driver.createSnapshot(pool, wanted, call)
          },
        }),
      },
    )
    await host.clock.advance(500)
    const before = host.changes()
    await host.clock.advance(8_000)
    expect(host.changes() - before).toBe(4)
    expect(host.snapshot('s1')).toMatchObject({ phase: 'Pending', copiedBytes: 80 * MIB })
    expect(host.snapshot('s1')?.message).toBe('copied 80 MiB of 100 MiB')
    await host.reconciler.stop()
  })

  it('empties the trash in time, and removes a pool with everything in it when asked to', async () => {
    const host = setup(
      document({ replicas: [desiredReplica('v1')], snapshots: [desiredSnapshot('s1')] }),
    )
    await host.clock.advance(1)
    host.want(
      document({
        generation: 2,
        replicas: [desiredReplica('v1', { intent: 'Absent' })],
        snapshots: [desiredSnapshot('s1', { intent: 'Absent' })],
      }),
    )
    await host.clock.advance(1)
    expect(host.replica('v1')?.phase).toBe('Absent')
    expect(host.disk.pools.get('/srv/p1')?.trash).toHaveLength(2)
    await host.clock.advance(100_000)
    expect(host.disk.pools.get('/srv/p1')?.trash).toHaveLength(0)
    host.want(document({ generation: 3, pools: [desiredPool('p1', { intent: 'Absent' })] }))
    await host.clock.advance(1)
    expect(host.pool()?.phase).toBe('Absent')
    expect(host.disk.pools.size).toBe(0)
    await host.clock.advance(100_000)
    expect(host.pool()?.phase).toBe('Absent')
    await host.reconciler.stop()
  })

  it('does not repeat for ever what never comes true', async () => {
    const host = setup(document({ replicas: [desiredReplica('v1')] }), {
      wrap: (driver) => ({
        ...driver,
        ensureVolume: async (pool, volume, call) => ({
          ...(await driver.ensureVolume(pool, volume, call)),
          ready: false,
        }),
      }),
    })
    await host.clock.advance(30_000)
    const tries = host.calls.filter((call) => call.includes('ensureVolume')).length
    expect(tries).toBeGreaterThanOrEqual(1)
    expect(tries).toBeLessThan(8)
    await host.reconciler.stop()
  })

  it('stops what is under way, and leaves volumes as they are', async () => {
    const host = setup(
      document({ replicas: [desiredReplica('v1')], snapshots: [desiredSnapshot('s1')] }),
      {
        wrap: (driver) => ({
          ...driver,
          async createSnapshot(pool, wanted, call) {
            await sleep(host.clock, HOUR_MS, call?.signal)
            return driver.createSnapshot(pool, wanted, call)
          },
        }),
      },
    )
    await host.clock.advance(1_000)
    await host.reconciler.stop()
    expect(host.disk.pools.get('/srv/p1')?.volumes.get('v1')?.attached).toBe(true)
    expect(host.disk.pools.get('/srv/p1')?.snapshots.size).toBe(0)
    await host.clock.advance(HOUR_MS)
    expect(host.clock.nextTimerAt()).toBeUndefined()
  })
})
