import type { PlacementReport } from '@keelson/shared/model'
import { RACK_LABEL } from '@keelson/shared/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { explainMachine, explainVolume } from '../explanation.ts'
import { createScene, GIB, machineDemand, type Scene, volumeDemand } from '../fixture.ts'
import { placeMachine, placeVolume } from '../place.ts'

const subject = { name: 'new', uid: 'new' }
const BRIEF = { explain: false }
const plain = { whyNotNode: '', full: false }

function hosts(count: number, racks = 2): Scene {
  const scene = createScene()
  for (let i = 0; i < count; i++) scene.host(`n${i}`, `r${i % racks}`)
  return scene
}

describe('a suggested fix is true when tried', () => {
  const refused = (scene: Scene, demand = volumeDemand()): PlacementReport => {
    const { places, report } = placeVolume(scene.state, subject, demand, BRIEF)
    expect(places).toEqual([])
    return report
  }
  const fits = (scene: Scene, demand = volumeDemand()) =>
    placeVolume(scene.state, subject, demand, BRIEF).places.length > 0

  it('moving a volume away', () => {
    const scene = hosts(2)
    scene.volume('old', 30, ['n0'])
    scene.volume('older', 50, ['n0'])
    scene.volume('there', 60, ['n1'])
    const demand = volumeDemand({ sizeBytes: 45 * GIB })
    const { closestMiss, suggestedFix } = refused(scene, demand)
    expect(closestMiss).toBe('n1 lacks 5 GiB in pool p')
    // What is on n1 fits nowhere else, but the smaller volume of n0 fits n1.
    expect(suggestedFix).toBe('moving volume/old away from n0 frees 30 GiB')
    scene.volume('old', 30, ['n1'])
    expect(fits(scene, demand)).toBe(true)
  })

  it('more room, where nothing can move', () => {
    const scene = hosts(1)
    scene.volume('old', 95, ['n0'], { pinned: true })
    expect(refused(scene).suggestedFix).toBe('5 GiB more in pool n0/p would do')
    scene.pool('n0', 'p', 105)
    expect(fits(scene)).toBe(true)
  })

  it('an uncordoned host', () => {
    const scene = hosts(1)
    scene.host('n0', 'r0', { spec: { schedulable: false } })
    expect(refused(scene).suggestedFix).toBe('keelson node uncordon n0')
    scene.host('n0', 'r0')
    expect(fits(scene)).toBe(true)
  })

  it('a label', () => {
    const scene = hosts(1)
    scene.host('x', '')
    const rule = { failureDomain: RACK_LABEL, mode: 'Different' as const, maximumPerDomain: 1 }
    const demand = volumeDemand({ replicas: 2, replicaRules: [rule] })
    expect(refused(scene, demand).suggestedFix).toBe(`keelson node label x ${RACK_LABEL}=…`)
    scene.host('x', 'another')
    expect(fits(scene, demand)).toBe(true)
  })

  it('fewer replicas', () => {
    const scene = hosts(2)
    expect(refused(scene, volumeDemand({ replicas: 4 })).suggestedFix).toBe('2 replicas would fit')
    expect(fits(scene, volumeDemand({ replicas: 2 }))).toBe(true)
  })

  it('moving a machine away', () => {
    const scene = hosts(2)
    scene.machine('large', 'n0', { memoryBytes: 36 * GIB })
    scene.machine('small', 'n0', { memoryBytes: 8 * GIB })
    scene.machine('other', 'n1', { memoryBytes: 46 * GIB })
    const demand = machineDemand({ compute: { memoryBytes: 20 * GIB } })
    const { node, report } = placeMachine(scene.state, subject, demand, [], BRIEF)
    expect(node).toBe('')
    expect(report.closestMiss).toMatch(/^n0 lacks .* of memory$/)
    expect(report.suggestedFix).toMatch(/^moving vm\/small away from n0 frees 8\.\d GiB$/)
    scene.machine('small', 'n1', { memoryBytes: 8 * GIB })
    expect(placeMachine(scene.state, subject, demand, [], BRIEF).node).toBe('n0')
  })
})

describe('an explanation', () => {
  it('of a volume that exists leaves its own room out of account', () => {
    const scene = hosts(3)
    scene.volume('data', 80, ['n1'])
    const { report } = explainVolume(
      scene.state,
      { volume: scene.state.volumes.get('data')! },
      plain,
    )
    expect(report.nodes.find(({ chosen }) => chosen)).toMatchObject({ node: 'n1', rejectedBy: '' })
    expect(report.summary).toMatch(/^1 × 80 GiB on n1\/p/)
    scene.volume('neighbour', 15, ['n1'])
    const crowded = explainVolume(scene.state, { volume: scene.state.volumes.get('data')! }, plain)
    expect(crowded.report.summary).toMatch(/^1 × 80 GiB on n1\/p; placed anew it would go to n[02]/)
  })

  it('of a machine that exists leaves its own room out of account, and nothing behind', () => {
    const scene = hosts(2)
    scene.machine('web', 'n1', { memoryBytes: 50 * GIB })
    const machine = scene.state.virtualMachines.get('web')!
    const explain = () => explainMachine(scene.state, { machine }, plain).report
    expect(explain().nodes.find(({ node }) => node === 'n1')).toMatchObject({
      chosen: true,
      rejectedBy: '',
    })
    expect(explain()).toEqual(explain())
    const demand = machineDemand({ compute: { memoryBytes: 50 * GIB } })
    expect(placeMachine(scene.state, subject, demand, [], BRIEF).node).toBe('n0')
  })

  it('says why a host was not chosen: what it lacks, all of it', () => {
    const scene = hosts(2)
    scene.host('n1', 'r1', { spec: { schedulable: false } })
    scene.volume('old', 95, ['n1'])
    const { whyNot } = explainVolume(
      scene.state,
      { demand: volumeDemand() },
      { whyNotNode: 'n1', full: false },
    )
    expect(whyNot!.summary).toBe('n1/p is out: node is not schedulable (cordoned)')
    expect(whyNot!.filters.filter(({ passed }) => !passed)).toEqual([
      {
        filter: 'node-schedulable',
        passed: false,
        reason: 'node is not schedulable (cordoned)',
      },
      { filter: 'space', passed: false, reason: 'needs 10 GiB, 5 GiB can be promised' },
    ])
  })

  it('says why a host was not chosen: by how much it scored less', () => {
    const scene = hosts(2)
    scene.volume('old', 60, ['n1'])
    const { report, whyNot } = explainVolume(
      scene.state,
      { demand: volumeDemand() },
      { whyNotNode: 'n1', full: false },
    )
    const [chosen, other] = ['n0', 'n1'].map(
      (name) => report.nodes.find(({ node }) => node === name)!.totalScore,
    )
    expect(chosen).toBeGreaterThan(other!)
    expect(whyNot!.summary).toMatch(/^n1\/p fits and scores .*, .* less than n0\/p \(space .*\)$/)
    expect(whyNot!.verdict.totalScore).toBe(other)
  })

  it('knows hosts without pools, and refuses hosts that do not exist', () => {
    const scene = hosts(1)
    scene.write({ kind: 'pool', id: 'n0/p', value: undefined })
    const explain = (whyNotNode: string) =>
      explainVolume(scene.state, { demand: volumeDemand() }, { whyNotNode, full: false })
    expect(explain('n0').whyNot!.summary).toBe('n0 has no storage pool')
    expect(() => explain('n9')).toThrow('node "n9" does not exist')
  })

  it('has numbers that add up, whatever is asked for', () => {
    const demand = fc.record({
      replicas: fc.integer({ min: 1, max: 3 }),
      sizeBytes: fc.constantFrom(GIB, 20 * GIB, 60 * GIB, 300 * GIB),
    })
    const volumes = fc.array(
      fc.record({ host: fc.integer({ min: 0, max: 4 }), sizeGib: fc.integer({ min: 1, max: 90 }) }),
      { maxLength: 6 },
    )
    fc.assert(
      fc.property(demand, volumes, (changes, placed) => {
        const scene = hosts(5)
        for (const [index, { host, sizeGib }] of placed.entries())
          scene.volume(`v${index}`, sizeGib, [`n${host}`])
        const { report } = explainVolume(
          scene.state,
          { demand: volumeDemand(changes) },
          { whyNotNode: '', full: true },
        )
        for (const { rejectedBy, scores, totalScore } of report.nodes) {
          expect(totalScore).toBe(scores.reduce((sum, one) => sum + one.value * one.weight, 0))
          expect(scores.length > 0).toBe(rejectedBy === '')
          for (const { value, weight } of scores)
            expect(value >= 0 && value <= 1 && weight >= 0 && Number.isFinite(weight)).toBe(true)
        }
        const rejected = report.nodes.filter(({ rejectedBy }) => rejectedBy !== '').length
        expect(report.funnel.at(-1)!.remaining).toBe(report.nodes.length - rejected)
        expect(report.groups!.reduce((sum, { count }) => sum + count, 0)).toBe(rejected)
      }),
      { numRuns: 60, seed: 1 },
    )
  })
})

describe('a report about 10,000 hosts', () => {
  const scene = hosts(10_000, 400)
  scene.storageClass('wide', { replicas: 8, failureDomainMode: 'Different' })
  const serialised = (report: PlacementReport) => Buffer.byteLength(JSON.stringify(report))
  const full = { explain: true, full: true }

  it('stays below 64 kB unless all of it is asked for', () => {
    const wanted = volumeDemand({ storageClass: 'wide', replicas: 0 })
    const placed = placeVolume(scene.state, subject, wanted, { explain: true }).report
    expect(placed.nodes.filter(({ chosen }) => chosen).length).toBe(8)
    expect(serialised(placed)).toBeLessThan(64 * 1024)
    const large = volumeDemand({ sizeBytes: 900 * GIB, storageClass: 'wide', replicas: 0 })
    const refused = placeVolume(scene.state, subject, large, BRIEF).report
    expect(refused.nodes.length).toBe(50)
    expect(serialised(refused)).toBeLessThan(64 * 1024)
    const nodes = Array.from({ length: 5_000 }, (_, index) => `n${2 * index}`)
    const odd = volumeDemand({ sizeBytes: 900 * GIB, rules: { nodes } })
    expect(serialised(placeVolume(scene.state, subject, odd, BRIEF).report)).toBeLessThan(64 * 1024)
    const machine = machineDemand({
      compute: { memoryBytes: 900 * GIB },
      newVolumes: [large, wanted, wanted],
    })
    const names = ['a', 'b', 'c']
    const { report } = placeMachine(scene.state, subject, machine, names, { explain: true })
    expect(serialised(report)).toBeLessThan(64 * 1024)
    const many = Array.from({ length: 32 }, () => large)
    const disks = many.map((_, index) => `disk-${index}`)
    const demand = machineDemand({ newVolumes: many })
    const crowded = placeMachine(scene.state, subject, demand, disks, { explain: true }).report
    expect(crowded.parts!.length).toBe(32)
    expect(serialised(crowded)).toBeLessThan(64 * 1024)
    expect(placeVolume(scene.state, subject, wanted, full).report.nodes.length).toBe(10_000)
  })
})
