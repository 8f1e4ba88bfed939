/** What would happen if. */
import type { PlacementServiceService } from '@keelson/shared/api'
import { whatIfResultCodec, whatIfStepCodec } from '@keelson/shared/codec'
import { KeelsonError } from '@keelson/shared/errors'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import {
  checkLabelKey,
  checkLabels,
  type WhatIfResult,
  type WhatIfStep,
} from '@keelson/shared/model'
import { admitFlavor, at } from '../../admission/index.ts'
import { checkPolicy, fleetView, playSteps, worldOfView } from '../../placement/index.ts'
import { reader } from '../access.ts'
import type { CurrentTerm } from '../term.ts'
import { cutCheck } from './guarantees.ts'

/** Most steps of one play. */
const MOST_STEPS = 32
/** Most hosts that the steps add, and things that they place. */
const MOST_ADDED = 1_000
const MOST_PLACED = 10_000
/** Impacts and moves of a result unless all were asked for. */
const MOST_LISTED = 100

/** WhatIf. */
export function whatIfHandlers(
  current: CurrentTerm,
): Pick<ServiceHandlers<typeof PlacementServiceService>, 'whatIf'> {
  return {
    async whatIf(request, context) {
      reader(context)
      const { pipeline } = current()
      const { state } = pipeline
      const { length } = request.steps
      if (length < 1 || length > MOST_STEPS)
        throw new KeelsonError(
          'INVALID_ARGUMENT',
          `steps: ${length}, 1 to ${MOST_STEPS} are possible`,
        )
      const steps = request.steps.map((step, index) =>
        checkStep(whatIfStepCodec.read(step, `steps[${index}]`), `steps[${index}]`),
      )
      checkSum(steps, 'AddNodes', MOST_ADDED)
      checkSum(steps, 'Place', MOST_PLACED)
      const results = playSteps(worldOfView(fleetView(state)), steps)
      const response = {
        results: results.map((result) => whatIfResultCodec.write(cut(result, request.full))),
        resourceVersion: BigInt(state.revision),
      }
      await pipeline.settled()
      return response
    },
  }
}

/** Checks what the play itself takes for granted; raises INVALID_ARGUMENT with the path. */
function checkStep(step: WhatIfStep, path: string): WhatIfStep {
  const refuse = (field: string, problem: string): never => {
    throw new KeelsonError('INVALID_ARGUMENT', `${path}.${field}: ${problem}`)
  }
  switch (step.type) {
    case 'FailDomain':
      at(`${path}.fail_domain.label`, () => checkLabelKey(step.domain.label))
      break
    case 'AddNodes':
      if (step.count > MOST_ADDED)
        refuse('add_nodes.count', `${step.count} hosts, at most ${MOST_ADDED} are possible`)
      at(`${path}.add_nodes.labels`, () => checkLabels(step.labels))
      break
    case 'Place':
      if (step.count > MOST_PLACED)
        refuse('place.count', `${step.count}, at most ${MOST_PLACED} are possible`)
      return { ...step, flavor: admitFlavor(step.flavor, `${path}.place.flavor`) }
    case 'SetPolicy':
      at(`${path}.set_policy`, () => checkPolicy(step.policy))
      break
    default:
      if (step.node === '') refuse(FIELDS[step.type], 'is empty')
  }
  return step
}

/** Steps together may not do more than one alone. */
function checkSum(steps: readonly WhatIfStep[], type: 'AddNodes' | 'Place', most: number): void {
  const sum = steps.reduce((sum, step) => sum + (step.type === type ? step.count : 0), 0)
  if (sum <= most) return
  const what = type === 'Place' ? 'things to place' : 'hosts to add'
  throw new KeelsonError('INVALID_ARGUMENT', `steps: ${sum} ${what}, at most ${most} are possible`)
}

const FIELDS = {
  FailNode: 'fail_node',
  ReturnNode: 'return_node',
  DrainNode: 'drain_node',
  RemoveNode: 'remove_node',
} as const

function cut(result: WhatIfResult, full: boolean): WhatIfResult {
  if (full) return result
  return {
    ...result,
    impacts: result.impacts.slice(0, MOST_LISTED),
    moves: result.moves.slice(0, MOST_LISTED),
    brokenGuarantees: result.brokenGuarantees.slice(0, MOST_LISTED).map(cutCheck),
  }
}
