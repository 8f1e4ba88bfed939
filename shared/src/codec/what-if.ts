import type * as pb from '../gen/keelson/v1/placement.ts'
import type {
  FailureDomain,
  ImpactCount,
  Move,
  MoveKind,
  WhatIfResult,
  WhatIfStep,
} from '../model/index.ts'
import { flavorCodec } from './capacity.ts'
import { guaranteeCheckCodec, impactCodec, impactKindCodec, shortageCodec } from './guarantee.ts'
import { placementReportCodec } from './placement.ts'
import { placementPolicyCodec } from './policy.ts'
import {
  type Codec,
  defaulting,
  int64,
  invalid,
  list,
  number,
  numbers,
  oneOf,
  optional,
  record,
  required,
  text,
  textMap,
} from './record.ts'

/** Move. */
export const moveCodec = record<pb.Move, Move>({
  number,
  kind: oneOf<pb.MoveKind, MoveKind>({ 1: 'Migrate', 2: 'Restart', 3: 'Replica', 4: 'AddReplica' }),
  subject: text,
  fromNode: text,
  fromPool: text,
  toNode: text,
  toPool: text,
  copiedBytes: int64,
  gain: number,
  reason: text,
  after: numbers,
})

const failureDomainCodec = record<pb.FailureDomain, FailureDomain>({ label: text, value: text })

/** A count where 0 means 1. */
const countCodec = defaulting(number, 0, 1)

const addNodesCodec = record<pb.AddNodes, Omit<StepOf<'AddNodes'>, 'type'>>({
  profile: text,
  count: countCodec,
  labels: textMap,
})

const placeCodec = record<pb.PlaceFlavor, Omit<StepOf<'Place'>, 'type'>>({
  flavor: required(flavorCodec),
  count: countCodec,
})

type StepOf<T extends WhatIfStep['type']> = Extract<WhatIfStep, { readonly type: T }>

/** WhatIfStep. */
export const whatIfStepCodec: Codec<pb.WhatIfStep, WhatIfStep> = {
  read({ action }, path) {
    switch (action?.$case) {
      case 'failNode':
        return { type: 'FailNode', node: action.value }
      case 'failDomain':
        return {
          type: 'FailDomain',
          domain: failureDomainCodec.read(action.value, `${path}.fail_domain`),
        }
      case 'returnNode':
        return { type: 'ReturnNode', node: action.value }
      case 'drainNode':
        return { type: 'DrainNode', node: action.value }
      case 'removeNode':
        return { type: 'RemoveNode', node: action.value }
      case 'addNodes':
        return { type: 'AddNodes', ...addNodesCodec.read(action.value, `${path}.add_nodes`) }
      case 'place':
        return { type: 'Place', ...placeCodec.read(action.value, `${path}.place`) }
      case 'setPolicy':
        return {
          type: 'SetPolicy',
          policy: placementPolicyCodec.read(action.value, `${path}.set_policy`),
        }
      default:
        return invalid(`${path}.action`, 'is missing')
    }
  },
  write: (step) => ({ action: actionOf(step) }),
}

function actionOf(step: WhatIfStep): pb.WhatIfStep['action'] {
  switch (step.type) {
    case 'FailNode':
      return { $case: 'failNode', value: step.node }
    case 'FailDomain':
      return { $case: 'failDomain', value: failureDomainCodec.write(step.domain) }
    case 'ReturnNode':
      return { $case: 'returnNode', value: step.node }
    case 'DrainNode':
      return { $case: 'drainNode', value: step.node }
    case 'RemoveNode':
      return { $case: 'removeNode', value: step.node }
    case 'AddNodes':
      return { $case: 'addNodes', value: addNodesCodec.write(step) }
    case 'Place':
      return { $case: 'place', value: placeCodec.write(step) }
    case 'SetPolicy':
      return { $case: 'setPolicy', value: placementPolicyCodec.write(step.policy) }
  }
}

/** WhatIfResult. */
export const whatIfResultCodec = record<pb.WhatIfResult, WhatIfResult>({
  summary: text,
  impacts: list(impactCodec),
  impactCounts: list(record<pb.ImpactCount, ImpactCount>({ kind: impactKindCodec, count: number })),
  shortages: list(shortageCodec),
  moves: list(moveCodec),
  moveCount: number,
  copiedBytes: int64,
  brokenGuarantees: list(guaranteeCheckCodec),
  report: optional(placementReportCodec),
})
