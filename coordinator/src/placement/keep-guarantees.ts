/**
 * The chooser keeps one guarantee true, that about the fleet's own loss label, and with it every
 * label whose domains lie within those. Labels that cut across it are kept here.
 */
import { type Chooser, canStandBy } from './choose/index.ts'
import type { Choice, Fleet } from './fleet/index.ts'
import { takesKeptRoom, wouldBreak } from './guarantee/index.ts'
import { guaranteedLabels, machineGuarantees } from './policy/index.ts'
import type { CompiledMachine } from './rules/index.ts'
import type { FleetView } from './view/index.ts'

/** A place, or what kept a machine from one that it would have had otherwise. */
export interface KeepingChoice {
  readonly choice: Choice | null
  /** Why guarantees refuse it, with numbers; absent if they do not. */
  readonly refusal?: string
}

/** Hosts that are tried for one machine, at most. */
const MOST_TRIES = 8

/** The best place that breaks no enforced guarantee. */
export function chooseKeeping(
  view: FleetView,
  fleet: Fleet,
  chooser: Chooser,
  machine: CompiledMachine,
): KeepingChoice {
  if (machine.contradictions.length > 0) return { choice: null }
  const kept = fleet.columns.some(({ standby }) => standby)
  if (!kept) return { choice: chooser.choose(machine.request) }
  const breaches = createBreaches(view, fleet, machine)
  let { request } = machine
  let refusal: string | undefined
  for (let turn = 0; turn < MOST_TRIES; turn++) {
    const choice = chooser.choose(request)
    const found = choice && breaches(choice)
    if (!choice || !found) return { choice: null, ...(refusal !== undefined && { refusal }) }
    if (found.length === 0) return { choice }
    const other = otherStandby(fleet, machine, choice, breaches)
    if (other) return { choice: other }
    refusal ??= `a guarantee forbids ${fleet.hosts[choice.host]!.name}: ${found[0]}`
    const hosts = request.hosts?.slice() ?? new Uint8Array(fleet.hostCount).fill(1)
    hosts[choice.host] = 0
    request = { ...request, hosts }
  }
  return { choice: null, ...(refusal !== undefined && { refusal }) }
}

/** What a choice would break that the chooser does not look at, in sentences. */
export type Breaches = (choice: Choice) => readonly string[]

/** Looks at choices for a machine. */
export function createBreaches(
  view: FleetView,
  fleet: Fleet,
  { policy, request }: CompiledMachine,
): Breaches {
  const crossing = crossingLabels(view, fleet)
  const asked = request.standby === 'None' ? [] : guaranteedLabels(policy, 'Enforce')
  const own = crossing.filter((label) => asked.includes(label))
  const others = crossing.filter((label) => !own.includes(label))
  return (choice) => [
    ...wouldBreak(fleet, request, choice, own).map(({ reason }) => reason),
    ...others.flatMap((label) => takesKeptRoom(fleet, request, choice, label) ?? []),
  ]
}

/** Labels of enforced guarantees that cut across the loss domains. */
export function crossingLabels({ state }: FleetView, fleet: Fleet): string[] {
  const all = [...machineGuarantees(state).values()].flatMap((guarantees) =>
    guaranteedLabels({ guarantees }, 'Enforce'),
  )
  return [...new Set(all)].filter((label) => cutsAcross(fleet, label))
}

/** Whether hosts of one domain of a label are in several loss domains. */
function cutsAcross(fleet: Fleet, label: string): boolean {
  const { lossDomains, lossLabel } = fleet
  if (label === '' || label === lossLabel) return false
  const seen = new Map<number, number>()
  return fleet.domainsOf(label).some((domain, host) => {
    const known = seen.get(domain) ?? lossDomains[host]!
    seen.set(domain, known)
    return known !== lossDomains[host]
  })
}

/** The same place with the first standby that breaks nothing. */
function otherStandby(
  fleet: Fleet,
  { mask, request }: CompiledMachine,
  choice: Choice,
  breaches: Breaches,
): Choice | undefined {
  const { amounts, attached, standby: mode } = request
  if (mode === 'None') return undefined
  const domain = fleet.lossDomains[choice.host]!
  const beside = [
    ...attached,
    ...choice.pools.map((rows) => rows.map((row) => fleet.poolHost[row]!)),
  ]
  for (let row = 0; row < fleet.hostCount; row++) {
    if (mask.open[row] === 0 || !canStandBy(fleet, amounts, row, domain)) continue
    if (mode === 'Replica' && !beside.every((rows) => rows.includes(row))) continue
    const other = { ...choice, standby: row }
    if (breaches(other).length === 0) return other
  }
  return undefined
}
