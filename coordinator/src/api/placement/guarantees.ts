/** Proofs that failure domains may be lost. */
import type { PlacementServiceService } from '@keelson/shared/api'
import { guaranteeCheckCodec, guaranteeCodec } from '@keelson/shared/codec'
import { KeelsonError } from '@keelson/shared/errors'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import {
  checkLabelKey,
  type Guarantee,
  type GuaranteeCheck,
  type PlacementPolicy,
} from '@keelson/shared/model'
import { checkGuarantee, fleetView, placedRules, worldOfView } from '../../placement/index.ts'
import type { StateView } from '../../state/index.ts'
import { reader } from '../access.ts'
import type { CurrentTerm } from '../term.ts'

/** Most guarantees in one call. */
const MOST_GUARANTEES = 16
/** Breaks of a check unless all were asked for. */
const MOST_BREAKS = 20

/** VerifyGuarantees. */
export function guaranteeHandlers(
  current: CurrentTerm,
): Pick<ServiceHandlers<typeof PlacementServiceService>, 'verifyGuarantees'> {
  return {
    async verifyGuarantees({ full, guarantees, tenant }, context) {
      reader(context)
      const { pipeline } = current()
      const { state } = pipeline
      if (guarantees.length > MOST_GUARANTEES)
        throw new KeelsonError(
          'INVALID_ARGUMENT',
          `guarantees: ${guarantees.length}, at most ${MOST_GUARANTEES} are possible`,
        )
      const view = fleetView(state)
      const asked = guarantees.map((guarantee, index) => {
        const read = guaranteeCodec.read(guarantee, `guarantees[${index}]`)
        if (read.failureDomain !== '') checkLabelKey(read.failureDomain)
        return read
      })
      const checks = verify(state, asked.length > 0 ? asked : inForce(view.policy({}).guarantees))
        .map((check) => (tenant === '' ? check : ofTenant(state, check, tenant)))
        .sort((a, b) => Number(a.holds) - Number(b.holds))
      const response = {
        allHold: checks.every(({ holds }) => holds),
        checks: checks.map((check) => guaranteeCheckCodec.write(full ? check : cutCheck(check))),
        resourceVersion: BigInt(state.revision),
      }
      await pipeline.settled()
      return response
    },
  }
}

function verify(state: StateView, guarantees: readonly Guarantee[]): GuaranteeCheck[] {
  const view = fleetView(state)
  const rules = placedRules(view)
  return guarantees.flatMap((guarantee) => checkGuarantee(view.fleet, rules, guarantee))
}

function inForce(guarantees: readonly Guarantee[]): Guarantee[] {
  return guarantees.filter(({ mode }) => mode !== 'Off')
}

/** The check as far as it concerns what one tenant owns. */
function ofTenant(state: StateView, check: GuaranteeCheck, tenant: string): GuaranteeCheck {
  if (check.holds) return check
  const breaks = check.breaks.filter(({ subject }) => ownerOf(state, subject) === tenant)
  if (breaks.length > 0) return { ...check, breaks, breakCount: breaks.length }
  const summary = `nothing of tenant "${tenant}" would break, but ${check.summary}`
  return { ...check, holds: true, summary, breaks, breakCount: 0, shortages: [] }
}

function ownerOf({ virtualMachines, volumes }: StateView, subject: string): string {
  const name = subject.slice(subject.indexOf('/') + 1)
  const record = subject.startsWith('vm/') ? virtualMachines.get(name) : volumes.get(name)
  return record?.meta.tenant ?? ''
}

/** A check with the first of its breaks. */
export function cutCheck(check: GuaranteeCheck): GuaranteeCheck {
  return { ...check, breaks: check.breaks.slice(0, MOST_BREAKS) }
}

/** The guarantees that would not hold under a policy for what is placed already. */
export function brokenUnder(state: StateView, policy: PlacementPolicy): GuaranteeCheck[] {
  if (inForce(policy.guarantees).length === 0) return []
  const { fleet, guarantees, rules } = worldOfView(fleetView(state)).change({
    type: 'SetPolicy',
    policy,
  })
  return inForce(guarantees)
    .flatMap((guarantee) => checkGuarantee(fleet, rules, guarantee))
    .filter(({ holds }) => !holds)
    .map(cutCheck)
}
