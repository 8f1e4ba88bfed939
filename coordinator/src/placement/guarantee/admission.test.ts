import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../testing/index.ts'
import { applyChoice, createChooser } from '../choose/index.ts'
import type { Fleet, MachineRequest } from '../fleet/index.ts'
import { wouldBreak } from './admit.ts'
import { assignStandbys } from './assign.ts'
import { fleetOf, GIB, type HostLine, memory, putMachine, putVolume, rulesOf } from './fixture.ts'
import { verifyLoss } from './verify.ts'

const SIX: readonly HostLine[] = [
  ['n1', 16, 'a'],
  ['n2', 16, 'a'],
  ['n3', 16, 'b'],
  ['n4', 16, 'b'],
  ['n5', 16, 'c'],
  ['n6', 16, 'c'],
]

function machine(name: string, gib: number): MachineRequest {
  return {
    ...{ name, amounts: memory(gib), hosts: undefined, volumes: [], attached: [] },
    ...{ locality: 'Ignored', standby: 'Any', numa: undefined, preference: undefined, seed: 1 },
  }
}

function at(fleet: Fleet, host: string, standby: string) {
  return { host: fleet.hostRow(host), standby: fleet.hostRow(standby), pools: [] }
}

describe('a choice', () => {
  const fleet = fleetOf(SIX)
  putMachine(fleet, 'web', 8, 'n1', { standby: 'n3' })
  putMachine(fleet, 'db', 6, 'n2', { standby: 'n3' })
  putMachine(fleet, 'mail', 10, 'n5', { standby: 'n4' })

  const cases: [name: string, gib: number, host: string, standby: string, breaches: string[]][] = [
    ['in another rack with a standby in a third', 2, 'n5', 'n3', []],
    ['whose standby is lost with it', 2, 'n3', 'n4', ['n4, which keeps room for it, is lost']],
    ['without a standby', 2, 'n3', '', ['no host keeps room for it should rack=b be lost']],
    [
      'whose standby has no room for all of the rack',
      3,
      'n2',
      'n3',
      ['n3 has 16 GiB of memory for the 17 GiB of memory that the loss of rack=a brings'],
    ],
    [
      'that takes room kept for others',
      3,
      'n3',
      'n5',
      ['n3 has 13 GiB of memory for the 14 GiB of memory that the loss of rack=a brings'],
    ],
  ]
  it.each(cases)('%s', (_name, gib, host, standby, breaches) => {
    const found = wouldBreak(fleet, machine('new', gib), at(fleet, host, standby), ['rack'])
    expect(found).toEqual(breaches.map(() => ({ label: 'rack', reason: expect.any(String) })))
    for (const [index, reason] of breaches.entries()) expect(found[index]!.reason).toContain(reason)
  })

  it('may be right for racks and wrong for a label that cuts across them', () => {
    const hosts = [
      { name: 'n1', labels: { rack: 'a', feed: '1' } },
      { name: 'n2', labels: { rack: 'b', feed: '1' } },
    ]
    const crossed = fleetOf(hosts.map(({ name, labels }) => [name, 16, labels.rack]))
    for (const [row, { labels }] of hosts.entries())
      Object.assign(crossed.hosts[row]!.labels, labels)
    const found = wouldBreak(crossed, machine('new', 1), at(crossed, 'n1', 'n2'), ['rack', 'feed'])
    expect(found).toEqual([
      { label: 'feed', reason: 'n2, which keeps room for it, is lost together with feed=1' },
    ])
  })

  it('with volumes keeps their data and quorum, too', () => {
    const request = {
      ...machine('new', 1),
      volumes: ['x', 'y'].map((name) => ({
        ...{ name, sizeBytes: GIB, replicas: 3, pools: undefined, spread: [] },
        preference: undefined,
      })),
    }
    const choice = {
      ...at(fleet, 'n1', 'n5'),
      pools: [
        [0, 2, 4],
        [0, 1, 4],
      ],
    }
    expect(wouldBreak(fleet, request, choice, ['', 'rack'])).toEqual([
      { label: 'rack', reason: 'volume/y has 2 of its 3 replicas in rack=a' },
    ])
  })
})

describe('assigning standbys', () => {
  it('protects machines that have none, and tells those nobody can stand by for', () => {
    const fleet = fleetOf(SIX)
    putMachine(fleet, 'big', 14, 'n1')
    putMachine(fleet, 'small', 2, 'n1')
    putMachine(fleet, 'near', 2, 'n2', { standby: 'n1' })
    putMachine(fleet, 'full1', 16, 'n3')
    putMachine(fleet, 'full2', 16, 'n4')
    putMachine(fleet, 'free', 2, 'n5')
    putMachine(fleet, 'other', 2, 'n6')
    const rules = rulesOf({ machines: { full2: { standby: 'None' } } })
    const { assigned, impossible } = assignStandbys(fleet, rules)
    expect(impossible).toEqual(['full1'])
    expect(assigned.map(({ machine: name }) => name).sort()).toEqual([
      'big',
      'free',
      'near',
      'other',
      'small',
    ])
    expect(fleet.machines.get('big')!.standby, 'the fleet is as it was').toBe(-1)
  })

  it('keeps to the hosts with the data where a guarantee asks for that', () => {
    const fleet = fleetOf(SIX)
    putVolume(fleet, 'data', 10, ['n1', 'n5', 'n2'])
    putMachine(fleet, 'db', 4, 'n1', { volumes: ['data'] })
    const rules = rulesOf({ machines: { db: { standby: 'Replica' } } })
    const standby = fleet.hostRow('n5')
    expect(assignStandbys(fleet, rules).assigned).toEqual([{ machine: 'db', standby }])
  })

  it('exchanges standbys that are of no use', () => {
    const fleet = fleetOf(SIX)
    putMachine(fleet, 'fine', 4, 'n1', { standby: 'n3' })
    putMachine(fleet, 'away', 4, 'n1', { standby: 'n4' })
    putMachine(fleet, 'short', 14, 'n2', { standby: 'n5' })
    putMachine(fleet, 'there', 4, 'n5', { standby: 'n2' })
    const gone = Uint8Array.from(SIX, ([name]) => Number(name === 'n4'))
    const { assigned, impossible } = assignStandbys(fleet, { ...rulesOf(), gone })
    expect([assigned.map(({ machine: name }) => name).sort(), impossible]).toEqual([
      ['away', 'short', 'there'],
      [],
    ])
  })

  it('moves standbys of a domain together where one by one some find no room', () => {
    const fleet = fleetOf([
      ['n1', 16, 'a'],
      ['n2', 16, 'b'],
      ['n3', 8, 'b'],
    ])
    putMachine(fleet, 'small', 6, 'n1', { standby: 'n2' })
    putMachine(fleet, 'large', 10, 'n1')
    putMachine(fleet, 'there', 2, 'n2', { standby: 'n1' })
    const { assigned, impossible } = assignStandbys(fleet, rulesOf())
    const [n2, n3] = [fleet.hostRow('n2'), fleet.hostRow('n3')]
    expect(impossible).toEqual(['there'])
    expect(assigned).toEqual([
      { machine: 'small', standby: n3 },
      { machine: 'large', standby: n2 },
    ])
  })
})

const anyMachines = fc.array(
  fc.record({ gib: fc.integer({ min: 1, max: 9 }), host: fc.nat(5), priority: fc.nat(2) }),
  { minLength: 1, maxLength: 14 },
)

describe('properties', () => {
  it('whom standbys were assigned to survives the loss of any rack and any host', () => {
    fc.assert(
      fc.property(anyMachines, (machines) => {
        const fleet = fleetOf(SIX)
        for (const [i, { gib, host }] of machines.entries())
          putMachine(fleet, `m${i}`, gib, `n${host + 1}`)
        for (const name of overfull(fleet)) fleet.removeMachine(name)
        const { assigned, impossible } = assignStandbys(fleet, rulesOf())
        for (const { machine: name, standby } of assigned)
          fleet.putMachine({ ...fleet.machines.get(name)!, standby })
        const unlucky = Object.fromEntries(
          impossible.map((name) => [name, { standby: 'None' as const }]),
        )
        const rules = rulesOf({ machines: unlucky })
        for (const label of ['rack', ''])
          for (const { holds, summary } of verifyLoss(fleet, rules, label).checks)
            expect(holds, summary).toBe(true)
      }),
      runs(300),
    )
  })

  it('what the chooser admits with a standby breaks no guarantee about racks and hosts', () => {
    fc.assert(
      fc.property(anyMachines, (machines) => {
        const fleet = fleetOf(SIX)
        const chooser = createChooser(fleet)
        let admitted = 0
        for (const [i, { gib }] of machines.entries()) {
          const request = machine(`m${i}`, gib)
          const choice = chooser.choose(request)
          if (!choice) continue
          expect(wouldBreak(fleet, request, choice, ['rack', ''])).toEqual([])
          applyChoice(fleet, request, choice)
          admitted++
        }
        expect(admitted).toBeGreaterThan(0)
        for (const label of ['rack', ''])
          for (const { holds, summary } of verifyLoss(fleet, rulesOf(), label).checks)
            expect(holds, summary).toBe(true)
      }),
      runs(300),
    )
  })
})

/** Machines that are too much for their hosts. */
function overfull(fleet: Fleet): string[] {
  const load = new Float64Array(fleet.hostCount)
  return [...fleet.machines.values()].flatMap(({ amounts, host, name }) => {
    const { amount } = amounts[0]!
    if (load[host]! + amount > fleet.columns[0]!.capacity[host]!) return [name]
    load[host]! += amount
    return []
  })
}
