/** What a placement costs guarantees that only warn. */
import type { VirtualMachineDemand, VolumeDemand } from '@keelson/shared/model'
import { poolId, type StateView } from '../state/index.ts'
import { applyChoice } from './choose/index.ts'
import type { MachinePlacement, Subject } from './contract.ts'
import type { Choice, Fleet } from './fleet/index.ts'
import {
  createDomains,
  judgeLoss,
  lossOf,
  type MachineRules,
  type PlacedRules,
  volumeBreach,
} from './guarantee/index.ts'
import { guaranteedLabels } from './policy/index.ts'
import { compileMachine, standbyMode } from './rules/index.ts'
import { type FleetView, fleetView } from './view/index.ts'
import { placedRules } from './whatif/index.ts'

/** Guarantees that only warn and that a volume with replicas on these hosts breaks, in words. */
export function volumeWarnings(
  state: StateView,
  name: string,
  demand: Pick<VolumeDemand, 'storageClass' | 'tenant'>,
  nodes: readonly string[],
): readonly string[] {
  const view = fleetView(state)
  const hosts = nodes.map((node) => view.fleet.hostRow(node))
  return guaranteedLabels(view.policy(demand), 'Warn').flatMap(
    (label) => volumeBreach(view.fleet, name, hosts, label) ?? [],
  )
}

/** The same for a machine in its new place, which is not in the state yet, and its new volumes. */
export function machineWarnings(
  state: StateView,
  subject: Subject,
  demand: VirtualMachineDemand,
  newVolumes: readonly string[],
  placement: Pick<MachinePlacement, 'node' | 'standbyNode' | 'volumes'>,
): readonly string[] {
  const view = fleetView(state)
  const labels = guaranteedLabels(view.policy(demand), 'Warn')
  const volumes = demand.newVolumes.flatMap((volume, index) => {
    const nodes = placement.volumes[index]?.map(({ node }) => node) ?? []
    return volumeWarnings(state, newVolumes[index]!, volume, nodes)
  })
  if (labels.length === 0 || placement.node === '') return volumes
  const after = withMachine(view, subject, demand, newVolumes, placement)
  return [...volumes, ...labels.flatMap((label) => newlyBroken(view, after, label))]
}

interface World {
  readonly fleet: Fleet
  readonly rules: PlacedRules
  /** Row of the host that the machine is on. */
  readonly host: number
}

function withMachine(
  view: FleetView,
  subject: Subject,
  demand: VirtualMachineDemand,
  newVolumes: readonly string[],
  { node, standbyNode, volumes }: Pick<MachinePlacement, 'node' | 'standbyNode' | 'volumes'>,
): World {
  const { name } = subject
  const machine = compileMachine(view, subject, demand, newVolumes)
  const fleet = view.fleet.clone()
  if (fleet.machines.has(name)) fleet.removeMachine(name)
  const choice: Choice = {
    host: fleet.hostRow(node),
    standby: fleet.hostRow(standbyNode),
    pools: volumes.map((places) =>
      places.map((place) => view.poolRow(poolId(place.node, place.pool))),
    ),
    cost: 0,
  }
  applyChoice(fleet, machine.request, choice)
  const placed = fleet.machines.get(name)!
  fleet.putMachine({ ...placed, volumes: [...demand.volumes, ...newVolumes] })
  const rules = placedRules(view)
  const own: MachineRules = {
    hosts: machine.request.hosts,
    locality: demand.volumeLocality,
    standby: standbyMode(view, demand, machine.volumes, 'Warn'),
    priority: 0,
  }
  return {
    fleet,
    rules: { ...rules, machine: (other) => (other === name ? own : rules.machine(other)) },
    host: choice.host,
  }
}

/** Domains whose loss is judged for one warning, at most: each takes a search. */
const MOST_JUDGED = 16

/** The losses that were survived before: of the machine's own domain, and of the fullest others. */
function newlyBroken(view: FleetView, { fleet, host, rules }: World, label: string): string[] {
  const after = createDomains(fleet, rules, label)
  const before = createDomains(view.fleet, rules, label)
  const own = after.of[host]!
  const load = (index: number) => (index === own ? Infinity : after.list[index]!.machines.length)
  const judged = [...after.list.keys()].sort((a, b) => load(b) - load(a)).slice(0, MOST_JUDGED)
  return judged.flatMap((index) => {
    const verdict = judgeLoss(fleet, rules, lossOf(after, [after.list[index]!]))
    if (verdict.holds) return []
    const held = judgeLoss(view.fleet, rules, lossOf(before, [before.list[index]!])).holds
    return held ? [verdict.summary] : []
  })
}
