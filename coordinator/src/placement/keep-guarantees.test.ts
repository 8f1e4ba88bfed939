import type { GuaranteeMode } from '@keelson/shared/model'
import { describe, expect, it } from 'vitest'
import { createScene, machineDemand, type Scene, volumeDemand } from './fixture.ts'
import { placeMachine, placeVolume } from './place.ts'
import { placeMachineOn } from './place-again.ts'
import { planStandbys } from './standbys.ts'

const RACK = 'topology.kubernetes.io/rack'
const FEED = 'power/feed'

/** Hosts in racks a, b, c; the feeds cut across them. */
function createCluster(hosts: readonly (readonly [name: string, rack: string, feed: string])[]) {
  const scene = createScene()
  for (const [name, rack, feed] of hosts)
    scene.host(name, rack, { labels: { [RACK]: rack, [FEED]: feed } })
  return scene
}

function guarantee(scene: Scene, labels: Readonly<Record<string, GuaranteeMode>>): void {
  const guarantees = Object.entries(labels).map(([failureDomain, mode]) => ({
    ...{ failureDomain, losses: 1, mode },
  }))
  scene.policy({ guarantees })
}

const SUBJECT = { name: 'new', uid: 'new' }
const BRIEF = { explain: false }

describe('guarantees about labels that cut across each other', () => {
  const four = [
    ['n1', 'a', '1'],
    ['n2', 'b', '1'],
    ['n3', 'a', '2'],
    ['n4', 'b', '2'],
  ] as const

  it('put a standby into another domain of each', () => {
    const scene = createCluster(four)
    guarantee(scene, { [RACK]: 'Enforce', [FEED]: 'Enforce', '': 'Enforce' })
    const opposite: Record<string, string> = { n1: 'n4', n2: 'n3', n3: 'n2', n4: 'n1' }
    for (const { meta } of scene.state.nodes.values()) {
      const demand = machineDemand({ rules: { nodes: [meta.name, opposite[meta.name]!] } })
      const { node, standbyNode } = placeMachine(scene.state, SUBJECT, demand, [], BRIEF)
      expect(standbyNode).toBe(opposite[node])
      const on = placeMachineOn(scene.state, SUBJECT, machineDemand(), meta.name, BRIEF)
      expect(on.standbyNode).toBe(opposite[meta.name])
    }
    scene.machine('old', 'n1')
    expect(planStandbys(scene.state)).toEqual([{ machine: 'old', standbyNode: 'n4' }])
  })

  it('refuse, with the reason, where no host is outside all of them', () => {
    const scene = createCluster(four.slice(0, 3))
    guarantee(scene, { [RACK]: 'Enforce', [FEED]: 'Enforce' })
    const demand = machineDemand({ rules: { nodes: ['n1', 'n3'] } })
    const { node, report } = placeMachine(scene.state, SUBJECT, demand, [], BRIEF)
    expect(node).toBe('')
    expect(report.summary).toMatch(
      /a guarantee forbids n\d: n\d, which keeps room for it, is lost together with rack=a$/,
    )
  })
})

describe('a guarantee about replicas', () => {
  const three = [
    ['n1', 'a', '1'],
    ['n2', 'a', '1'],
    ['n3', 'b', '1'],
  ] as const
  const place = (scene: Scene, replicas: number, nodes: readonly string[] = []) =>
    placeVolume(scene.state, SUBJECT, volumeDemand({ replicas, rules: { nodes } }), BRIEF)

  const cases: [mode: GuaranteeMode, replicas: number, nodes: string[], placed: boolean][] = [
    ['Enforce', 1, ['n1'], true],
    ['Enforce', 2, [], true],
    ['Enforce', 2, ['n1', 'n2'], false],
    ['Enforce', 3, [], false],
    ['Warn', 2, ['n1', 'n2'], true],
    ['Warn', 3, [], true],
    ['Off', 3, [], true],
  ]
  it.each(cases)('%s, %i replicas on %j: %s', (mode, replicas, nodes, placed) => {
    const scene = createCluster(three)
    guarantee(scene, { [RACK]: mode })
    const { places, report } = place(scene, replicas, nodes)
    expect(places).toHaveLength(placed ? replicas : 0)
    expect(report.summary.includes('an enforced guarantee allows at most 1 of')).toBe(!placed)
  })

  it('wants a label of hosts of which nobody knows the domain', () => {
    const scene = createCluster(three.slice(0, 2))
    scene.host('n4', '')
    guarantee(scene, { [RACK]: 'Enforce' })
    const { report } = place(scene, 2)
    expect(report.placeable).toBe(false)
    expect(report.suggestedFix).toBe(`keelson node label n4 ${RACK}=…`)
  })
})
