/** Proofs that failure domains may be lost. */
import type { PlacementServiceService } from '@keelson/shared/api'
import { guaranteeCheckCodec, guaranteeCodec } from '@keelson/shared/codec'
import { KeelsonError } from '@keelson/shared/errors'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import type { Guarantee, GuaranteeCheck, PlacementPolicy } from '@keelson/shared/model'
import { at } from '../../admission/index.ts'
import {
  checkGuarantee,
  checkOneGuarantee,
  type FleetView,
  fleetView,
  machineGuarantees,
  placedRules,
  worldOfView,
} from '../../placement/index.ts'
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
      const asked = guarantees.map((guarantee, index) => {
        const read = guaranteeCodec.read(guarantee, `guarantees[${index}]`)
        at(`guarantees[${index}]`, () => checkOneGuarantee(read))
        return read
      })
      const checks = (asked.length > 0 ? verify(state, asked) : verifyPolicies(state, tenant))
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
  const share = 1 / guarantees.length
  return guarantees.flatMap((guarantee) => checkGuarantee(view.fleet, rules, guarantee, share))
}

/** Those of the cluster for everything, and those of tenants for what each of them owns. */
function verifyPolicies(state: StateView, tenant: string): GuaranteeCheck[] {
  return [...machineGuarantees(state)].flatMap(([owner, guarantees]) => {
    if (owner === '') return verify(state, inForce(guarantees))
    if (tenant !== '' && owner !== tenant) return []
    return verifyOwned(state, fleetView(state).fleet, placedRules(fleetView(state)), {
      owner,
      guarantees: inForce(guarantees),
    })
  })
}

/** Guarantees of one tenant: room is promised to its machines alone. */
function verifyOwned(
  state: StateView,
  fleet: FleetView['fleet'],
  rules: ReturnType<typeof placedRules>,
  { guarantees, owner }: { readonly owner: string; readonly guarantees: readonly Guarantee[] },
): GuaranteeCheck[] {
  const owned: typeof rules = {
    ...rules,
    machine(name) {
      const rule = rules.machine(name)
      return ownerOf(state, `vm/${name}`) === owner ? rule : { ...rule, standby: 'None' }
    },
  }
  return guarantees
    .flatMap((guarantee) => checkGuarantee(fleet, owned, guarantee, 1 / guarantees.length))
    .map((check) => ofTenant(state, check, owner))
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
  const { name: owner, scope } = policy
  const checked = inForce(scope === 'Tenant' ? policy.guarantees : guarantees)
  const checks =
    scope === 'Tenant'
      ? verifyOwned(state, fleet, rules, { owner, guarantees: checked })
      : checked.flatMap((one) => checkGuarantee(fleet, rules, one, 1 / checked.length))
  return checks.filter(({ holds }) => !holds).map(cutCheck)
}
