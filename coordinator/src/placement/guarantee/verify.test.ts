import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../testing/index.ts'
import type { Fleet } from '../fleet/index.ts'
import { fleetOf, GIB, type HostLine, memory, putMachine, putVolume, rulesOf } from './fixture.ts'
import type { PlacedRules } from './rules.ts'
import { survivalOf } from './survival.ts'
import { verifyLoss } from './verify.ts'

const FOUR: readonly HostLine[] = [
  ['n1', 16, 'a'],
  ['n2', 16, 'a'],
  ['n3', 16, 'b'],
  ['n4', 16, 'c'],
]

/** What a proof says, line by line. */
function told(fleet: Fleet, label = 'rack', losses = 1, rules = rulesOf()): string[] {
  return verifyLoss(fleet, rules, label, losses).checks.map(
    ({ holds, impossible, summary }) =>
      `${holds ? 'holds' : impossible ? 'impossible' : 'not found'}: ${summary}`,
  )
}

describe('the loss of each rack', () => {
  it('is survived by recorded standbys', () => {
    const fleet = fleetOf(FOUR)
    putMachine(fleet, 'web', 8, 'n1', { standby: 'n3' })
    putMachine(fleet, 'db', 6, 'n2', { standby: 'n3' })
    putMachine(fleet, 'mail', 4, 'n4', { standby: 'n1' })
    expect(told(fleet)).toEqual([
      'holds: rack=a: all 2 machines start again, the fullest host n3 with 2 GiB of memory to spare',
      'holds: rack=b: nothing is lost with it',
      'holds: rack=c: 1 machine starts again, the fullest host n1 with 4 GiB of memory to spare',
    ])
  })

  it('is survived without standbys where there is room', () => {
    const fleet = fleetOf(FOUR)
    putMachine(fleet, 'web', 10, 'n1')
    putMachine(fleet, 'db', 12, 'n2')
    const [check] = verifyLoss(fleet, rulesOf(), 'rack').checks
    expect(check!.holds).toBe(true)
    expect([...check!.restarts].sort()).toEqual([
      ['db', 2],
      ['web', 3],
    ])
  })

  it('tells what is missing, and that it is proven', () => {
    const fleet = fleetOf(FOUR)
    putMachine(fleet, 'web', 10, 'n1')
    putMachine(fleet, 'db', 12, 'n2')
    putMachine(fleet, 'mail', 6, 'n3')
    putMachine(fleet, 'full', 16, 'n4')
    const [check] = verifyLoss(fleet, rulesOf(), 'rack').checks
    expect(check).toMatchObject({
      domains: ['a'],
      holds: false,
      impossible: true,
      summary:
        'rack=a: 1 of 2 machines find no room: 12 GiB of memory short ' +
        '(proven, no host left can take db)',
      breaks: [{ subject: 'vm/db', kind: 'Stops' }],
      shortages: [{ resource: 'memory_bytes', where: '', missing: 12 * GIB }],
    })
  })

  it('tries every way for a few machines, where the biggest first does not do', () => {
    const fleet = fleetOf([
      ['n1', 64, 'a'],
      ['n2', 10, 'b'],
      ['n3', 10, 'b'],
    ])
    // The biggest first makes 4+4 and 3+3+3 of them; all fit as 4+3+3 twice.
    for (const [index, gib] of [4, 4, 3, 3, 3, 3].entries())
      putMachine(fleet, `m${index}`, gib, 'n1')
    expect(verifyLoss(fleet, rulesOf(), 'rack').checks[0]!.holds).toBe(true)
    putMachine(fleet, 'more', 1, 'n1')
    expect(told(fleet)[0]).toContain('proven, all hosts left have too little memory')
  })

  it('counts votes: data alone is no quorum', () => {
    const fleet = fleetOf(FOUR)
    putVolume(fleet, 'two', 10, ['n1', 'n3'])
    putVolume(fleet, 'near', 10, ['n1', 'n2', 'n3'])
    putVolume(fleet, 'single', 10, ['n1'])
    const witness = rulesOf({ volumes: { two: { witnesses: [fleet.hostRow('n2')] } } })
    const [a, b] = verifyLoss(fleet, witness, 'rack').checks
    expect(a!.breaks).toEqual([
      {
        subject: 'volume/two',
        kind: 'Unavailable',
        reason: '1 of 3 votes are left, which is no majority',
      },
      {
        subject: 'volume/near',
        kind: 'Unavailable',
        reason: '1 of 3 votes are left, which is no majority',
      },
    ])
    expect(b!.summary).toBe('rack=b: 2 volumes keep data and quorum with fewer replicas')
  })

  it('does not take a stale replica for the data', () => {
    const fleet = fleetOf(FOUR)
    putVolume(fleet, 'data', 10, ['n1', 'n3'])
    const rules = rulesOf({ volumes: { data: { stale: [2] } } })
    expect(verifyLoss(fleet, rules, 'rack').checks[0]!.breaks).toMatchObject([
      { reason: 'no up-to-date one of its 2 replicas is left' },
    ])
  })

  it('promises nothing to machines no guarantee covers, and says so', () => {
    const fleet = fleetOf(FOUR)
    putVolume(fleet, 'local', 10, ['n1'])
    putMachine(fleet, 'ci', 8, 'n1', { volumes: ['local'] })
    putMachine(fleet, 'test', 8, 'n2')
    const rules = rulesOf({ machines: { test: { standby: 'None' } } })
    expect(told(fleet, 'rack', 1, rules)[0]).toBe(
      'holds: rack=a: 2 machines without a guarantee stop',
    )
  })

  it('starts machines only beside their data, if they have to be there', () => {
    const fleet = fleetOf(FOUR)
    putVolume(fleet, 'data', 10, ['n1', 'n3'])
    putMachine(fleet, 'db', 8, 'n1', { volumes: ['data'] })
    putMachine(fleet, 'mail', 12, 'n3')
    const rules = rulesOf({ machines: { db: { locality: 'Required' } } })
    expect(told(fleet, 'rack', 1, rules)[0]).toContain('4 GiB of memory short')
    expect(told(fleet)[0]).toContain('1 machine starts again')
  })

  it('loses hosts without the label together', () => {
    const fleet = fleetOf([
      ['n1', 16, ''],
      ['n2', 16, ''],
      ['n3', 16, 'a'],
    ])
    putMachine(fleet, 'x', 10, 'n1')
    putMachine(fleet, 'y', 10, 'n2')
    expect(told(fleet)[0]).toMatch(/^impossible: no rack: 1 of 2 machines find no room/)
  })
})

describe('several losses', () => {
  it('of single hosts follow from those of racks: a standby in another rack covers both', () => {
    const fleet = fleetOf(FOUR)
    putMachine(fleet, 'web', 8, 'n1', { standby: 'n3' })
    putMachine(fleet, 'db', 8, 'n2', { standby: 'n3' })
    putMachine(fleet, 'mail', 8, 'n3', { standby: 'n4' })
    fleet.removeMachine('db')
    for (const label of ['rack', ''])
      expect(verifyLoss(fleet, rulesOf(), label).checks.every(({ holds }) => holds)).toBe(true)
  })

  it('at once are every set of domains', () => {
    const fleet = fleetOf(FOUR)
    putMachine(fleet, 'web', 8, 'n1', { standby: 'n2' })
    putMachine(fleet, 'mail', 8, 'n3')
    const { checks, sets } = verifyLoss(fleet, rulesOf(), '', 2)
    expect([checks.length, sets]).toEqual([6, 6])
    expect(checks.every(({ holds }) => holds)).toBe(true)
    expect(checks.map(({ domains }) => domains.join(' '))).toEqual([
      'n1 n2',
      'n1 n3',
      'n1 n4',
      'n2 n3',
      'n2 n4',
      'n3 n4',
    ])
  })

  it('too many to judge all: those with the most on them', () => {
    const fleet = fleetOf(FOUR)
    putMachine(fleet, 'web', 8, 'n2')
    putMachine(fleet, 'mail', 8, 'n4')
    const { checks, sets } = verifyLoss(fleet, rulesOf(), '', 2, { mostSets: 2 })
    expect(sets).toBe(6)
    expect(checks.map(({ domains }) => domains)).toEqual([['n2', 'n4']])
  })
})

describe('what is left of a volume', () => {
  const cases: [name: string, replicas: string, witness: string, lost: string, usable: boolean][] =
    [
      ['one of one', 'n1', '', 'n1', false],
      ['one of two', 'n1 n2', '', 'n1', true],
      ['one of two, the witness there', 'n1 n2', 'n3', 'n1', true],
      ['one of two, the witness lost as well', 'n1 n2', 'n3', 'n1 n3', false],
      ['the witness alone', 'n1 n2', 'n3', 'n3', true],
      ['one of three', 'n1 n2 n3', '', 'n1', true],
      ['two of three', 'n1 n2 n3', '', 'n1 n2', false],
      ['half of four', 'n1 n2 n3 n4', '', 'n1 n2', false],
      ['half of four, the witness there', 'n1 n2 n3 n4', 'n5', 'n1 n2', true],
    ]
  it.each(cases)('%s', (_name, replicas, witness, lost, usable) => {
    const rows = ['n1', 'n2', 'n3', 'n4', 'n5']
    const fleet = fleetOf(rows.map((name): HostLine => [name, 16, name]))
    putVolume(fleet, 'v', 1, replicas.split(' '))
    const votes = { stale: [], witnesses: rows.flatMap((row, i) => (row === witness ? [i] : [])) }
    const mask = Uint8Array.from(rows, (row) => Number(lost.split(' ').includes(row)))
    expect(survivalOf(fleet, fleet.volumes.get('v')!, votes, mask).usable).toBe(usable)
  })
})

/** A tiny cluster as plain numbers. */
const anyFleet = fc
  .record({
    hosts: fc.array(fc.record({ gib: fc.integer({ min: 4, max: 20 }), rack: fc.nat(2) }), {
      minLength: 2,
      maxLength: 5,
    }),
    machines: fc.array(
      fc.record({ gib: fc.integer({ min: 1, max: 9 }), host: fc.nat(4), standby: fc.nat(9) }),
      { maxLength: 7 },
    ),
    barred: fc.array(fc.tuple(fc.nat(6), fc.nat(4)), { maxLength: 4 }),
  })
  .map(({ barred, hosts, machines }) => {
    const fleet = fleetOf(hosts.map(({ gib, rack }, i) => [`n${i}`, gib, `r${rack}`]))
    for (const [i, { gib, host, standby }] of machines.entries())
      fleet.putMachine({
        name: `m${i}`,
        host: host % hosts.length,
        standby: standby < hosts.length ? standby : -1,
        amounts: memory(gib),
        volumes: [],
        pinned: false,
      })
    const masks = machines.map((_, m) =>
      barred.some(([machine]) => machine === m)
        ? Uint8Array.from(hosts, (_, h) => (barred.some(([a, b]) => a === m && b === h) ? 0 : 1))
        : undefined,
    )
    const rules = rulesOf({
      machines: Object.fromEntries(masks.map((mask, m) => [`m${m}`, { hosts: mask }])),
    })
    return { fleet, rules }
  })

/** Tries every way to start the machines of a rack again. */
function bruteForce(fleet: Fleet, rules: PlacedRules, rack: string): boolean {
  const lost = fleet.hosts.map(({ labels }) => labels.rack === rack)
  const free = fleet.hosts.map(
    (_, host) => fleet.columns[0]!.capacity[host]! - fleet.columns[0]!.used[host]!,
  )
  const homeless = [...fleet.machines.values()].filter(({ host }) => lost[host])
  const fits = (index: number): boolean => {
    const machine = homeless[index]
    if (!machine) return true
    const { amount } = machine.amounts[0]!
    const mask = rules.machine(machine.name).hosts
    return free.some((_, host) => {
      if (lost[host] || mask?.[host] === 0 || free[host]! < amount) return false
      free[host]! -= amount
      const found = fits(index + 1)
      free[host]! += amount
      return found
    })
  }
  return fits(0)
}

describe('the loss of many domains at once', () => {
  const racks = Array.from({ length: 40 }, (_, n): HostLine => [`n${n}`, 16, `r${n}`])
  const fleet = fleetOf(racks)
  putMachine(fleet, 'web', 8, 'n0')

  const cases: [losses: number, judged: number, sets: number][] = [
    [1, 40, 40],
    [2, 780, 780],
    [39, 40, 40],
    [40, 1, 1],
    [2 ** 32 - 1, 1, 1],
  ]
  it.each(cases)('%d: judges %d of %d sets', (losses, judged, sets) => {
    const proof = verifyLoss(fleet, rulesOf(), 'rack', losses)
    expect([proof.checks.length, proof.sets]).toEqual([judged, sets])
  })

  it('judges the fullest of too many, and all of them by themselves', () => {
    const few = verifyLoss(fleet, rulesOf(), 'rack', 20)
    expect(few.sets).toBe(137846528820)
    expect(few.checks.length).toBeLessThan(20_000)
    expect(few.checks.some(({ domains }) => domains.includes('r0'))).toBe(true)
    expect(verifyLoss(fleet, rulesOf(), 'rack', 1, { share: 1e-9 }).checks).toHaveLength(40)
  })

  it('says nothing of a fleet without hosts', () => {
    expect(verifyLoss(fleetOf([]), rulesOf(), 'rack').checks).toEqual([])
  })
})

describe('properties', () => {
  it('verify says exactly what trying everything says, and every restart is possible', () => {
    let broken = 0
    fc.assert(
      fc.property(anyFleet, ({ fleet, rules }) => {
        for (const check of verifyLoss(fleet, rules, 'rack').checks) {
          const possible = bruteForce(fleet, rules, check.domains[0]!)
          expect(check.holds).toBe(possible)
          if (!possible) expect(check.impossible).toBe(true)
          if (!possible) broken++
          const { capacity, used } = fleet.columns[0]!
          const load = used.slice()
          for (const [name, host] of check.restarts) {
            expect(fleet.hosts[host]!.labels.rack).not.toBe(check.domains[0])
            expect(rules.machine(name).hosts?.[host]).not.toBe(0)
            load[host]! += fleet.machines.get(name)!.amounts[0]!.amount
            expect(load[host]).toBeLessThanOrEqual(capacity[host]!)
          }
        }
      }),
      runs(600),
    )
    expect(broken, 'losses that are not survived').toBeGreaterThan(50)
  })
})
