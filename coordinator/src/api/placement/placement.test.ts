import {
  type DeepPartial,
  GetCapacityRequest,
  PlacementPolicy,
  SetPolicyRequest,
  VerifyGuaranteesRequest,
  VirtualMachineDemand,
  type WhatIfRequest,
  type WhatIfStep,
} from '@keelson/shared/api'
import type { CallContext } from '@keelson/shared/grpc'
import { describe, expect, it } from 'vitest'
import { type NodeLine, type Standing, stateOf } from '../../placement/whatif/fixture.ts'
import type { ClusterState } from '../../state/index.ts'
import type { Term } from '../term.ts'
import { placementHandlers } from './index.ts'

const RACK = 'topology.kubernetes.io/rack'
const GIB = 2n ** 30n

const FOUR: readonly NodeLine[] = [
  ['n1', 'a', 16],
  ['n2', 'a', 16],
  ['n3', 'b', 16],
  ['n4', 'c', 16],
]

const STANDING: Standing = {
  volumes: { data: ['n1', 'n3', '(n4)'], logs: ['n1', 'n2'] },
  machines: { db: ['n1', 8, ['data'], 'n3'], web: ['n2', 12] },
}

const as = (identity: CallContext['identity']) =>
  ({ identity, method: 'keelson.v1.PlacementService.Test' }) as CallContext
const VIEWER = as({ kind: 'user', name: 'ben', role: 'viewer' })
const NODE = as({ kind: 'node', node: 'n1' })

/** The handlers over a state that is durable at once. */
function serve(state: ClusterState = stateOf(FOUR, STANDING)) {
  const pipeline = { state, settled: async () => undefined }
  const handlers = placementHandlers(() => ({ pipeline }) as unknown as Term)
  const whatIf = (...actions: WhatIfStep['action'][]) =>
    handlers.whatIf!({ steps: actions.map((action) => ({ action })), full: false }, VIEWER)
  return { handlers, state, whatIf }
}

const verifyRequest = (failureDomain: string) =>
  VerifyGuaranteesRequest.fromPartial({ guarantees: [{ failureDomain, losses: 0, mode: 3 }] })

describe('who may ask', () => {
  const { handlers } = serve()
  const steps: WhatIfRequest = {
    steps: [{ action: { $case: 'failNode', value: 'n1' } }],
    full: false,
  }
  const calls: [name: string, call: (context: CallContext) => Promise<unknown>][] = [
    ['VerifyGuarantees', (context) => handlers.verifyGuarantees!(verifyRequest(''), context)],
    ['GetCapacity', (context) => handlers.getCapacity!(GetCapacityRequest.create(), context)],
    ['WhatIf', (context) => handlers.whatIf!(steps, context)],
  ]
  it.each(calls)('%s: any user, no host', async (_name, call) => {
    await expect(call(VIEWER)).resolves.toBeDefined()
    await expect(call(NODE)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
  })
})

describe('VerifyGuarantees', () => {
  it('tells what breaks first, with numbers and the revision', async () => {
    const { handlers, state } = serve()
    const response = await handlers.verifyGuarantees!(verifyRequest(RACK), VIEWER)
    expect(response).toMatchObject({ allHold: false, resourceVersion: BigInt(state.revision) })
    expect(response.checks!.map(({ domains, holds }) => [domains[0], holds])).toEqual([
      ['a', false],
      ['b', true],
      ['c', true],
    ])
    expect(response.checks![0]).toMatchObject({
      breakCount: 1,
      breaks: [{ subject: 'volume/logs', kind: 5, reason: 'all 2 replicas are lost' }],
      guarantee: { failureDomain: RACK, losses: 1 },
    })
  })

  it('checks the guarantees in force if none are named', async () => {
    const none = await serve().handlers.verifyGuarantees!(VerifyGuaranteesRequest.create(), VIEWER)
    expect(none).toMatchObject({ allHold: true, checks: [] })
    const guarantees = [
      { failureDomain: '', losses: 1, mode: 'Enforce' as const },
      { failureDomain: 'zone', losses: 1, mode: 'Off' as const },
    ]
    const { handlers } = serve(stateOf(FOUR, { ...STANDING, guarantees }))
    const { checks } = await handlers.verifyGuarantees!(VerifyGuaranteesRequest.create(), VIEWER)
    expect(checks!.map(({ domains }) => domains[0])).toEqual(['n1', 'n2', 'n3', 'n4'])
    expect(checks!.every(({ holds }) => holds)).toBe(true)
  })

  it('checks the guarantees of tenants for what they own', async () => {
    const { handlers, state } = serve()
    const guarantees = [{ failureDomain: RACK, losses: 1, mode: 'Enforce' as const }]
    const policy = { scope: 'Tenant', name: 'blue', version: 1, weights: {}, guarantees } as const
    state.apply(
      [{ kind: 'policy', id: 'tenant/blue', value: { versions: [policy] } }],
      state.revision + 1,
    )
    const verify = (tenant = '') =>
      handlers.verifyGuarantees!({ ...VerifyGuaranteesRequest.create(), tenant }, VIEWER)
    expect(await verify()).toMatchObject({ allHold: true, checks: { length: 3 } })
    const logs = state.volumes.get('logs')!
    const owned = { ...logs, meta: { ...logs.meta, tenant: 'blue' } }
    state.apply([{ kind: 'volume', id: 'logs', value: owned }], state.revision + 1)
    expect(await verify()).toMatchObject({
      allHold: false,
      checks: [{ domains: ['a'], breaks: [{ subject: 'volume/logs' }] }, {}, {}],
    })
    expect(await verify('red')).toMatchObject({ allHold: true, checks: [] })
  })

  it('looks at what one tenant owns', async () => {
    const { handlers } = serve()
    const request = { ...verifyRequest(RACK), tenant: 'other' }
    const { allHold, checks } = await handlers.verifyGuarantees!(request, VIEWER)
    expect(allHold).toBe(true)
    expect(checks![0]!.summary).toMatch(/^nothing of tenant "other" would break, but rack=a: /)
  })

  it('lists few breaks unless all are asked for', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `v${index}`)
    const volumes = Object.fromEntries(names.map((name) => [name, ['n1', 'n2']]))
    const { handlers } = serve(stateOf(FOUR, { volumes }))
    const first = async (full: boolean) =>
      (await handlers.verifyGuarantees!({ ...verifyRequest(RACK), full }, VIEWER)).checks![0]!
    expect(await first(false)).toMatchObject({ breakCount: 30, breaks: { length: 20 } })
    expect(await first(true)).toMatchObject({ breakCount: 30, breaks: { length: 30 } })
  })

  it('refuses labels that are none', async () => {
    const { handlers } = serve()
    await expect(handlers.verifyGuarantees!(verifyRequest('-x-'), VIEWER)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
  })
})

describe('WhatIf', () => {
  it('plays steps one after the other and changes nothing', async () => {
    const { state, whatIf } = serve()
    const { revision } = state
    const { resourceVersion, results } = await whatIf(
      { $case: 'failDomain', value: { label: RACK, value: 'a' } },
      { $case: 'addNodes', value: { profile: 'ax162', count: 0, labels: { [RACK]: 'd' } } },
      { $case: 'returnNode', value: 'n1' },
    )
    expect(results!.map(({ summary }) => summary)).toEqual([
      expect.stringContaining('rack=a (2 hosts) fails: '),
      '1 host ax162 added: ax162-new-1',
      expect.stringContaining('n1 comes back: '),
    ])
    expect(results![0]!.impacts[0]).toMatchObject({ subject: 'volume/logs', kind: 5 })
    expect(results![0]!.moves[0]).toMatchObject({ number: 1, kind: 2, subject: 'vm/db' })
    expect([resourceVersion, state.revision]).toEqual([BigInt(revision), revision])
  })

  it('explains the last thing that a step placed', async () => {
    const flavor = {
      name: 'big',
      demand: {
        $case: 'virtualMachine' as const,
        value: VirtualMachineDemand.fromPartial({
          compute: { vcpus: 1, memoryBytes: 8n * GIB },
        }),
      },
    }
    const { results } = await serve().whatIf({ $case: 'place', value: { flavor, count: 9 } })
    expect(results![0]).toMatchObject({
      summary: expect.stringMatching(/^\d of 9 × big placed: /),
      report: { placeable: false },
    })
  })

  const refused: [name: string, action: WhatIfStep['action'], code: string, message: string][] = [
    ['no action', undefined, 'INVALID_ARGUMENT', 'steps[0].action: is missing'],
    ['no name', { $case: 'drainNode', value: '' }, 'INVALID_ARGUMENT', 'steps[0].drain_node'],
    ['an unknown host', { $case: 'failNode', value: 'nx' }, 'NOT_FOUND', 'node "nx" not found'],
    [
      'a bad label',
      { $case: 'failDomain', value: { label: '', value: 'a' } },
      'INVALID_ARGUMENT',
      'steps[0].fail_domain.label: ',
    ],
    [
      'an unknown profile',
      { $case: 'addNodes', value: { profile: 'ax1', count: 1, labels: {} } },
      'INVALID_ARGUMENT',
      'steps[0]: there is no hardware profile "ax1"',
    ],
    [
      'too many hosts',
      { $case: 'addNodes', value: { profile: 'ax162', count: 1001, labels: {} } },
      'INVALID_ARGUMENT',
      'steps[0].add_nodes.count: 1001 hosts, at most 1000',
    ],
    [
      'a flavor without a demand',
      { $case: 'place', value: { flavor: { name: 'x', demand: undefined }, count: 1 } },
      'INVALID_ARGUMENT',
      'steps[0].place.flavor.demand: is missing',
    ],
    [
      'a policy that is none',
      { $case: 'setPolicy', value: PlacementPolicy.fromPartial({ weights: { x: 1 } }) },
      'INVALID_ARGUMENT',
      'steps[0].set_policy: there is no score part "x"',
    ],
  ]
  it.each(refused)('refuses %s', async (_name, action, code, message) => {
    const call = serve().whatIf(action)
    await expect(call).rejects.toMatchObject({ code })
    await expect(call).rejects.toThrow(message)
  })

  it('refuses no step and more than 32', async () => {
    const { whatIf } = serve()
    await expect(whatIf()).rejects.toThrow('steps: 0, 1 to 32 are possible')
    const many = Array.from({ length: 33 }, () => ({ $case: 'failNode' as const, value: 'n1' }))
    await expect(whatIf(...many)).rejects.toThrow('steps: 33, 1 to 32')
  })
})

describe('GetCapacity', () => {
  const capacityRequest = (fields: DeepPartial<GetCapacityRequest>) =>
    GetCapacityRequest.fromPartial(fields)
  const volume = (name: string, replicas: number) => ({
    name,
    demand: { $case: 'volume' as const, value: { sizeBytes: 100n * GIB, replicas } },
  })

  it('counts each flavor by itself', async () => {
    const { handlers } = serve(stateOf(FOUR))
    const request = GetCapacityRequest.fromPartial({
      flavors: [volume('one', 1), volume('two', 2)],
    })
    const { flavors } = await handlers.getCapacity!(request, VIEWER)
    expect(flavors!.map(({ flavor, now }) => [flavor, now?.count])).toEqual([
      ['one', 40n],
      ['two', 20n],
    ])
    expect(flavors![1]).toMatchObject({
      now: { upperBound: 20n, bindingResource: 'storage' },
      withDomainLoss: { count: 20n },
      domains: [{ domain: 'a' }, { domain: 'b' }, { domain: 'c' }],
    })
  })

  const refused: [name: string, fields: DeepPartial<GetCapacityRequest>, message: string][] = [
    [
      'too many flavors',
      { flavors: Array.from({ length: 65 }, () => volume('v', 1)) },
      'flavors: 65 in one call, at most 64',
    ],
    ['no demand', { flavors: [{ name: 'x' }] }, 'flavors[0].demand: is missing'],
    ['a bad label', { failureDomain: '-' }, 'label key "-" is not valid'],
    ['a bad selector', { labelSelector: '!' }, 'is not a label selector term'],
  ]
  it.each(refused)('refuses %s', async (_name, fields, message) => {
    const { handlers } = serve()
    const call = handlers.getCapacity!(capacityRequest(fields), VIEWER)
    await expect(call).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(call).rejects.toThrow(message)
  })
})

describe('SetPolicy', () => {
  it('tells which of its guarantees do not hold for what is placed', async () => {
    const state = stateOf(FOUR, STANDING)
    const policy = {
      ...{ scope: 'Cluster', name: '', version: 1, weights: {} },
      guarantees: [{ failureDomain: RACK, losses: 1, mode: 'Enforce' }],
    } as const
    const submit = async () => ({ record: () => ({ versions: [policy] }) })
    const term = {
      pipeline: { state, submit, settled: async () => undefined },
      admission: { stamp: () => ({}) },
    }
    const handlers = placementHandlers(() => term as unknown as Term)
    const request = SetPolicyRequest.fromPartial({ policy: { scope: 1 }, dryRun: true })
    const admin = as({ kind: 'user', name: 'ada', role: 'admin' })
    const { brokenGuarantees } = await handlers.setPolicy!(request, admin)
    expect(brokenGuarantees!.map(({ domains }) => domains)).toEqual([['a']])
  })
})
