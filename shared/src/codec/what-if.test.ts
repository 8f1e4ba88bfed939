import { describe, expect, it } from 'vitest'
import * as pb from '../gen/keelson/v1/placement.ts'
import {
  type Flavor,
  type GuaranteeCheck,
  IMPACT_KINDS,
  type Move,
  NO_RULES,
  type WhatIfResult,
  type WhatIfStep,
} from '../model/index.ts'
import { flavorCapacityCodec, flavorCodec } from './capacity.ts'
import { guaranteeCheckCodec } from './guarantee.ts'
import { moveCodec, whatIfResultCodec, whatIfStepCodec } from './what-if.ts'

const VOLUME: Flavor = {
  name: '100GiB,r2',
  demand: {
    type: 'Volume',
    volume: {
      ...{ sizeBytes: 2 ** 36, storageClass: 'fast', pool: '', poolKinds: ['LVM_THIN'] },
      ...{ replicas: 2, rules: NO_RULES, replicaRules: [], tieBreakerMode: 'Never', tenant: 't' },
    },
  },
}

const CHECK: GuaranteeCheck = {
  guarantee: { failureDomain: 'rack', losses: 2, mode: 'Warn' },
  ...{ domains: ['a', ''], holds: false, summary: 'no', breakCount: 9 },
  breaks: IMPACT_KINDS.map((kind) => ({ subject: `vm/${kind}`, kind, reason: 'because' })),
  shortages: [{ resource: 'memory_bytes', where: 'rack=b', missing: 2 ** 40 }],
}

const MOVE: Move = {
  ...{ number: 2, kind: 'AddReplica', subject: 'volume/data', fromNode: '', fromPool: '' },
  ...{ toNode: 'n1', toPool: 'p', copiedBytes: 2 ** 36, gain: 0.5, reason: 'lost', after: [1] },
}

const RESULT: WhatIfResult = {
  ...{ summary: 's', impacts: CHECK.breaks, shortages: CHECK.shortages, moveCount: 7 },
  impactCounts: [{ kind: 'DataLost', count: 3 }],
  ...{ moves: [MOVE], copiedBytes: 2 ** 41, brokenGuarantees: [CHECK] },
}

const COUNT = { count: 1, upperBound: 2, bindingResource: 'memory', summary: '1 fits' }

describe('placement results', () => {
  it('come over the wire as they were', () => {
    const sent =
      <T>(type: { encode(m: T): { finish(): Uint8Array }; decode(b: Uint8Array): T }) =>
      (message: T) =>
        type.decode(type.encode(message).finish())
    const check = sent(pb.GuaranteeCheck)(guaranteeCheckCodec.write(CHECK))
    expect(guaranteeCheckCodec.read(check, 'check')).toStrictEqual(CHECK)
    const result = sent(pb.WhatIfResult)(whatIfResultCodec.write(RESULT))
    expect(whatIfResultCodec.read(result, 'result')).toStrictEqual(RESULT)
    expect(moveCodec.read(sent(pb.Move)(moveCodec.write(MOVE)), 'move')).toStrictEqual(MOVE)
    const flavor = sent(pb.Flavor)(flavorCodec.write(VOLUME))
    expect(flavorCodec.read(flavor, 'flavor')).toStrictEqual(VOLUME)
    const domains = [{ domain: 'a', capacity: COUNT }]
    const counts = { flavor: 'f', now: COUNT, withNodeLoss: COUNT, withDomainLoss: COUNT, domains }
    const capacity = sent(pb.FlavorCapacity)(flavorCapacityCodec.write(counts))
    expect(flavorCapacityCodec.read(capacity, 'capacity')).toStrictEqual(counts)
  })

  const steps: WhatIfStep[] = [
    { type: 'FailNode', node: 'n1' },
    { type: 'FailDomain', domain: { label: 'rack', value: 'a' } },
    { type: 'ReturnNode', node: 'n1' },
    { type: 'DrainNode', node: 'n1' },
    { type: 'RemoveNode', node: 'n1' },
    { type: 'AddNodes', profile: 'ax162', count: 3, labels: { rack: 'a' } },
    { type: 'Place', flavor: VOLUME, count: 10 },
    {
      type: 'SetPolicy',
      policy: { scope: 'Tenant', name: 't', version: 2, weights: { space: 2 }, guarantees: [] },
    },
  ]
  it.each(steps)('and so does a step of $type', (step) => {
    const bytes = pb.WhatIfStep.encode(whatIfStepCodec.write(step)).finish()
    expect(whatIfStepCodec.read(pb.WhatIfStep.decode(bytes), 'step')).toStrictEqual(step)
  })

  it('refuses what is not there, with its path', () => {
    expect(() => whatIfStepCodec.read({ action: undefined }, 'steps[3]')).toThrow(
      'steps[3].action: is missing',
    )
    expect(() => flavorCodec.read({ name: 'x', demand: undefined }, 'flavors[1]')).toThrow(
      'flavors[1].demand: is missing',
    )
  })

  it('takes a count of 0 for 1', () => {
    const action = { $case: 'addNodes' as const, value: { profile: 'p', count: 0, labels: {} } }
    expect(whatIfStepCodec.read({ action }, 'step')).toMatchObject({ count: 1 })
  })
})
