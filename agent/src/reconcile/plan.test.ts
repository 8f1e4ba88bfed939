import type { DesiredState } from '@keelson/shared/model'
import { describe, expect, it } from 'vitest'
import {
  abilities,
  desiredPool,
  desiredReplica,
  desiredSnapshot,
  document,
  host,
  listed,
  MIB,
  snapshot,
  volume,
} from './fixture.ts'
import { madeBy, plan, stepsOf } from './plan.ts'
import type { HostView } from './view.ts'

/** A plan as text: a line per step, then a line per item. */
function show(desired: DesiredState, view: HostView, can = abilities): string[] {
  const planned = plan(desired, view, can)
  const items = [...planned.pools, ...planned.replicas, ...planned.snapshots]
  return [
    ...stepsOf(planned).map(({ type, item, reason }) => `${type} ${item}: ${reason}`),
    ...items.map(({ item, observed, uncertain }) =>
      [item, uncertain ? '?' : '', observed.phase, observed.message].filter(Boolean).join(' '),
    ),
  ]
}

const vanished = { kind: 'Unlisted', problem: 'gone', state: 'Lost' } as const
const fresh = { kind: 'Unlisted', problem: 'not there', state: 'New' } as const
const silent = { kind: 'Unlisted', problem: 'stuck', state: 'Silent' } as const
const asked = 'its removal was asked for'

interface Case {
  readonly title: string
  readonly desired: DesiredState
  readonly view: HostView
  readonly expected: readonly string[]
}

const pools: readonly Case[] = [
  {
    title: 'prepares a pool that is not there yet',
    desired: document(),
    view: host({ p1: fresh }),
    expected: ['PreparePool pool/p1: it is not in its place yet', 'pool/p1 Pending being prepared'],
  },
  {
    title: 'reports a pool that vanished, and tries to see it again',
    desired: document(),
    view: host({ p1: vanished }),
    expected: ['PreparePool pool/p1: gone', 'pool/p1 Failed gone'],
  },
  {
    title: 'leaves a pool alone that does not answer',
    desired: document({ pools: [desiredPool('p1'), desiredPool('p2', { intent: 'Absent' })] }),
    view: host({ p1: silent, p2: silent }),
    expected: ['pool/p1 Failed stuck', 'pool/p2 Pending cannot be removed: stuck'],
  },
  {
    title: 'does nothing about a pool before it was looked at',
    desired: document({ replicas: [desiredReplica('v1')] }),
    view: host({}),
    expected: ['pool/p1 Pending not looked at yet', 'replica/v1 Pending waiting for pool p1'],
  },
  {
    title: 'says which kinds of pool it cannot do',
    desired: document({ pools: [desiredPool('p1', { kind: 'ZFS' })] }),
    view: host({ p1: fresh }),
    expected: ['pool/p1 Failed this agent has no driver for ZFS pools'],
  },
  {
    title: 'removes an empty pool, which may be lost as nothing is known to be in it',
    desired: document({ pools: [desiredPool('p1', { intent: 'Absent' })] }),
    view: host({ p1: listed() }),
    expected: [`RemovePool pool/p1: ${asked}`, 'pool/p1 Pending being removed'],
  },
  {
    title: 'removes a pool only after what is in it',
    desired: document({
      pools: [desiredPool('p1', { intent: 'Absent' })],
      replicas: [desiredReplica('v1', { intent: 'Absent' })],
    }),
    view: host({ p1: listed({ volumes: [volume('v1')] }) }),
    expected: [
      `RemoveReplica replica/v1: ${asked}`,
      'pool/p1 Pending waiting for 1 volume(s) and snapshot(s)',
      'replica/v1 Pending being removed',
    ],
  },
  {
    title: 'leaves a pool that holds what no document names',
    desired: document({ pools: [desiredPool('p1', { intent: 'Absent' })] }),
    view: host({ p1: listed({ missing: ['v9'] }) }),
    expected: ['pool/p1 Failed holds, and no document names, 1 volume(s) and snapshot(s)'],
  },
  {
    title: 'confirms a removed pool and what was in it',
    desired: document({
      pools: [desiredPool('p1', { intent: 'Absent' })],
      replicas: [desiredReplica('v1', { intent: 'Absent' })],
    }),
    view: host({ p1: { kind: 'Removed' } }),
    expected: ['pool/p1 Absent', 'replica/v1 Absent'],
  },
]

const replicas: readonly Case[] = [
  {
    title: 'creates a replica',
    desired: document({ replicas: [desiredReplica('v1')] }),
    view: host({ p1: listed() }),
    expected: [
      'EnsureReplica replica/v1: it does not exist yet',
      'pool/p1 Ready',
      'replica/v1 Pending being created',
    ],
  },
  {
    title: 'leaves a good replica alone',
    desired: document({ replicas: [desiredReplica('v1', { provisioned: true })] }),
    view: host({ p1: listed({ volumes: [volume('v1')] }) }),
    expected: ['pool/p1 Ready', 'replica/v1 Ready'],
  },
  {
    title: 'attaches a replica after a reboot',
    desired: document({ replicas: [desiredReplica('v1', { provisioned: true })] }),
    view: host({ p1: listed({ volumes: [volume('v1', { ready: false })] }) }),
    expected: [
      'EnsureReplica replica/v1: it is not attached',
      'pool/p1 Ready',
      'replica/v1 Pending being attached',
    ],
  },
  {
    title: 'grows a replica, which stays usable meanwhile',
    desired: document({
      replicas: [desiredReplica('v1', { sizeBytes: 2 * MIB, provisioned: true })],
    }),
    view: host({ p1: listed({ volumes: [volume('v1')] }) }),
    expected: [
      'EnsureReplica replica/v1: it has 1 MiB, wanted are 2 MiB',
      'pool/p1 Ready',
      'replica/v1 Ready growing to 2 MiB',
    ],
  },
  {
    title: 'never shrinks a replica, and knows sizes are rounded up',
    desired: document({
      replicas: [
        desiredReplica('v1', { sizeBytes: 4096, provisioned: true }),
        desiredReplica('v2', { sizeBytes: MIB - 1, provisioned: true }),
      ],
    }),
    view: host({ p1: listed({ volumes: [volume('v1'), volume('v2')] }) }),
    expected: ['pool/p1 Ready', 'replica/v1 Ready', 'replica/v2 Ready'],
  },
  {
    title: 'lets the driver repair what works all the same',
    desired: document({ replicas: [desiredReplica('v1', { provisioned: true })] }),
    view: host({ p1: listed({ volumes: [volume('v1', { repair: 'its blocks are not kept' })] }) }),
    expected: [
      'EnsureReplica replica/v1: its blocks are not kept',
      'pool/p1 Ready',
      'replica/v1 Ready',
    ],
  },
  {
    title: 'never makes a replica anew whose data was there, and says where a trace of it is',
    desired: document({
      replicas: [desiredReplica('v1', { provisioned: true }), desiredReplica('v2')],
    }),
    view: host({ p1: listed({ missing: ['v2'], orphans: ['/dev/loop7 over v2.img (deleted)'] }) }),
    expected: [
      'pool/p1 Ready',
      'replica/v1 Failed the data of volume v1 is gone from pool p1; it is not created anew',
      'replica/v2 Failed the data of volume v2 is gone from pool p1; it is not created anew; found: /dev/loop7 over v2.img (deleted)',
    ],
  },
  {
    title: 'waits for the pool of a new replica, and misses the pool of one that was there',
    desired: document({
      replicas: [desiredReplica('v1'), desiredReplica('v2', { provisioned: true })],
    }),
    view: host({ p1: vanished }),
    expected: [
      'PreparePool pool/p1: gone',
      'pool/p1 Failed gone',
      'replica/v1 Pending waiting for pool p1: gone',
      'replica/v2 Failed waiting for pool p1: gone',
    ],
  },
  {
    title: 'does not confirm a removal while the pool cannot be seen',
    desired: document({ replicas: [desiredReplica('v1', { intent: 'Absent' })] }),
    view: host({ p1: vanished }),
    expected: [
      'PreparePool pool/p1: gone',
      'pool/p1 Failed gone',
      'replica/v1 Pending waiting for pool p1: gone',
    ],
  },
  {
    title: 'removes what is there or was, and confirms the rest',
    desired: document({
      replicas: ['v1', 'v2', 'v3'].map((uid) => desiredReplica(uid, { intent: 'Absent' })),
    }),
    view: host({ p1: listed({ volumes: [volume('v1')], missing: ['v2'] }) }),
    expected: [
      `RemoveReplica replica/v1: ${asked}`,
      `RemoveReplica replica/v2: ${asked}`,
      'pool/p1 Ready',
      'replica/v1 Pending being removed',
      'replica/v2 Pending being removed',
      'replica/v3 Absent',
    ],
  },
  {
    title: 'decides nothing about an item whose last step failed, until it was looked at',
    desired: document({
      replicas: [desiredReplica('v1', { intent: 'Absent' }), desiredReplica('v2')],
      snapshots: [desiredSnapshot('s1', { volumeUid: 'v2' })],
    }),
    view: host({ p1: listed({ uncertain: ['replica/v1', 'replica/v2', 'snapshot/s1'] }) }),
    expected: [
      'pool/p1 Ready',
      'replica/v1 ? Pending being looked at again',
      'replica/v2 ? Pending being looked at again',
      'snapshot/s1 ? Pending being looked at again',
    ],
  },
  {
    title: 'restores a snapshot that is here, waits for one to come, and says when none will',
    desired: document({
      replicas: [
        desiredReplica('v1', { provisioned: true }),
        desiredReplica('v2', { sourceSnapshotUid: 's1' }),
        desiredReplica('v3', { sourceSnapshotUid: 's2' }),
        desiredReplica('v4', { sourceSnapshotUid: 's3' }),
        desiredReplica('v5', { sourceSnapshotUid: 's4' }),
      ],
      snapshots: [
        desiredSnapshot('s1', { provisioned: true }),
        desiredSnapshot('s2'),
        desiredSnapshot('s4', { provisioned: true }),
      ],
    }),
    view: host({ p1: listed({ volumes: [volume('v1')], snapshots: [snapshot('s1')] }) }),
    expected: [
      'EnsureReplica replica/v2: it does not exist yet',
      'CreateSnapshot snapshot/s2: it does not exist yet',
      'pool/p1 Ready',
      'replica/v1 Ready',
      'replica/v2 Pending being restored',
      'replica/v3 Pending waiting for snapshot s2',
      'replica/v4 Failed snapshot s3 is not on this host',
      'replica/v5 Failed snapshot s4 is not on this host',
      'snapshot/s1 Ready',
      'snapshot/s2 Pending being taken',
      'snapshot/s4 Failed its data is gone from pool p1; it is not taken anew',
    ],
  },
  {
    title: 'makes nothing in a pool that is to go, and goes on serving what is in it',
    desired: document({
      pools: [desiredPool('p1', { intent: 'Absent' })],
      replicas: [desiredReplica('v1', { provisioned: true }), desiredReplica('v2')],
      snapshots: [desiredSnapshot('s1')],
    }),
    view: host({ p1: listed({ volumes: [volume('v1', { ready: false })] }) }),
    expected: [
      'EnsureReplica replica/v1: it is not attached',
      'pool/p1 Pending waiting for 1 volume(s) and snapshot(s)',
      'replica/v1 Pending being attached',
      'replica/v2 Failed its pool p1 is being removed',
      'snapshot/s1 Failed its pool p1 is being removed',
    ],
  },
  {
    title: 'says so when it cannot replicate, rather than serve data that has no copy',
    desired: document({
      replicas: [
        desiredReplica('v1', { drbdNodeId: 0 }),
        desiredReplica('v2', { role: 'TieBreaker', poolUid: '' }),
        desiredReplica('v3', { role: 'Diskless', poolUid: '', intent: 'Absent' }),
        desiredReplica('v4', { drbdNodeId: 1, intent: 'Absent' }),
      ],
    }),
    view: host({ p1: listed({ volumes: [volume('v4')] }) }),
    expected: [
      `RemoveReplica replica/v4: ${asked}`,
      'pool/p1 Ready',
      'replica/v1 Failed this agent cannot replicate: it does not drive DRBD',
      'replica/v2 Failed this agent cannot serve TieBreaker replicas: it does not drive DRBD',
      'replica/v3 Absent',
      'replica/v4 Pending being removed',
    ],
  },
  {
    title: 'reports a replica of a pool that no document names',
    desired: document({ replicas: [desiredReplica('v1', { poolUid: 'p9' })] }),
    view: host({ p1: listed() }),
    expected: ['pool/p1 Ready', 'replica/v1 Failed its pool p9 is not in the document'],
  },
]

const snapshots: readonly Case[] = [
  {
    title: 'waits for the volume of a snapshot',
    desired: document({ replicas: [desiredReplica('v1')], snapshots: [desiredSnapshot('s1')] }),
    view: host({ p1: listed() }),
    expected: [
      'EnsureReplica replica/v1: it does not exist yet',
      'pool/p1 Ready',
      'replica/v1 Pending being created',
      'snapshot/s1 Pending waiting for volume v1',
    ],
  },
  {
    title: 'takes no snapshot of a volume that is elsewhere, or on its way out',
    desired: document({
      replicas: [desiredReplica('v2', { intent: 'Absent' })],
      snapshots: [desiredSnapshot('s1'), desiredSnapshot('s2', { volumeUid: 'v2' })],
    }),
    view: host({ p1: listed() }),
    expected: [
      'pool/p1 Ready',
      'replica/v2 Absent',
      'snapshot/s1 Failed its volume v1 is not on this host',
      'snapshot/s2 Failed its volume v2 is not on this host',
    ],
  },
  {
    title: 'does not take a snapshot anew that was here before',
    desired: document({
      replicas: [desiredReplica('v1', { provisioned: true })],
      snapshots: [desiredSnapshot('s1'), desiredSnapshot('s2', { provisioned: true })],
    }),
    view: host({ p1: listed({ volumes: [volume('v1')], everSeen: ['s1'] }) }),
    expected: [
      'pool/p1 Ready',
      'replica/v1 Ready',
      'snapshot/s1 Failed its data is gone from pool p1; it is not taken anew',
      'snapshot/s2 Failed its data is gone from pool p1; it is not taken anew',
    ],
  },
  {
    title: 'misses a snapshot with its pool',
    desired: document({
      snapshots: [desiredSnapshot('s1'), desiredSnapshot('s2', { provisioned: true })],
    }),
    view: host({ p1: vanished }),
    expected: [
      'PreparePool pool/p1: gone',
      'pool/p1 Failed gone',
      'snapshot/s1 Pending waiting for pool p1: gone',
      'snapshot/s2 Failed waiting for pool p1: gone',
    ],
  },
  {
    title: 'removes snapshots before volumes',
    desired: document({
      replicas: [desiredReplica('v1', { intent: 'Absent' })],
      snapshots: [
        desiredSnapshot('s1', { intent: 'Absent' }),
        desiredSnapshot('s2', { intent: 'Absent' }),
      ],
    }),
    view: host({ p1: listed({ volumes: [volume('v1')], snapshots: [snapshot('s1')] }) }),
    expected: [
      `RemoveSnapshot snapshot/s1: ${asked}`,
      `RemoveReplica replica/v1: ${asked}`,
      'pool/p1 Ready',
      'replica/v1 Pending being removed',
      'snapshot/s1 Pending being removed',
      'snapshot/s2 Absent',
    ],
  },
]

describe.each([
  ['pools', pools],
  ['replicas', replicas],
  ['snapshots', snapshots],
])('planning %s', (_, cases) => {
  it.each(cases)('$title', ({ desired, view, expected }) => {
    expect(show(desired, view)).toEqual(expected)
  })
})

describe('a plan', () => {
  it('reports what no document names and plans nothing for it', () => {
    const view = host({
      p1: listed({
        volumes: [volume('v1'), volume('v8')],
        snapshots: [snapshot('s8')],
        missing: ['v9'],
        orphans: ['notes.txt'],
      }),
    })
    const planned = plan(document({ replicas: [desiredReplica('v1')] }), view, abilities)
    expect(stepsOf(planned)).toEqual([])
    expect(planned.pools[0]?.observed.orphans).toEqual([
      'volume v8 (v8)',
      'snapshot s8 (s8)',
      'lost volume (v9)',
      'notes.txt',
    ])
  })

  it('goes on with what is not recorded as made, but calls nothing of it ready', () => {
    const desired = document({
      replicas: [
        desiredReplica('v1'),
        desiredReplica('v2', { sourceSnapshotUid: 's1' }),
        desiredReplica('v3', { intent: 'Absent' }),
      ],
      snapshots: [desiredSnapshot('s1'), desiredSnapshot('s2')],
    })
    const volumes = [volume('v1'), volume('v2', { ready: false }), volume('v3')]
    const view = host({ p1: listed({ volumes, snapshots: [snapshot('s1')] }) })
    expect(show(desired, view)).toEqual([
      `RemoveReplica replica/v3: ${asked}`,
      'EnsureReplica replica/v2: it is not attached',
      'CreateSnapshot snapshot/s2: it does not exist yet',
      'pool/p1 Ready',
      'replica/v1 Pending being created',
      'replica/v2 Pending being restored',
      'replica/v3 Pending being removed',
      'snapshot/s1 Pending being taken',
      'snapshot/s2 Pending being taken',
    ])
    expect(madeBy(plan(desired, view, abilities))).toEqual([
      { kind: 'Replica', uid: 'v1', poolUid: 'p1' },
      { kind: 'Replica', uid: 'v2', poolUid: 'p1' },
      { kind: 'Snapshot', uid: 's1', poolUid: 'p1' },
    ])
  })

  it('starts removals, then pools, then what exists, then what is new, then snapshots', () => {
    const desired = document({
      pools: [desiredPool('p1'), desiredPool('p2')],
      replicas: [
        desiredReplica('new'),
        desiredReplica('old', { intent: 'Absent' }),
        desiredReplica('v1', { provisioned: true }),
        desiredReplica('detached', { provisioned: true }),
      ],
      snapshots: [desiredSnapshot('s1'), desiredSnapshot('s2', { intent: 'Absent' })],
    })
    const view = host({
      p1: listed({
        volumes: [volume('old'), volume('v1'), volume('detached', { ready: false })],
        snapshots: [snapshot('s2')],
      }),
      p2: fresh,
    })
    const steps = stepsOf(plan(desired, view, abilities, new Set(['p1', 'p2'])))
    expect(steps.map(({ item }) => item)).toEqual([
      'snapshot/s2',
      'replica/old',
      'pool/p2',
      'replica/detached',
      'replica/new',
      'snapshot/s1',
      'reclaim/p1',
    ])
  })

  it('lets only an empty pool be forgotten as lost', () => {
    const lost = (desired: DesiredState) =>
      stepsOf(plan(desired, host({ p1: vanished }), abilities)).map((step) =>
        step.type === 'RemovePool' ? step.lost : step.type,
      )
    const leaving = [desiredPool('p1', { intent: 'Absent' })]
    expect(lost(document({ pools: leaving }))).toEqual([true])
    expect(lost(document({ pools: leaving, replicas: [desiredReplica('v1')] }))).toEqual([false])
    expect(lost(document({ pools: leaving, snapshots: [desiredSnapshot('s1')] }))).toEqual([false])
  })

  it('tells the driver that what was seen must not be made anew', () => {
    const desired = document({ replicas: [desiredReplica('v1'), desiredReplica('v2')] })
    const view = host({ p1: listed({ volumes: [volume('v1', { ready: false })] }) })
    const provisioned = stepsOf(plan(desired, view, abilities)).map((step) =>
      step.type === 'EnsureReplica' ? [step.volume.uid, step.volume.provisioned] : [],
    )
    expect(provisioned).toEqual([
      ['v1', true],
      ['v2', false],
    ])
  })

  it('serves replicated volumes where replication is simulated', () => {
    const desired = document({ replicas: [desiredReplica('v1', { drbdNodeId: 0 })] })
    const can = { ...abilities, replication: true }
    expect(show(desired, host({ p1: listed() }), can)[0]).toContain('EnsureReplica replica/v1')
  })
})
