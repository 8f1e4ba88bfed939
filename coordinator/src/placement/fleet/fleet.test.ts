import { describe, expect, it } from 'vitest'
import { createFleet, type Fleet } from './fleet.ts'

const OPTIONS = {
  hosts: ['a', 'b', 'c', 'd'].map((name, row) => ({
    name,
    labels: row < 3 ? { rack: `r${row % 2}` } : ({} as Record<string, string>),
    capacity: { memory: 100, cpu: 10 },
  })),
  pools: [
    { name: 'fast', host: 0, capacityBytes: 50 },
    { name: 'slow', host: 0, capacityBytes: 500 },
    { name: 'slow', host: 2, capacityBytes: 500 },
  ],
  columns: ['gpu'],
  standbyColumns: ['memory'],
  lossLabel: 'rack',
}

/** Everything that is counted, to compare. */
function countsOf({ columns, hostCount, poolPromised }: Fleet) {
  return {
    used: columns.map(({ used }) => [...used]),
    reserve: columns.map(({ standby }) => (standby ? [...standby.reserve] : [])),
    inbound: Array.from({ length: hostCount }, (_, row) => [...columns[0]!.standby!.toHost(row)]),
    poolPromised: [...poolPromised],
  }
}

function put(fleet: Fleet, name: string, host: number, standby: number, amount: number): void {
  const amounts = [{ column: 0, amount }]
  fleet.putMachine({ name, host, standby, amounts, volumes: [], pinned: false })
}

describe('a fleet', () => {
  it('numbers hosts, pools, columns and domains', () => {
    const fleet = createFleet(OPTIONS)
    expect([fleet.hostRow('c'), fleet.hostRow('z')]).toEqual([2, -1])
    expect([fleet.columnRow('cpu'), fleet.columnRow('gpu'), fleet.columnRow('z')]).toEqual([
      1, 2, -1,
    ])
    expect([fleet.poolsOf(0), fleet.poolsOf(1)]).toEqual([[0, 1], []])
    expect([...fleet.domainsOf('rack')]).toEqual([0, 1, 0, -1])
    expect([...fleet.domainsOf('')]).toEqual([0, 1, 2, 3])
    expect(fleet.domainsOf('rack')).toBe(fleet.domainsOf('rack'))
    expect([...fleet.lossDomains]).toEqual([0, 1, 0, 2])
  })

  it('counts nothing once everything is removed, whatever came before', () => {
    const fleet = createFleet(OPTIONS)
    const empty = countsOf(fleet)
    put(fleet, 'm1', 0, 1, 10)
    put(fleet, 'm1', 2, 3, 20)
    put(fleet, 'm2', 0, 3, 5)
    fleet.putVolume({ name: 'v', sizeBytes: 7, pools: [0, 2], pinned: false })
    fleet.putVolume({ name: 'v', sizeBytes: 9, pools: [1, 2], pinned: false })
    expect(countsOf(fleet)).toMatchObject({ poolPromised: [0, 9, 9] })
    expect(fleet.columns[0]!.standby!.reserve[3]).toBe(25)
    for (const name of ['m1', 'm2', 'nobody']) fleet.removeMachine(name)
    fleet.removeVolume('v')
    expect(countsOf(fleet)).toEqual(empty)
  })

  it('is not changed by what happens to its clone, nor the clone by it', () => {
    const fleet = createFleet(OPTIONS)
    put(fleet, 'm1', 0, 1, 10)
    const clone = fleet.clone()
    const before = countsOf(fleet)
    expect(countsOf(clone)).toEqual(before)
    put(clone, 'm2', 0, 1, 10)
    clone.setCapacity(0, 0, 1)
    clone.setPoolCapacity(0, 1)
    expect(countsOf(fleet)).toEqual(before)
    expect([fleet.columns[0]!.capacity[0], fleet.poolCapacity[0]]).toEqual([100, 50])
    const cloned = countsOf(clone)
    fleet.removeMachine('m1')
    expect(countsOf(clone)).toEqual(cloned)
  })

  it.each<[string, (fleet: Fleet) => void, number[]]>([
    ['a machine with a standby', (fleet) => put(fleet, 'm', 0, 1, 1), [0, 1]],
    ['a machine without', (fleet) => put(fleet, 'm', 2, -1, 1), [2]],
    [
      'a volume',
      (fleet) => fleet.putVolume({ name: 'v', sizeBytes: 1, pools: [0, 2], pinned: false }),
      [0, 2],
    ],
    ['a capacity', (fleet) => fleet.setCapacity(3, 0, 1), [3]],
    ['a capacity of a pool', (fleet) => fleet.setPoolCapacity(2, 1), [2]],
  ])('tells which rows %s changes', (_, change, rows) => {
    const fleet = createFleet(OPTIONS)
    change(fleet)
    const { changes, hostVersion } = fleet
    const told = Array.from({ length: changes.count }, (_, index) => changes.host(index))
    expect(told).toEqual(rows)
    expect([...hostVersion.keys()].filter((row) => hostVersion[row]! > 0)).toEqual(rows)
  })

  it('forgets old changes, and says so', () => {
    const fleet = createFleet(OPTIONS)
    const many = fleet.changes.kept + 10
    for (let i = 0; i < many; i++) fleet.setCapacity(i % 4, 0, i)
    expect(fleet.changes.count).toBe(many)
    for (let i = many - fleet.changes.kept; i < many; i++) expect(fleet.changes.host(i)).toBe(i % 4)
  })
})
