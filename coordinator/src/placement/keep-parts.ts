/**
 * A machine and the volumes made with it are chosen together, so no mask of the one knows where the
 * other goes. What their rules say about each other is judged when they are chosen.
 */
import type { Chooser } from './choose/index.ts'
import type { Choice, Fleet } from './fleet/index.ts'
import { chooseKeeping, type KeepingChoice } from './keep-guarantees.ts'
import { type CompiledMachine, idOf, neighbourRules, type PlacedThing } from './rules/index.ts'
import type { FleetView } from './view/index.ts'

/** Hosts that are tried for one machine, at most. */
const MOST_TRIES = 8

/** The best place in which the parts keep their rules about each other; see `chooseKeeping`. */
export function chooseParts(
  view: FleetView,
  fleet: Fleet,
  chooser: Chooser,
  machine: CompiledMachine,
  partsOf: (choice: Choice) => readonly PlacedThing[],
): KeepingChoice {
  let { request } = machine
  let refusal: string | undefined
  for (let turn = 0; turn < MOST_TRIES; turn++) {
    const kept = chooseKeeping(view, fleet, chooser, { ...machine, request })
    const broken = kept.choice && brokenBetween(view, machine, partsOf(kept.choice))
    if (!kept.choice || !broken) return refusal === undefined ? kept : { choice: null, refusal }
    refusal ??= broken
    const hosts = request.hosts?.slice() ?? new Uint8Array(fleet.hostCount).fill(1)
    hosts[kept.choice.host] = 0
    request = { ...request, hosts }
  }
  return { choice: null, refusal: refusal! }
}

/** The first rule between parts that a choice breaks, in a sentence. */
function brokenBetween(
  view: FleetView,
  { policy }: CompiledMachine,
  parts: readonly PlacedThing[],
): string | undefined {
  const bound = parts.some(({ rules }) => rules.affinities.length + rules.groups.length > 0)
  if (parts.length < 2 || !bound) return undefined
  const shared = policy.missingLabelAction === 'Warn'
  for (const part of parts) {
    const others = parts.filter((other) => other !== part)
    for (const { check } of neighbourRules(view, part, shared, others).rules)
      for (const host of part.hosts) {
        const reason = check(host)
        if (reason !== null)
          return `${idOf(part)} would be on ${view.fleet.hosts[host]!.name}: ${reason}`
      }
  }
  return undefined
}
