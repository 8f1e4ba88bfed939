import { RACK_LABEL, type Replica, type VolumeDemand } from '@keelson/shared/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { VolumePlacement } from './contract.ts'
import {
  createScene,
  type HostChanges,
  machineDemand,
  type Scene,
  volumeDemand,
} from './fixture.ts'
import { verifyLoss } from './guarantee/index.ts'
import { explainVolume, placedRules, placeMachine, placeTieBreaker, placeVolume } from './index.ts'
import { fleetView } from './view/index.ts'

/** Hosts written "a1:a b1:b x": each in its rack. */
function sceneOf(hosts: string, changes: Readonly<Record<string, HostChanges>> = {}): Scene {
  const scene = createScene()
  for (const [name = '', rack = ''] of hosts.split(' ').map((word) => word.split(':')))
    scene.host(name, rack, changes[name])
  return scene
}

type Demand = Parameters<typeof volumeDemand>[0]

function place({ state }: Scene, demand: Demand = {}, seed = 1): VolumePlacement {
  const subject = { name: 'data', uid: `uid ${seed}` }
  return placeVolume(state, subject, volumeDemand({ replicas: 2, ...demand }), { explain: false })
}

const ALL = 'a1:a a2:a b1:b b2:b c1:c'
/** Two replicas, on a1 and b1. */
const ON_TWO: Demand = { rules: { nodes: ['a1', 'b1', 'c1'] } }
const full = (name: string): HostChanges => ({ labels: { full: name } })

describe('the host of a tie-breaker', () => {
  const cases: [
    name: string,
    hosts: string,
    copies: string,
    tieBreaker: string,
    demand: Demand,
    changes?: Readonly<Record<string, HostChanges>>,
  ][] = [
    ['has a rack of its own', ALL, 'a1 b1', 'c1', {}],
    ['is in the rack of the fewest', 'a1:a a2:a b1:b b2:b b3:b', 'a1 b1 b2 b3', 'a2', {}],
    ['comes from a known rack rather than an unknown', 'a1:a b1:b x1 c1:c', 'a1 b1', 'c1', {}],
    ['comes from an unknown rack rather than a shared', 'a1:a a2:a b1:b x1', 'a1 b1', 'x1', {}],
    ['is another one if there is no rack at all', 'x1 x2 x3', 'x1 x2', 'x3', {}],
    ['is not offline', ALL, 'a1 b1', 'a2 b2', {}, { c1: { status: { phase: 'Offline' } } }],
    ['is not cordoned', ALL, 'a1 b1', 'a2 b2', {}, { c1: { spec: { schedulable: false } } }],
    ['can replicate', ALL, 'a1 b1', 'a2 b2', {}, { c1: { status: { capabilities: ['kvm'] } } }],
    ['is none that is excluded', ALL, 'a1 b1', 'a2 b2', { rules: { excludedNodes: ['c1'] } }],
    ['is one of those selected', ALL, 'a1 b1', 'b2', { rules: { nodes: ['a1', 'b1', 'b2'] } }],
    [
      'matches the selector',
      ALL,
      'a1 b1',
      'a2',
      { rules: { nodeSelector: 'full' } },
      { a2: full('y') },
    ],
    [
      'has no taint that is not tolerated',
      ALL,
      'a1 b1',
      'a2 b2',
      {},
      { c1: { spec: { taints: [{ key: 'k', value: '', effect: 'NoSchedule' }] } } },
    ],
    [
      'would rather not be one that asks to be left alone',
      'a1:a b1:b c1:c d1:d',
      'a1 b1',
      'd1',
      {},
      { c1: { spec: { taints: [{ key: 'k', value: '', effect: 'PreferNoSchedule' }] } } },
    ],
    ['is none beside an odd number', ALL, 'a1 b1 c1', '', { replicas: 3 }],
    ['is none beside one', ALL, 'a1', '', { replicas: 1 }],
    ['is none if none is wanted', ALL, 'a1 b1', '', { tieBreakerMode: 'Never' }],
    ['is none if no host is left', 'a1:a b1:b', 'a1 b1', '', {}],
  ]
  it.each(cases)('%s', (_name, hosts, copies, wanted, demand, changes) => {
    const scene = sceneOf(hosts, changes)
    const nodes = copies.split(' ')
    const asked = volumeDemand({ replicas: nodes.length, ...demand })
    for (let seed = 0; seed < 32; seed++) {
      const node = placeTieBreaker(scene.state, { uid: `uid ${seed}` }, asked, nodes)
      expect(wanted.split(' ')).toContain(node)
    }
  })

  it('is with replicas that have to be together: away from them it could only be lost besides', () => {
    const scene = sceneOf('a1:a a2:a a3:a b1:b')
    scene.storageClass('same', { failureDomainMode: 'Same' })
    const demand = volumeDemand({ replicas: 2, storageClass: 'same' })
    expect(placeTieBreaker(scene.state, { uid: 'u' }, demand, ['a1', 'a2'])).toBe('a3')
  })

  it('keeps to the domains of the class and of the volume itself', () => {
    const zone = (name: string) => ({ labels: { zone: name } })
    const scene = sceneOf('a1:a b1:b c1:c d1:d', {
      ...{ a1: zone('x'), b1: zone('y'), c1: zone('x'), d1: zone('z') },
    })
    const replicaRules: VolumeDemand['replicaRules'] = [
      { failureDomain: 'zone', mode: 'Different', maximumPerDomain: 1 },
    ]
    const demand = volumeDemand({ replicas: 2, replicaRules })
    expect(placeTieBreaker(scene.state, { uid: 'u' }, demand, ['a1', 'b1'])).toBe('d1')
  })

  it('is the one with the fewest volumes, and by seed one of equals', () => {
    const scene = sceneOf('a1:a b1:b c1:c d1:d e1:e')
    const among = () => {
      const demand = volumeDemand({ replicas: 2 })
      const some = Array.from({ length: 60 }, (_, seed) =>
        placeTieBreaker(scene.state, { uid: `uid ${seed}` }, demand, ['a1', 'b1']),
      )
      return [...new Set(some)].sort().join(' ')
    }
    expect(among()).toBe('c1 d1 e1')
    scene.volume('v1', 1, ['c1'])
    expect(among()).toBe('d1 e1')
  })

  it('counts those that are chosen with it', () => {
    const { state } = sceneOf('a1:a b1:b c1:c d1:d e1:e')
    const newVolumes = Array.from({ length: 3 }, () =>
      volumeDemand({ replicas: 2, rules: { nodes: ['a1', 'b1', 'c1', 'd1', 'e1'] } }),
    )
    const names = newVolumes.map((_, index) => `data${index}`)
    const subject = { name: 'vm', uid: 'vm' }
    const demand = machineDemand({ newVolumes })
    const { tieBreakers, volumes } = placeMachine(state, subject, demand, names, {
      explain: false,
    })
    expect(tieBreakers).toHaveLength(3)
    for (const [index, node] of tieBreakers.entries())
      expect(volumes[index]!.map((one) => one.node)).not.toContain(node)
    expect(new Set(tieBreakers).size).toBeGreaterThan(1)
  })

  it('is none where it would break a guarantee that two replicas alone keep', () => {
    const scene = sceneOf('a1:a a2:a b1:b b2:b')
    expect(place(scene).tieBreaker).not.toBe('')
    scene.policy({ guarantees: [{ failureDomain: RACK_LABEL, losses: 1, mode: 'Enforce' }] })
    expect(place(scene).tieBreaker).toBe('')
    expect(place(scene, { replicas: 4 }).tieBreaker, 'no host is left').toBe('')
    scene.host('c1', 'c')
    expect(place(scene, { rules: { nodes: ['a1', 'b1', 'a2', 'c1'] } }).tieBreaker).not.toBe('')
  })
})

describe('the report', () => {
  const tight: Demand = { rules: { nodes: ['a1', 'a2', 'b1'] } }
  const cases: [name: string, demand: Demand, remark: RegExp][] = [
    ['names the tie-breaker', ON_TWO, /; tie-breaker on (a1|b1|c1)$/],
    [
      'says what it cannot help',
      tight,
      /on a\d, though the loss of rack a would take the majority$/,
    ],
    [
      'says that there is none',
      { rules: { nodes: ['a1', 'b1'] } },
      /; no tie-breaker: no other node can hold one$/,
    ],
    ['says nothing if none is wanted', { tieBreakerMode: 'Never' }, /^2 × 10 GiB on \S+, \S+$/],
  ]
  it.each(cases)('%s', (_name, demand, remark) => {
    const scene = sceneOf(ALL)
    expect(place(scene, demand).report.summary).toMatch(remark)
    const explained = { demand: volumeDemand({ replicas: 2, ...demand }) }
    const { report } = explainVolume(scene.state, explained, { whyNotNode: '', full: false })
    expect(report.summary).toMatch(remark)
  })

  it('of a machine says it of each new volume', () => {
    const { state } = sceneOf(ALL)
    const newVolumes = [volumeDemand({ replicas: 2 }), volumeDemand()]
    const subject = { name: 'vm', uid: 'vm' }
    const demand = machineDemand({ newVolumes })
    const { report } = placeMachine(state, subject, demand, ['d0', 'd1'], { explain: false })
    expect(report.parts!.map(({ summary }) => summary.includes('tie-breaker'))).toEqual([
      true,
      false,
    ])
  })
})

/** Puts a volume where placement says. */
function make(scene: Scene, { places, tieBreaker }: VolumePlacement): void {
  scene.volume(
    'data',
    10,
    places.map(({ node }) => node),
  )
  const volume = scene.state.volumes.get('data')!
  const [copy] = volume.status.replicas
  const witness: Replica = { ...copy!, node: tieBreaker, pool: '', role: 'TieBreaker' }
  const replicas = [...volume.status.replicas, ...(tieBreaker === '' ? [] : [witness])]
  const value = { ...volume, status: { ...volume.status, replicas } }
  scene.write({ kind: 'volume', id: 'data', value })
}

describe('a volume with a tie-breaker', () => {
  it('survives the loss of any rack where there is a rack more than replicas', () => {
    const racks = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 3, maxLength: 6 })
    fc.assert(
      fc.property(racks, fc.constantFrom(2, 4), fc.nat(99), (sizes, replicas, seed) => {
        fc.pre(sizes.length > replicas)
        const hosts = sizes.flatMap((size, rack) =>
          Array.from({ length: size }, (_, index) => `h${rack}${index}:r${rack}`),
        )
        const scene = sceneOf(hosts.join(' '))
        const placement = place(scene, { replicas }, seed)
        expect(placement.tieBreaker).not.toBe('')
        make(scene, placement)
        const view = fleetView(scene.state)
        for (const label of [RACK_LABEL, ''])
          for (const { breaks } of verifyLoss(view.fleet, placedRules(view), label).checks)
            expect(breaks).toEqual([])
      }),
      { numRuns: 60, seed: 7 },
    )
  })

  it('does not survive the loss of a rack that has half of it and the tie-breaker', () => {
    const scene = sceneOf('a1:a a2:a b1:b')
    make(scene, place(scene))
    const view = fleetView(scene.state)
    const { checks } = verifyLoss(view.fleet, placedRules(view), RACK_LABEL)
    expect(checks.map(({ breaks }) => breaks.length)).toEqual([1, 0])
  })
})
