import { isDeepStrictEqual } from 'node:util'
import type { Move, PlacementPolicy, WhatIfResult, WhatIfStep } from '@keelson/shared/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../testing/index.ts'
import { createFleet, type Fleet } from '../fleet/index.ts'
import { fleetOf, GIB, type HostLine, putMachine, putVolume } from '../guarantee/fixture.ts'
import { verifyLoss } from '../guarantee/index.ts'
import { flavorOf, lossOfOne, type WorldOptions, worldOf } from './fixture.ts'
import { createNotes, createPlay } from './play.ts'
import { playSteps } from './play-steps.ts'
import { playStep } from './steps.ts'

const SIX: readonly HostLine[] = [
  ['n1', 16, 'a'],
  ['n2', 16, 'a'],
  ['n3', 16, 'b'],
  ['n4', 16, 'b'],
  ['n5', 16, 'c'],
  ['n6', 16, 'c'],
]

/** Three racks, four machines, three volumes. */
function smallCluster(): Fleet {
  const fleet = fleetOf(SIX)
  putVolume(fleet, 'data', 100, ['n1', 'n3'])
  putVolume(fleet, 'logs', 50, ['n2', 'n5', 'n4'])
  putVolume(fleet, 'scratch', 10, ['n1'])
  putMachine(fleet, 'db', 8, 'n1', { standby: 'n3', volumes: ['data'] })
  putMachine(fleet, 'web', 6, 'n2', { standby: 'n5', volumes: ['logs'] })
  putMachine(fleet, 'ci', 4, 'n1', { volumes: ['scratch'] })
  putMachine(fleet, 'mail', 12, 'n6', { standby: 'n4' })
  return fleet
}

/** A result as lines. */
function linesOf({ brokenGuarantees, impacts, moves, shortages, summary }: WhatIfResult): string[] {
  return [
    summary,
    ...impacts.map(({ kind, reason, subject }) => `  ${kind} ${subject}: ${reason}`),
    ...moves.map((move) => `  ${move.number}. ${moveText(move)}`),
    ...shortages.map(({ missing, resource }) => `  short: ${resource} ${missing / GIB} GiB`),
    ...brokenGuarantees.map((check) => `  broken: ${check.summary}`),
  ]
}

function moveText({
  copiedBytes,
  fromNode,
  fromPool,
  kind,
  subject,
  toNode,
  toPool,
}: Move): string {
  const place = (node: string, pool: string) => (pool === '' ? node : `${node}/${pool}`)
  const from = fromNode === '' ? '' : ` ${place(fromNode, fromPool)}`
  return `${kind} ${subject}${from} -> ${place(toNode, toPool)}, ${copiedBytes / GIB} GiB`
}

function play(fleet: Fleet, steps: readonly WhatIfStep[], options: WorldOptions = {}): string {
  return playSteps(worldOf(fleet, options), steps).flatMap(linesOf).join('\n')
}

const failRack = (value: string): WhatIfStep => ({
  type: 'FailDomain',
  domain: { label: 'rack', value },
})

describe('a step', () => {
  const witness = { data: { witnesses: [4] } }

  it('fails a rack: machines start on their standbys, replicas are made again', () => {
    const options = { volumes: witness, guarantees: [lossOfOne('rack')] }
    expect(play(smallCluster(), [failRack('a')], options)).toMatchInlineSnapshot(`
      "rack=a (2 hosts) fails: 1 volume cannot be used; 1 machine stops; 2 volumes lack replicas for a while; 2 machines start again; 4 moves, 150 GiB to copy; 2 further losses would break a guarantee
        Unavailable volume/scratch: its only replica is lost
        Stops vm/ci: it needs volume/scratch, which is not usable
        RedundancyReduced volume/data: 1 of 2 replicas until 100 GiB are copied to n6/p
        RedundancyReduced volume/logs: 2 of 3 replicas until 50 GiB are copied to n3/p
        Restarts vm/db: it starts again on n3, which keeps room for it
        Restarts vm/web: it starts again on n5, which keeps room for it
        1. Restart vm/db n1 -> n3, 0 GiB
        2. Restart vm/web n2 -> n5, 0 GiB
        3. AddReplica volume/data -> n6/p, 100 GiB
        4. AddReplica volume/logs -> n3/p, 50 GiB
        broken: rack=b: 1 replicated volume cannot be used
        broken: rack=c: 1 replicated volume cannot be used"
    `)
  })

  it('fails a host that has the last replica of a volume', () => {
    expect(play(smallCluster(), [{ type: 'FailNode', node: 'n1' }])).toMatchInlineSnapshot(`
      "n1 fails: 1 volume cannot be used; 1 machine stops; 1 volume lacks a replica for a while; 1 machine starts again; 2 moves, 100 GiB to copy
        Unavailable volume/scratch: its only replica is lost
        Stops vm/ci: it needs volume/scratch, which is not usable
        RedundancyReduced volume/data: 1 of 2 replicas until 100 GiB are copied to n6/p
        Restarts vm/db: it starts again on n3, which keeps room for it
        1. Restart vm/db n1 -> n3, 0 GiB
        2. AddReplica volume/data -> n6/p, 100 GiB"
    `)
  })

  it('fails more than there is room for', () => {
    const steps: WhatIfStep[] = [failRack('a'), failRack('b'), failRack('c')]
    expect(play(smallCluster(), steps, { volumes: witness })).toMatchInlineSnapshot(`
      "rack=a (2 hosts) fails: 1 volume cannot be used; 1 machine stops; 2 volumes lack replicas for a while; 2 machines start again; 4 moves, 150 GiB to copy
        Unavailable volume/scratch: its only replica is lost
        Stops vm/ci: it needs volume/scratch, which is not usable
        RedundancyReduced volume/data: 1 of 2 replicas until 100 GiB are copied to n6/p
        RedundancyReduced volume/logs: 2 of 3 replicas until 50 GiB are copied to n3/p
        Restarts vm/db: it starts again on n3, which keeps room for it
        Restarts vm/web: it starts again on n5, which keeps room for it
        1. Restart vm/db n1 -> n3, 0 GiB
        2. Restart vm/web n2 -> n5, 0 GiB
        3. AddReplica volume/data -> n6/p, 100 GiB
        4. AddReplica volume/logs -> n3/p, 50 GiB
      rack=b (2 hosts) fails: 1 volume cannot be used; 1 machine stops; 1 volume lacks a replica for a while; 1 machine starts again; 2 moves, 100 GiB to copy
        Unavailable volume/logs: 1 of 3 votes are left, which is no majority
        Stops vm/web: it needs volume/logs, which is not usable
        RedundancyReduced volume/data: 1 of 2 replicas until 100 GiB are copied to n5/p
        Restarts vm/db: it starts again on n5, which keeps room for it
        1. Restart vm/db n3 -> n5, 0 GiB
        2. AddReplica volume/data -> n5/p, 100 GiB
      rack=c (2 hosts) fails: 2 volumes cannot be used; 2 machines stop
        Unavailable volume/data: all 2 replicas are lost
        Unavailable volume/logs: all 3 replicas are lost
        Stops vm/db: it needs volume/data, which is not usable
        Stops vm/mail: no host left has room for its 12 GiB of memory"
    `)
  })

  it('returns a host: everything goes back', () => {
    const steps: WhatIfStep[] = [
      { type: 'FailNode', node: 'n1' },
      { type: 'ReturnNode', node: 'n1' },
    ]
    expect(play(smallCluster(), steps)).toMatchInlineSnapshot(`
      "n1 fails: 1 volume cannot be used; 1 machine stops; 1 volume lacks a replica for a while; 1 machine starts again; 2 moves, 100 GiB to copy
        Unavailable volume/scratch: its only replica is lost
        Stops vm/ci: it needs volume/scratch, which is not usable
        RedundancyReduced volume/data: 1 of 2 replicas until 100 GiB are copied to n6/p
        Restarts vm/db: it starts again on n3, which keeps room for it
        1. Restart vm/db n1 -> n3, 0 GiB
        2. AddReplica volume/data -> n6/p, 100 GiB
      n1 comes back: 1 machine starts again; 2 moves, 8 GiB to copy
        Restarts vm/ci: it starts again on n1
        1. Replica volume/data n6/p -> n1/p, 0 GiB
        2. Migrate vm/db n3 -> n1, 8 GiB"
    `)
  })

  it('returns a host that had failed before the play began', () => {
    const steps: WhatIfStep[] = [{ type: 'ReturnNode', node: 'n1' }]
    expect(play(smallCluster(), steps, { gone: ['n1'] })).toMatchInlineSnapshot(`
      "n1 comes back: 2 machines start again
        Restarts vm/db: it starts again on n1
        Restarts vm/ci: it starts again on n1"
    `)
  })

  it('empties a host', () => {
    expect(play(smallCluster(), [{ type: 'DrainNode', node: 'n1' }])).toMatchInlineSnapshot(`
      "n1 is emptied: 4 moves, 122 GiB to copy
        1. Migrate vm/db n1 -> n2, 8 GiB
        2. Migrate vm/ci n1 -> n4, 4 GiB
        3. Replica volume/data n1/p -> n6/p, 100 GiB
        4. Replica volume/scratch n1/p -> n2/p, 10 GiB"
    `)
  })

  it('takes a host along with the volume a machine needs near', () => {
    const machines = { ci: { locality: 'Required' as const } }
    const steps: WhatIfStep[] = [{ type: 'DrainNode', node: 'n1' }]
    const [result] = playSteps(worldOf(smallCluster(), { machines }), steps)
    const [copy, migration] = result!.moves.filter(({ subject }) => /scratch|ci/.test(subject))
    expect(copy!.kind).toBe('Replica')
    expect(migration).toMatchObject({ kind: 'Migrate', toNode: copy!.toNode })
    expect(migration!.after).toEqual([copy!.number])
  })

  it('takes a host away, and what has no other place is lost', () => {
    const fleet = fleetOf(SIX.slice(0, 2), 'rack', 64 * GIB)
    putVolume(fleet, 'big', 60, ['n1'])
    putVolume(fleet, 'full', 60, ['n2'])
    putMachine(fleet, 'fits', 8, 'n1')
    putMachine(fleet, 'not', 12, 'n1')
    expect(play(fleet, [{ type: 'RemoveNode', node: 'n1' }])).toMatchInlineSnapshot(`
      "n1 is taken away: 1 volume loses its data; 1 machine stops; 1 move, 8 GiB to copy
        DataLost volume/big: its only replica goes
        Stops vm/not: no other host has room for it
        1. Migrate vm/fits n1 -> n2, 8 GiB
        short: storage_bytes 60 GiB"
    `)
  })

  it('adds hosts, and what had stopped starts there', () => {
    const fleet = fleetOf(SIX.slice(0, 2))
    putMachine(fleet, 'a', 12, 'n1')
    putMachine(fleet, 'b', 12, 'n2')
    const steps: WhatIfStep[] = [
      { type: 'FailNode', node: 'n1' },
      { type: 'AddNodes', profile: 'like:n1', count: 2, labels: { rack: 'z' } },
    ]
    expect(play(fleet, steps)).toMatchInlineSnapshot(`
      "n1 fails: 1 machine stops
        Stops vm/a: no host left has room for its 12 GiB of memory
        short: memory_bytes 8 GiB
      2 hosts like n1 added: n1-new-1, n1-new-2: 1 machine starts again; 1 move
        Restarts vm/a: it starts again on n1-new-1, which has the most room
        1. Restart vm/a n1 -> n1-new-1, 0 GiB"
    `)
  })

  it('places as many as fit, and says why no more', () => {
    const fleet = fleetOf(SIX)
    const flavor = flavorOf('small', 8)
    const steps: WhatIfStep[] = [
      { type: 'Place', flavor, count: 3 },
      { type: 'Place', flavor, count: 9 },
    ]
    const results = playSteps(worldOf(fleet), steps)
    expect(results.map(({ summary }) => summary)).toEqual([
      '3 × small placed',
      '5 of 9 × small placed: no room',
    ])
    expect(results.map(({ report }) => report?.placeable)).toEqual([true, false])
  })

  it('sets a policy, and machines get the standbys its guarantee asks for', () => {
    const fleet = smallCluster()
    putMachine(fleet, 'huge', 16, 'n4')
    const guarantees = [lossOfOne('rack')]
    const policy: PlacementPolicy = {
      ...{ scope: 'Cluster', name: '', version: 0, weights: {}, guarantees },
    }
    expect(play(fleet, [{ type: 'SetPolicy', policy }])).toMatchInlineSnapshot(
      `"policy of the cluster replaced, 3 machines get a standby"`,
    )
  })
})

describe('a step that cannot be played', () => {
  const cases: [name: string, steps: WhatIfStep[], code: string, message: string][] = [
    ['an unknown host', [{ type: 'FailNode', node: 'nx' }], 'NOT_FOUND', 'steps[0]: node "nx"'],
    ['an unknown domain', [failRack('x')], 'NOT_FOUND', 'no node has the label rack=x'],
    [
      'a failure of what has failed',
      [failRack('a'), { type: 'FailNode', node: 'n1' }],
      'FAILED_PRECONDITION',
      'steps[1]: n1 has failed already',
    ],
    [
      'a return of what is there',
      [{ type: 'ReturnNode', node: 'n1' }],
      'FAILED_PRECONDITION',
      'node "n1" has not failed',
    ],
    [
      'anything with a host that was taken away',
      [
        { type: 'RemoveNode', node: 'n1' },
        { type: 'ReturnNode', node: 'n1' },
      ],
      'NOT_FOUND',
      'steps[1]: node "n1"',
    ],
    [
      'emptying a host that failed',
      [
        { type: 'FailNode', node: 'n1' },
        { type: 'DrainNode', node: 'n1' },
      ],
      'FAILED_PRECONDITION',
      'remove or return it',
    ],
  ]
  it.each(cases)('%s', (_name, steps, code, message) => {
    const run = () => playSteps(worldOf(smallCluster()), steps)
    expect(run).toThrow(expect.objectContaining({ code }))
    expect(run).toThrow(message)
  })
})

const anyCluster = fc
  .record({
    hosts: fc.array(fc.record({ gib: fc.integer({ min: 8, max: 32 }), rack: fc.nat(3) }), {
      minLength: 3,
      maxLength: 7,
    }),
    volumes: fc.array(
      fc.record({
        gib: fc.integer({ min: 1, max: 30 }),
        hosts: fc.uniqueArray(fc.nat(6), { minLength: 1, maxLength: 3 }),
      }),
      { maxLength: 8 },
    ),
    machines: fc.array(
      fc.record({
        ...{ gib: fc.integer({ min: 1, max: 10 }), host: fc.nat(6), standby: fc.nat(20) },
        volume: fc.nat(12),
      }),
      { maxLength: 10 },
    ),
    poolGib: fc.integer({ min: 40, max: 120 }),
  })
  .map(({ hosts, machines, poolGib, volumes }) => {
    const lines = hosts.map(({ gib, rack }, i): HostLine => [`n${i}`, gib, `r${rack}`])
    const fleet = fleetOf(lines, 'rack', poolGib * GIB)
    const at = (row: number) => `n${row % hosts.length}`
    for (const [i, volume] of volumes.entries())
      putVolume(fleet, `v${i}`, volume.gib, [...new Set(volume.hosts.map(at))])
    for (const [i, { gib, host, standby, volume }] of machines.entries()) {
      const racks = fleet.lossDomains
      const row = standby < hosts.length ? standby : -1
      const apart = row >= 0 && racks[row] !== racks[host % hosts.length]
      putMachine(fleet, `m${i}`, gib, at(host), {
        ...(apart && { standby: `n${row}` }),
        volumes: volume < volumes.length ? [`v${volume}`] : [],
      })
    }
    return fleet
  })

const anyStep: fc.Arbitrary<WhatIfStep> = fc.oneof(
  fc.nat(6).map((row): WhatIfStep => ({ type: 'FailNode', node: `n${row}` })),
  fc.nat(3).map((rack) => failRack(`r${rack}`)),
  fc.nat(6).map((row): WhatIfStep => ({ type: 'ReturnNode', node: `n${row}` })),
  fc.nat(6).map((row): WhatIfStep => ({ type: 'DrainNode', node: `n${row}` })),
  fc.nat(6).map((row): WhatIfStep => ({ type: 'RemoveNode', node: `n${row}` })),
  fc.constant<WhatIfStep>({
    type: 'AddNodes',
    profile: 'like:n0',
    count: 1,
    labels: { rack: 'r9' },
  }),
  fc.constant<WhatIfStep>({ type: 'Place', flavor: flavorOf('f', 4), count: 2 }),
)

/** Everything there is to know of a fleet, whatever the order it was put in. */
function contentsOf(fleet: Fleet) {
  const byName = <T>(map: ReadonlyMap<string, T>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    columns: fleet.columns.map(({ capacity, standby, used }) => ({
      ...{ capacity: [...capacity], used: [...used], reserve: [...(standby?.reserve ?? [])] },
    })),
    pools: [[...fleet.poolCapacity], [...fleet.poolPromised]],
    machines: byName(fleet.machines),
    volumes: byName(fleet.volumes),
  }
}

/** Plays as many of the steps as can be played. */
function playPossible(fleet: Fleet, steps: readonly WhatIfStep[], options: WorldOptions = {}) {
  const possible: WhatIfStep[] = []
  let results: readonly WhatIfResult[] = []
  for (const step of steps)
    try {
      results = playSteps(worldOf(fleet, options), [...possible, step])
      possible.push(step)
    } catch (error) {
      expect(error).toHaveProperty('code', expect.stringMatching(/NOT_FOUND|FAILED_PRECONDITION/))
    }
  return { possible, results }
}

describe('properties', () => {
  it('a play never changes what it began with', () => {
    fc.assert(
      fc.property(anyCluster, fc.array(anyStep, { maxLength: 6 }), (fleet, steps) => {
        const before = contentsOf(fleet)
        const versions = [...fleet.hostVersion]
        playPossible(fleet, steps, { guarantees: [lossOfOne('rack')] })
        expect(contentsOf(fleet)).toEqual(before)
        expect([...fleet.hostVersion]).toEqual(versions)
      }),
      runs(200),
    )
  })

  it('what fails and returns leaves everything as it was: the next failure is the same again', () => {
    let moved = 0
    fc.assert(
      fc.property(anyCluster, fc.nat(6), (fleet, row) => {
        const node = `n${row % fleet.hostCount}`
        const fail: WhatIfStep = { type: 'FailNode', node }
        const [first, back, second] = playSteps(worldOf(fleet), [
          fail,
          { type: 'ReturnNode', node },
          fail,
        ])
        expect(isDeepStrictEqual(second, first)).toBe(true)
        moved += first!.moves.length
        expect(back!.shortages).toEqual([])
        expect(back!.impacts.filter(({ kind }) => kind !== 'Restarts')).toEqual([])
      }),
      runs(300),
    )
    expect(moved).toBeGreaterThan(300)
  })

  it('what fails and returns leaves every number as it was', () => {
    fc.assert(
      fc.property(anyCluster, fc.nat(3), (fleet, rack) => {
        const hosts = fleet.hosts.filter(({ labels }) => labels.rack === `r${rack}`)
        if (hosts.length === 0) return
        const play = createPlay(worldOf(fleet))
        playStep(play, failRack(`r${rack}`), createNotes())
        for (const { name: node } of hosts)
          playStep(play, { type: 'ReturnNode', node }, createNotes())
        expect(contentsOf(play.fleet)).toEqual(contentsOf(fleet))
        expect(play.stopped.size).toBe(0)
      }),
      runs(300),
    )
  })

  it('a loss that verify says is survived stops nothing in a play', () => {
    let held = 0
    fc.assert(
      fc.property(anyCluster, fc.nat(3), (fleet, rack) => {
        const world = worldOf(fleet)
        const check = verifyLoss(fleet, world.rules, 'rack').checks.find(
          ({ domains }) => domains[0] === `r${rack}`,
        )
        if (!check?.holds) return
        held++
        const [result] = playSteps(world, [failRack(`r${rack}`)])
        const single = (name: string) => fleet.volumes.get(name)!.pools.length === 1
        const stops = result!.impacts.filter(({ kind, subject }) => {
          const name = subject.slice(subject.indexOf('/') + 1)
          if (kind === 'Unavailable') return !single(name)
          return kind === 'Stops' && !fleet.machines.get(name)!.volumes.some(single)
        })
        expect(stops).toEqual([])
      }),
      runs(400),
    )
    expect(held, 'losses that are survived').toBeGreaterThan(100)
  })

  it('no move puts more into a host or pool than it has', () => {
    fc.assert(
      fc.property(anyCluster, anyStep, (fleet, step) => {
        if (step.type === 'AddNodes' || step.type === 'Place') return
        const { results } = playPossible(fleet, [step])
        const machines = new Map(fleet.machines)
        const copy = createFleet({
          ...{ hosts: fleet.hosts, pools: fleet.pools, standbyColumns: [], lossLabel: '' },
        })
        for (const machine of machines.values()) copy.putMachine(machine)
        for (const { kind, subject, toNode } of results.flatMap(({ moves }) => moves)) {
          if (kind !== 'Restart' && kind !== 'Migrate') continue
          const host = copy.hostRow(toNode)
          const before = copy.columns[0]!.used[host]!
          copy.putMachine({ ...machines.get(subject.slice(3))!, host })
          const { capacity, used } = copy.columns[0]!
          expect(used[host], `${subject} to ${toNode}`).toBeLessThanOrEqual(
            Math.max(capacity[host]!, before),
          )
        }
      }),
      runs(300),
    )
  })
})
