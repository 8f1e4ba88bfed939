import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type CapacityCount,
  FlavorCapacity,
  GuaranteeCheck,
  ImpactKind,
  MoveKind,
  WhatIfResult,
} from '@keelson/shared/api'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createFakeCluster, type FakeCluster } from '../../testing/index.ts'
import { parseSteps } from './what-if-steps.ts'

const { IMPACT_KIND_RESTARTS, IMPACT_KIND_STOPS, IMPACT_KIND_UNAVAILABLE } = ImpactKind
const RACK = 'topology.kubernetes.io/rack'
const GIB = 2n ** 30n

let cluster: FakeCluster
/** Requests as the service got them. */
let asked: Record<string, unknown>[]

beforeAll(async () => {
  cluster = await createFakeCluster()
})
afterAll(() => cluster.close())
beforeEach(() => {
  asked = []
  cluster.services = {}
})

function check(domain: string, fields: Partial<GuaranteeCheck> = {}): GuaranteeCheck {
  return GuaranteeCheck.fromPartial({
    guarantee: { failureDomain: RACK, losses: 1, mode: 3 },
    domains: [domain],
    holds: true,
    summary: `rack=${domain}: all 31 machines start again`,
    ...fields,
  })
}

const BROKEN = check('b', {
  holds: false,
  summary: 'rack=b: 2 of 31 machines find no room: 12 GiB of memory short',
  breaks: [
    { subject: 'vm/db', kind: IMPACT_KIND_STOPS, reason: 'no host left has room' },
    { subject: 'volume/x', kind: IMPACT_KIND_UNAVAILABLE, reason: '1 of 3 votes are left' },
  ],
  breakCount: 3,
  shortages: [{ resource: 'memory_bytes', where: '', missing: 12n * GIB }],
})

function verifying(...checks: GuaranteeCheck[]) {
  const allHold = checks.every(({ holds }) => holds)
  cluster.services = {
    placement: {
      async verifyGuarantees(request) {
        asked.push({ ...request })
        return { allHold, checks, resourceVersion: 42n }
      },
    },
  }
}

describe('placement verify', () => {
  it('shows a line per domain, and ends with 0 if all hold', async () => {
    verifying(check('a'), check('b'))
    const { code, stdout, stderr } = await cluster.run('placement verify --domain rack')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toBe(
      'LOSS OF  HOLDS  BREAKS  PROOF\n' +
        'rack=a   yes         0  all 31 machines start again\n' +
        'rack=b   yes         0  all 31 machines start again\n' +
        'All hold at revision 42.\n',
    )
    expect(asked).toEqual([
      {
        guarantees: [{ failureDomain: RACK, losses: 1, mode: 2 }],
        ...{ tenant: '', full: false },
      },
    ])
  })

  it('shows what would break, and ends with 4', async () => {
    verifying(BROKEN, check('a'))
    const { code, stdout, stderr } = await cluster.run('placement verify')
    expect(code).toBe(4)
    expect(stderr).toBe('error: 1 of 2 losses would stop something for good\n')
    expect(stdout).toBe(
      'LOSS OF  HOLDS  BREAKS  PROOF\n' +
        'rack=b   NO          3  2 of 31 machines find no room: 12 GiB of memory short\n' +
        'rack=a   yes         0  all 31 machines start again\n' +
        'rack=b would break 3:\n' +
        '  SUBJECT   WHAT         WHY\n' +
        '  vm/db     Stops        no host left has room\n' +
        '  volume/x  Unavailable  1 of 3 votes are left\n' +
        '  … and 1 more (--full lists them)\n' +
        '  SHORT OF  MISSING  WHERE\n' +
        '  memory      12GiB  cluster\n' +
        '1 of 2 hold at revision 42.\n',
    )
    expect(asked[0]).toMatchObject({ guarantees: [] })
    const json = JSON.parse((await cluster.run('placement verify -o json')).stdout)
    expect(json).toMatchObject({ checks: [{ domains: ['b'], breakCount: 3 }, { holds: true }] })
    expect((await cluster.run('placement verify -o name')).stdout).toBe('rack=b\nrack=a\n')
  })

  it('shows few of many that hold, unless all are asked for', async () => {
    verifying(...Array.from({ length: 25 }, (_, index) => check(`r${index}`)))
    const lines = async (line: string) => (await cluster.run(line)).stdout.split('\n')
    const few = await lines('placement verify')
    expect(few).toHaveLength(24)
    expect(few[21]).toBe('… and 5 more that hold (--full lists them)')
    expect(await lines('placement verify --full')).toHaveLength(28)
  })

  it('says so when there is nothing to check', async () => {
    verifying()
    const { code, stdout } = await cluster.run('placement verify')
    expect([code, stdout]).toEqual([
      0,
      'No guarantee is in force. Ask for one: placement verify --domain rack\n',
    ])
  })

  it('takes several domains, single hosts among them', async () => {
    verifying(check('a'))
    await cluster.run('placement verify --domain node,zone --losses 2 --tenant t1 --full')
    expect(asked[0]).toEqual({
      guarantees: [
        { failureDomain: '', losses: 2, mode: 2 },
        { failureDomain: 'topology.kubernetes.io/zone', losses: 2, mode: 2 },
      ],
      ...{ tenant: 't1', full: true },
    })
  })
})

function counted(count: bigint, upperBound = count): CapacityCount {
  return { count, upperBound, bindingResource: 'memory', summary: `${count} fit` }
}

describe('placement capacity', () => {
  beforeEach(() => {
    cluster.services = {
      placement: {
        async getCapacity(request) {
          asked.push({ ...request })
          const flavors = request.flavors.map(({ name }) =>
            FlavorCapacity.fromPartial({
              flavor: name,
              now: counted(120n),
              withNodeLoss: counted(110n, 112n),
              withDomainLoss: counted(80n),
              domains: [
                { domain: 'a', capacity: counted(70n) },
                { domain: '', capacity: counted(50n) },
              ],
            }),
          )
          return { flavors, resourceVersion: 42n }
        },
      },
    }
  })

  it('counts one flavor, with its domains', async () => {
    const { code, stdout } = await cluster.run('placement capacity --vm 4cpu,16GiB,100GiB,r2')
    expect(code).toBe(0)
    expect(stdout).toBe(
      'FLAVOR                NOW  RUNS OUT   -1 NODE  -1 RACK\n' +
        '4cpu,16GiB,100GiB,r2  120  memory    110..112       80\n' +
        '-1 NODE, -1 RACK: as many as keep room to start again when any one of them is lost.\n' +
        '4cpu,16GiB,100GiB,r2 by rack, each by itself:\n' +
        '  RACK  FIT  RUNS OUT\n' +
        '  a      70  memory\n' +
        '  -      50  memory\n',
    )
    expect(asked[0]).toMatchObject({
      failureDomain: RACK,
      labelSelector: '',
      flavors: [
        {
          name: '4cpu,16GiB,100GiB,r2',
          demand: {
            $case: 'virtualMachine',
            value: {
              compute: { vcpus: 4, memoryBytes: 16n * GIB },
              newVolumes: [{ sizeBytes: 100n * GIB, replicas: 2 }],
            },
          },
        },
      ],
    })
  })

  it('counts several, from flags and from a file', async () => {
    const path = join(cluster.directory, 'flavors.yaml')
    await writeFile(path, 'small: 1cpu,2GiB\nbulk: 1TiB,r3\n')
    const { stdout } = await cluster.run(
      `placement capacity --volume 100GiB,r3,class=fast --flavors ${path} --domain zone -l x=y`,
    )
    expect(stdout.split('\n').map((line) => line.split(' ')[0])).toEqual([
      'FLAVOR',
      '100GiB,r3,class=fast',
      'small',
      'bulk',
      '-1',
      '',
    ])
    expect(asked[0]).toMatchObject({
      failureDomain: 'topology.kubernetes.io/zone',
      labelSelector: 'x=y',
      flavors: [{ name: '100GiB,r3,class=fast' }, { name: 'small' }, { name: 'bulk' }],
    })
  })

  it('counts a default table without any', async () => {
    const json = JSON.parse((await cluster.run('placement capacity -o json')).stdout)
    expect(json.flavors.length).toBeGreaterThan(3)
  })

  it.each([
    ['--vm 100GiB', 'needs CPUs and memory'],
    ['--volume 4cpu,1GiB', 'it is a machine and no volume'],
    ['--vm 4cpu,16GiB,what', '"what" of "4cpu,16GiB,what" is not understood'],
    ['--domain node', 'hosts are always counted'],
    ['--flavors /nonexistent', '/nonexistent cannot be read: it does not exist'],
  ])('%s is refused', async (flags, message) => {
    const { code, stderr } = await cluster.run(`placement capacity ${flags}`)
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
  })
})

describe('placement what-if', () => {
  const result = WhatIfResult.fromPartial({
    summary: 'rack=a (2 hosts) fails: 1 machine stops; 1 machine starts again',
    impacts: [
      { subject: 'vm/ci', kind: IMPACT_KIND_STOPS, reason: 'no host left has room' },
      { subject: 'vm/db', kind: IMPACT_KIND_RESTARTS, reason: 'it starts again on n3' },
    ],
    impactCounts: [
      { kind: IMPACT_KIND_STOPS, count: 1 },
      { kind: IMPACT_KIND_RESTARTS, count: 4 },
    ],
    shortages: [{ resource: 'cpu_millis', where: 'rack=b', missing: 2500n }],
    moves: [
      {
        ...{ number: 1, kind: MoveKind.MOVE_KIND_RESTART, subject: 'vm/db' },
        ...{ fromNode: 'n1', toNode: 'n3' },
      },
      {
        ...{ number: 2, kind: MoveKind.MOVE_KIND_ADD_REPLICA, subject: 'volume/data' },
        ...{ toNode: 'n4', toPool: 'nvme', copiedBytes: 100n * GIB, after: [1] },
      },
    ],
    moveCount: 2,
    copiedBytes: 100n * GIB,
    brokenGuarantees: [BROKEN],
  })

  it('shows what each step would do', async () => {
    cluster.services = {
      placement: {
        async whatIf(request) {
          asked.push({ ...request })
          return { results: [result], resourceVersion: 42n }
        },
      },
    }
    const { code, stdout, stderr } = await cluster.run('placement what-if fail rack=a')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toBe(
      '1. fail rack=a\n' +
        '  rack=a (2 hosts) fails: 1 machine stops; 1 machine starts again\n' +
        '  Impacts (1 Stops, 4 Restarts):\n' +
        '    SUBJECT  WHAT      WHY\n' +
        '    vm/ci    Stops     no host left has room\n' +
        '    vm/db    Restarts  it starts again on n3\n' +
        '    … and 3 more (--full lists them)\n' +
        '  Moves (2, 100GiB to copy):\n' +
        '    #  MOVE        SUBJECT      FROM  TO       COPIES\n' +
        '    1  Restart     vm/db        n1    n3            -\n' +
        '    2  AddReplica  volume/data  -     n4/nvme  100GiB\n' +
        '  Shortages:\n' +
        '    SHORT OF   MISSING  WHERE\n' +
        '    cpu       2.5 CPUs  rack=b\n' +
        '  Guarantees that no longer hold:\n' +
        '    LOSS OF  WHY\n' +
        '    rack=b   2 of 31 machines find no room: 12 GiB of memory short\n' +
        'Played from revision 42. Nothing was changed.\n',
    )
    expect(asked[0]).toEqual({
      steps: [{ action: { $case: 'failDomain', value: { label: RACK, value: 'a' } } }],
      full: false,
    })
    const json = JSON.parse((await cluster.run('placement what-if fail n1 -o json')).stdout)
    expect(json.results[0].moves[1]).toMatchObject({ kind: 'MOVE_KIND_ADD_REPLICA', toNode: 'n4' })
  })

  const none = { profile: [], like: [], count: [], labels: {} }
  const actions = async (line: string, flags = {}) => {
    const { steps } = await parseSteps(line.split(' '), { ...none, ...flags })
    return steps.map(({ action }) => [action?.$case, action?.value])
  }

  const understood: [line: string, actions: unknown[][]][] = [
    ['fail n3', [['failNode', 'n3']]],
    ['fail node=n3', [['failNode', 'n3']]],
    ['fail example.com/row=7', [['failDomain', { label: 'example.com/row', value: '7' }]]],
    [
      'fail n3 then return n3 then drain node=n2',
      [
        ['failNode', 'n3'],
        ['returnNode', 'n3'],
        ['drainNode', 'n2'],
      ],
    ],
    ['remove n7', [['removeNode', 'n7']]],
    [
      'add nodes profile=ax162 count=3 rack=d tier=fast',
      [['addNodes', { profile: 'ax162', count: 3, labels: { [RACK]: 'd', tier: 'fast' } }]],
    ],
    ['add node like=n1', [['addNodes', { profile: 'like:n1', count: 1, labels: {} }]]],
    [
      'place 4cpu,16GiB count=10',
      [['place', { count: 10, flavor: expect.objectContaining({ name: '4cpu,16GiB' }) }]],
    ],
  ]
  it.each(understood)('understands "%s"', async (line, expected) => {
    expect(await actions(line)).toEqual(expected)
  })

  it('takes flags for the one step that they can belong to', async () => {
    const flags = { profile: ['ax162'], count: ['2'], labels: { rack: 'd' } }
    expect(await actions('fail n1 then add nodes', flags)).toEqual([
      ['failNode', 'n1'],
      ['addNodes', { profile: 'ax162', count: 2, labels: { [RACK]: 'd' } }],
    ])
    expect(await actions('add nodes then place 1GiB', flags)).toMatchObject([
      ['addNodes', { count: 2 }],
      ['place', { count: 1 }],
    ])
    const each = { profile: ['ax162'], count: ['3', '10'] }
    expect(await actions('add nodes then place 1GiB', each)).toMatchObject([
      ['addNodes', { profile: 'ax162', count: 3 }],
      ['place', { count: 10 }],
    ])
    const counts = { count: ['2'] }
    await expect(actions('add nodes like=n1 then place 1GiB', counts)).rejects.toThrow(
      'count=2 could belong to several steps',
    )
    await expect(actions('fail n1', counts)).rejects.toThrow('no step takes count=2')
  })

  const refusedSteps: [line: string, message: string][] = [
    ['explode n3', '"explode" is not a step'],
    ['fail', 'fail what?'],
    ['fail n3 n4', '"n4" behind "fail n3" is too much'],
    ['fail n3 then', 'there is no step beside "then"'],
    ['drain rack=a', '"rack=a" is not a node'],
    ['add racks', 'only nodes can be added'],
    ['add nodes', 'needs profile=NAME or like=NODE'],
    ['add nodes profile=', '"profile=" needs a value'],
    ['place 4cpu,16GiB count=none', '"none" is not a count'],
    ['place fast', 'is not understood'],
  ]
  it.each(refusedSteps)('refuses "%s"', async (line, message) => {
    const { code, stderr } = await cluster.run(`placement what-if ${line}`)
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
  })
})
