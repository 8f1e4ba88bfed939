/** Clusters at the edges: nothing there, nothing usable, and less there than was promised. */
import { RACK_LABEL } from '@keelson/shared/model'
import { describe, expect, it } from 'vitest'
import { createScene, GIB, machineDemand, type Scene, volumeDemand } from './fixture.ts'
import {
  checkGuarantee,
  createFlavorCounter,
  fleetView,
  placedRules,
  placeMachine,
  placeMachines,
  placeVolume,
  planMoves,
  playSteps,
  worldOfView,
} from './index.ts'

const BRIEF = { explain: false }
const SUBJECT = { name: 'new', uid: 'uid of new' }

/** Three hosts in three racks. */
function three(change: (scene: Scene) => void = () => undefined): Scene {
  const scene = createScene()
  for (const [index, name] of ['n0', 'n1', 'n2'].entries()) scene.host(name, `r${index}`)
  change(scene)
  return scene
}

const place = ({ state }: Scene, demand = volumeDemand()) =>
  placeVolume(state, SUBJECT, demand, BRIEF)
const run = ({ state }: Scene, demand = machineDemand()) =>
  placeMachine(state, SUBJECT, demand, [], BRIEF)

const flavors = [
  { name: 'vm', demand: { type: 'VirtualMachine' as const, virtualMachine: machineDemand() } },
  { name: 'volume', demand: { type: 'Volume' as const, volume: volumeDemand({ replicas: 2 }) } },
]
const counts = ({ state }: Scene) =>
  flavors.map(
    createFlavorCounter(fleetView(state), { failureDomain: RACK_LABEL, labelSelector: '' }),
  )

const plan = ({ state }: Scene) =>
  planMoves(state, {
    ...{ objective: 'Spread', budgetBytes: 0, maximumMoves: 10, labelSelector: '', seed: 1 },
  })

function verify({ state }: Scene) {
  const view = fleetView(state)
  const guarantee = { failureDomain: '', losses: 1, mode: 'Enforce' as const }
  return checkGuarantee(view.fleet, placedRules(view), guarantee)
}

describe('a cluster that has no place for anything says so in every answer', () => {
  const offline = { status: { phase: 'Offline' as const } }
  const cordoned = { spec: { schedulable: false } }
  it('without hosts', () => {
    const scene = createScene()
    expect(place(scene)).toMatchObject({ places: [], report: { placeable: false } })
    expect(place(scene).report.summary).toMatch(/./)
    expect(run(scene)).toMatchObject({ node: '', report: { placeable: false } })
    expect(counts(scene).map(({ now }) => [now.count, now.upperBound])).toEqual([
      [0, 0],
      [0, 0],
    ])
    expect(plan(scene).moves).toEqual([])
    expect(verify(scene)).toEqual([])
  })

  it.each([
    ['cordoned', cordoned, 'cordoned'],
    ['offline', offline, 'Offline'],
  ])('all hosts %s', (_what, change, word) => {
    const scene = three((s) => {
      for (const [index, name] of ['n0', 'n1', 'n2'].entries()) s.host(name, `r${index}`, change)
    })
    expect(place(scene).report.groups![0]!.example).toContain(word)
    expect(run(scene).report.groups![0]!.example).toContain(word)
    expect(counts(scene).map(({ now }) => now.count)).toEqual([0, 0])
    expect(plan(scene).moves).toEqual([])
  })
})

describe('a pool that shrinks below what it has promised', () => {
  /** n0 has promised 80 GiB; 10 GiB are left of it. */
  const shrunk = () =>
    three((scene) => {
      for (let index = 0; index < 4; index++) scene.volume(`v${index}`, 20, ['n0', 'n1'])
      fleetView(scene.state)
      scene.pool('n0', 'p', 10)
    })

  it('gets nothing more, not even what takes nothing to speak of', () => {
    const scene = shrunk()
    const { places } = place(scene, volumeDemand({ sizeBytes: 2 ** 20, replicas: 2 }))
    expect(places.map(({ node }) => node).sort()).toEqual(['n1', 'n2'])
    const { report } = place(scene, volumeDemand({ sizeBytes: 2 ** 20, replicas: 3 }))
    expect(report.placeable).toBe(false)
    expect(report.closestMiss).not.toMatch(/-\d/)
    expect(JSON.stringify(report)).not.toMatch(/NaN|-\d+(\.\d+)? [KMGT]?iB/)
  })

  it('is counted as full, verified and moved away from', () => {
    const scene = shrunk()
    const [, volume] = counts(scene)
    // Two replicas on n1, which has 20 GiB left, and on n2, which has 100.
    expect(volume!.now).toMatchObject({ count: 2, upperBound: 2 })
    expect(verify(scene).every(({ holds }) => holds)).toBe(true)
    const { moves } = plan(scene)
    expect(moves.every(({ toNode }) => toNode !== 'n0')).toBe(true)
    const steps = [{ type: 'DrainNode' as const, node: 'n0' }]
    const [result] = playSteps(worldOfView(fleetView(scene.state)), steps)
    expect(result!.moves.map(({ toNode }) => toNode)).toEqual(['n2', 'n2', 'n2', 'n2'])
  })
})

describe('a host whose memory shrinks below what it has given away', () => {
  const shrunk = () =>
    three((scene) => {
      for (let index = 0; index < 4; index++)
        scene.machine(`m${index}`, 'n0', { memoryBytes: 10 * GIB })
      fleetView(scene.state)
      const capacity = { cpuMillis: 16_000, memoryBytes: 16 * GIB, storageBytes: 0 }
      scene.host('n0', 'r0', { status: { capacity } })
    })

  it('gets no machine, and the rest of the cluster goes on', () => {
    const scene = shrunk()
    expect(run(scene).node).not.toBe('n0')
    const only = machineDemand({ rules: { nodes: ['n0'] }, compute: { memoryBytes: 2 ** 20 } })
    const { report } = run(scene, only)
    expect(report.placeable).toBe(false)
    expect(JSON.stringify(report)).not.toMatch(/NaN|-\d+(\.\d+)? [KMGT]?iB/)
    const others = createScene()
    for (const name of ['n1', 'n2']) others.host(name, 'r1')
    expect(counts(scene)[0]!.now.count).toBe(counts(others)[0]!.now.count)
    expect(verify(scene).length).toBe(3)
    expect(plan(scene).moves.every(({ toNode }) => toNode !== 'n0')).toBe(true)
  })
})

describe('rules between a machine and the volumes made with it', () => {
  const rule = {
    ...{ target: 'Volume' as const, labelSelector: '', failureDomain: '' },
    ...{ strength: 'Required' as const, weight: 1 },
  }
  const withVolumes = (relation: 'Apart' | 'Together', locality: 'Required' | 'Ignored') =>
    machineDemand({
      newVolumes: [
        volumeDemand(),
        volumeDemand({ rules: { affinities: [{ ...rule, names: ['a'], relation }] } }),
      ],
      volumeLocality: locality,
    })
  const make = (demand: ReturnType<typeof withVolumes>) =>
    placeMachine(three().state, SUBJECT, demand, ['a', 'b'], BRIEF)

  it('are kept where that is possible', () => {
    const together = make(withVolumes('Together', 'Required'))
    expect(together.volumes[0]![0]!.node).toBe(together.volumes[1]![0]!.node)
  })

  it('refuse what cannot keep them, and say which', () => {
    const { node, report } = make(withVolumes('Apart', 'Required'))
    expect(node).toBe('')
    expect(report.summary).toContain('volume/a')
  })
})

describe('many at once', () => {
  const wanted = (name: string, demand = machineDemand()) => ({
    subject: { name, uid: name },
    demand,
    newVolumes: [],
  })

  it('256 that are impossible are all refused, with words', () => {
    const impossible = machineDemand({ compute: { memoryBytes: 2 ** 46 } })
    const all = Array.from({ length: 256 }, (_, index) => wanted(`m${index}`, impossible))
    for (const { node, report } of placeMachines(three().state, all)) {
      expect(node).toBe('')
      expect(report.summary).toMatch(/./)
    }
  })

  it('256 of one name get no more than there is', () => {
    const all = Array.from({ length: 256 }, () => wanted('same'))
    const placed = placeMachines(three().state, all).filter(({ node }) => node !== '')
    // 4 GiB each on three hosts with 64.
    expect(placed.length).toBeLessThanOrEqual(48)
  })

  it('a group stated in two ways refuses the later one only', () => {
    const group = { name: 'g', relation: 'Apart' as const, failureDomain: '' }
    const member = (name: string, maximumPerDomain: number) =>
      wanted(
        name,
        machineDemand({
          rules: { groups: [{ ...group, strength: 'Required', maximumPerDomain }] },
        }),
      )
    const [first, second] = placeMachines(three().state, [member('a', 1), member('b', 2)])
    expect(first!.node).not.toBe('')
    expect(second!.report.summary).toContain('different rules for group "g"')
  })
})
