import { type AffinityRule, type GroupRule, RACK_LABEL } from '@keelson/shared/model'
import { describe, expect, it } from 'vitest'
import { createScene, GIB, type Scene, volumeDemand } from '../fixture.ts'
import { placeVolume } from '../place.ts'

/** Hosts a1, a2 in rack a, b1 in rack b, x1 in none. */
function fourHosts(): Scene {
  const scene = createScene()
  for (const [name, rack] of [
    ['a1', 'a'],
    ['a2', 'a'],
    ['b1', 'b'],
    ['x1', ''],
  ] as const)
    scene.host(name, rack)
  return scene
}

const subject = { name: 'new', uid: 'new' }

/** What each host's pool "p" is told: "" if it passes. */
function verdicts(scene: Scene, demand = volumeDemand()): Record<string, string> {
  const { report } = placeVolume(scene.state, subject, demand, { explain: true, full: true })
  const own = report.nodes.filter(({ pool }) => pool === 'p')
  return Object.fromEntries(
    own.map(({ node, reason, rejectedBy }) => [
      node,
      rejectedBy === '' ? '' : `${rejectedBy}: ${reason}`,
    ]),
  )
}

const apart = (changes: Partial<AffinityRule> = {}): AffinityRule => ({
  target: 'Volume',
  names: ['db'],
  labelSelector: '',
  relation: 'Apart',
  failureDomain: RACK_LABEL,
  strength: 'Required',
  weight: 1,
  ...changes,
})

const group = (changes: Partial<GroupRule> = {}): GroupRule => ({
  name: 'web',
  relation: 'Apart',
  failureDomain: RACK_LABEL,
  strength: 'Required',
  maximumPerDomain: 1,
  ...changes,
})

type Case = readonly [
  name: string,
  prepare: (scene: Scene) => void,
  demand: ReturnType<typeof volumeDemand>,
  rejected: Readonly<Record<string, string>>,
]

const taint = (effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute') => ({
  spec: { taints: [{ key: 'gpu', value: 'yes', effect }] },
})

const nothing = () => undefined

const cases: readonly Case[] = [
  ['nothing asked for', nothing, volumeDemand(), {}],
  [
    'hosts by name',
    nothing,
    volumeDemand({ rules: { nodes: ['a1', 'b1'] } }),
    {
      a2: 'selected-node: only a1, b1 may be used',
      x1: 'selected-node: only a1, b1 may be used',
    },
  ],
  [
    'hosts left out',
    nothing,
    volumeDemand({ rules: { excludedNodes: ['a1'] } }),
    { a1: 'excluded-node: node is excluded by the demand' },
  ],
  [
    'hosts by label',
    nothing,
    volumeDemand({ rules: { nodeSelector: `${RACK_LABEL}=b` } }),
    Object.fromEntries(
      ['a1', 'a2', 'x1'].map((node) => [
        node,
        `node-labels: node labels do not match "${RACK_LABEL}=b"`,
      ]),
    ),
  ],
  [
    'taints',
    (scene) => {
      scene.host('a1', 'a', taint('NoSchedule'))
      scene.host('a2', 'a', taint('NoExecute'))
      scene.host('b1', 'b', taint('PreferNoSchedule'))
    },
    volumeDemand(),
    {
      a1: 'taint: taint gpu=yes:NoSchedule is not tolerated',
      a2: 'taint: taint gpu=yes:NoExecute is not tolerated',
    },
  ],
  [
    'taints that are put up with',
    (scene) => {
      scene.host('a1', 'a', taint('NoSchedule'))
      scene.host('a2', 'a', taint('NoExecute'))
    },
    volumeDemand({ rules: { tolerations: [{ key: 'gpu', effect: 'NoSchedule' }] } }),
    { a2: 'taint: taint gpu=yes:NoExecute is not tolerated' },
  ],
  [
    'hosts that are not there',
    (scene) => {
      scene.host('a1', 'a', { status: { phase: 'Offline' } })
      scene.host('a2', 'a', { spec: { schedulable: false } })
    },
    volumeDemand(),
    {
      a1: 'node-online: node is Offline',
      a2: 'node-schedulable: node is not schedulable (cordoned)',
    },
  ],
  [
    'hosts that cannot replicate',
    (scene) => scene.host('a1', 'a', { status: { capabilities: [] } }),
    volumeDemand({ replicas: 2 }),
    { a1: 'replication: node cannot replicate (no DRBD), and 2 replicas are wanted' },
  ],
  [
    'a replica rule over a label',
    nothing,
    volumeDemand({
      replicas: 2,
      replicaRules: [{ failureDomain: RACK_LABEL, mode: 'Different', maximumPerDomain: 1 }],
    }),
    { x1: `failure-domain: node has no label ${RACK_LABEL}` },
  ],
  [
    'room',
    (scene) => scene.volume('db', 95, ['a1']),
    volumeDemand(),
    { a1: 'space: needs 10 GiB, 5 GiB can be promised' },
  ],
  [
    'a floor that the policy sets',
    (scene) => {
      scene.policy({ minFreeDataPercent: 40 })
      scene.pool('a1', 'p', 100)
      const pool = scene.state.pools.get('a1/p')!
      const status = { ...pool.status, freeBytes: 30 * GIB }
      scene.write({ kind: 'pool', id: 'a1/p', value: { ...pool, status } })
    },
    volumeDemand(),
    { a1: 'data-floor: 30 GiB of 100 GiB really free, floor is 40 %' },
  ],
  [
    'apart from a volume, by rack',
    (scene) => scene.volume('db', 1, ['a1']),
    volumeDemand({ rules: { affinities: [apart()] } }),
    {
      a1: 'affinity: must be apart from volume/db, which is on rack=a',
      a2: 'affinity: must be apart from volume/db, which is on rack=a',
      x1: `affinity: node has no label ${RACK_LABEL}, which a rule to be apart needs`,
    },
  ],
  [
    'apart from what does not exist',
    nothing,
    volumeDemand({ rules: { affinities: [apart()] } }),
    {},
  ],
  [
    'together with a machine, on its host',
    (scene) => scene.machine('web', 'b1'),
    volumeDemand({
      rules: {
        affinities: [
          apart({
            target: 'VirtualMachine',
            names: ['web'],
            relation: 'Together',
            failureDomain: '',
          }),
        ],
      },
    }),
    Object.fromEntries(
      ['a1', 'a2', 'x1'].map((node) => [
        node,
        'affinity: must be together with vm/web, which is on b1',
      ]),
    ),
  ],
  [
    'a volume that wants to be apart from it',
    (scene) =>
      scene.volume('db', 1, ['b1'], {
        affinities: [apart({ names: ['new'], failureDomain: '' })],
      }),
    volumeDemand(),
    { b1: 'affinity: volume/db on b1 must be apart from it' },
  ],
  [
    'apart from a tenant',
    (scene) => scene.volume('db', 1, ['b1'], { tenant: 'blue' }),
    volumeDemand({
      tenant: 'red',
      rules: { affinities: [apart({ target: 'Tenant', names: ['blue'], failureDomain: '' })] },
    }),
    { b1: 'affinity: must be apart from volume/db, which is on b1' },
  ],
  [
    'a preference, which rejects nobody',
    (scene) => scene.volume('db', 1, ['a1']),
    volumeDemand({ rules: { affinities: [apart({ strength: 'Preferred' })] } }),
    {},
  ],
  [
    'a spread group',
    (scene) => scene.volume('db', 1, ['a1'], { groups: [group()] }),
    volumeDemand({ rules: { groups: [group()] } }),
    {
      a1: 'group: rack=a has 1 of group "web", at most 1 may be there',
      a2: 'group: rack=a has 1 of group "web", at most 1 may be there',
      x1: `group: node has no label ${RACK_LABEL}, which group "web" needs`,
    },
  ],
  [
    'a spread group with room for more in a domain',
    (scene) => scene.volume('db', 1, ['a1'], { groups: [group({ maximumPerDomain: 2 })] }),
    volumeDemand({ rules: { groups: [group({ maximumPerDomain: 2 })] } }),
    { x1: `group: node has no label ${RACK_LABEL}, which group "web" needs` },
  ],
  [
    'a packed group',
    (scene) =>
      scene.volume('db', 1, ['b1'], {
        groups: [group({ relation: 'Together', failureDomain: '' })],
      }),
    volumeDemand({ rules: { groups: [group({ relation: 'Together', failureDomain: '' })] } }),
    Object.fromEntries(
      ['a1', 'a2', 'x1'].map((node) => [
        node,
        `group: group "web" is together, and no member is on ${node}`,
      ]),
    ),
  ],
  [
    'a group of the same name of another tenant',
    (scene) => scene.volume('db', 1, ['a1'], { tenant: 'blue', groups: [group()] }),
    volumeDemand({ rules: { groups: [group({ failureDomain: '' })] } }),
    {},
  ],
]

describe('a volume', () => {
  it.each(cases)('%s', (_name, prepare, demand, rejected) => {
    const scene = fourHosts()
    prepare(scene)
    expect(verdicts(scene, demand)).toEqual({ a1: '', a2: '', b1: '', x1: '', ...rejected })
  })

  it('goes where preferred rules are kept, if there is room', () => {
    const scene = fourHosts()
    for (const node of ['a1', 'a2', 'x1']) scene.host(node, 'a', taint('PreferNoSchedule'))
    scene.volume('db', 50, ['b1'])
    const { places, report } = placeVolume(scene.state, subject, volumeDemand(), { explain: true })
    expect(places.map(({ node }) => node)).toEqual(['b1'])
    const parts = report.nodes.map(({ node, scores }) => [
      node,
      scores.find(({ name }) => name === 'preference')?.value,
    ])
    expect(Object.fromEntries(parts)).toEqual({ a1: 0, a2: 0, b1: 1, x1: 0 })
  })

  it('shares one domain over all hosts without a label, with a warning, if the policy says so', () => {
    const scene = fourHosts()
    scene.host('x2', '')
    scene.policy({ missingLabelAction: 'Warn' })
    const rule = { failureDomain: RACK_LABEL, mode: 'Different' as const, maximumPerDomain: 1 }
    const place = (replicas: number) =>
      placeVolume(scene.state, subject, volumeDemand({ replicas, replicaRules: [rule] }), {
        explain: false,
      })
    const { places, report } = place(3)
    expect(places.length).toBe(3)
    expect(places.filter(({ node }) => node.startsWith('x')).length).toBe(1)
    expect(report.summary).toContain(`2 nodes without label ${RACK_LABEL} count as one rack`)
    expect(place(4).report.summary).toContain('4 replicas need 4 racks, 3 exist')
  })

  it('puts at most so many replicas into a domain as its rule says', () => {
    const scene = fourHosts()
    const rule = { failureDomain: RACK_LABEL, mode: 'Different' as const, maximumPerDomain: 2 }
    const demand = volumeDemand({ replicas: 3, replicaRules: [rule] })
    const { places } = placeVolume(scene.state, subject, demand, { explain: false })
    expect(places.map(({ node }) => node).sort()).toEqual(['a1', 'a2', 'b1'])
  })

  it('is refused in a group whose members state another rule, naming both', () => {
    const scene = fourHosts()
    scene.volume('db', 1, ['a1'], { groups: [group()] })
    const demand = volumeDemand({ rules: { groups: [group({ maximumPerDomain: 2 })] } })
    expect(() => placeVolume(scene.state, subject, demand, { explain: false })).toThrow(
      expect.objectContaining({
        code: 'FAILED_PRECONDITION',
        message:
          'volume/new and volume/db state different rules for group "web": maximumPerDomain is 2 and 1',
      }),
    )
  })
})

describe('a contradiction is named', () => {
  const both = { nodes: ['a1'], excludedNodes: ['a1'] }
  const contradictions: readonly [string, ReturnType<typeof volumeDemand>, string][] = [
    [
      'required and excluded',
      volumeDemand({ rules: both }),
      'node a1 is both required and excluded',
    ],
    [
      'a group without room',
      volumeDemand({ rules: { groups: [group({ maximumPerDomain: 0 })] } }),
      'group "web" allows 0 members in a domain',
    ],
    [
      'together and apart',
      volumeDemand({ rules: { affinities: [apart(), apart({ relation: 'Together' })] } }),
      'it must be on the same rack as db, and on another one',
    ],
    [
      'more domains than there are',
      volumeDemand({
        replicas: 3,
        replicaRules: [{ failureDomain: RACK_LABEL, mode: 'Different', maximumPerDomain: 1 }],
      }),
      '3 replicas need 3 racks, 2 exist',
    ],
    [
      'one domain that is too small',
      volumeDemand({
        replicas: 3,
        replicaRules: [{ failureDomain: RACK_LABEL, mode: 'Same', maximumPerDomain: 1 }],
      }),
      '3 replicas in one rack need 3 nodes there, the largest has 2',
    ],
    [
      'more replicas than hosts',
      volumeDemand({ replicas: 5 }),
      '5 replicas need 5 nodes with pools, there are 4',
    ],
    [
      'larger than any pool',
      volumeDemand({ sizeBytes: 150 * GIB }),
      '150 GiB is more than the largest pool can promise, a1/p with 100 GiB; all pools together have 400 GiB, but a replica lies in one',
    ],
  ]
  it.each(contradictions)('%s', (_name, demand, sentence) => {
    const { places, report } = placeVolume(fourHosts().state, subject, demand, { explain: false })
    expect(places).toEqual([])
    expect(report.summary).toContain(sentence)
  })
})
