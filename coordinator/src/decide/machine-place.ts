/** Where a machine goes, and what its record says about it. */
import { KeelsonError } from '@keelson/shared/errors'
import {
  type Condition,
  type ConditionStatus,
  setCondition,
  type VirtualMachine,
  type VirtualMachineDemand,
  type VirtualMachinePhase,
  type VirtualMachineSpec,
} from '@keelson/shared/model'
import {
  brokenRules,
  demandOfVolume,
  isCovered,
  type MachinePlacement,
  placeMachine,
  placeMachineAgain,
  placeMachineOn,
} from '../placement/index.ts'
import type { StateView } from '../state/index.ts'
import type { CommandOf, MachinePlan } from './command.ts'
import { newVolumesOf } from './machine-volumes.ts'

/** Whether a machine is to have a place. */
export function wantsPlace({ runPolicy }: VirtualMachineSpec): boolean {
  return runPolicy !== 'Halted'
}

/** What a machine that does not exist yet demands. */
export function demandOf(spec: VirtualMachineSpec, tenant: string): VirtualMachineDemand {
  return {
    compute: spec.compute,
    rules: spec.rules,
    networks: [...new Set(spec.interfaces.map(({ network }) => network))],
    volumes: spec.disks.flatMap(({ source }) => (source.type === 'Volume' ? source.volume : [])),
    newVolumes: newVolumesOf(spec).map((volume) =>
      demandOfVolume({ meta: { tenant }, spec: volume.spec }),
    ),
    volumeLocality: spec.volumeLocality,
    tenant,
  }
}

/** A place for a machine and its new volumes: the planned one if it still keeps every rule. */
export function placeNew(
  state: StateView,
  { dryRun, labels, name, plan, stamp, tenant = '' }: CommandOf<'CreateVirtualMachine'>,
  spec: VirtualMachineSpec,
): MachinePlacement {
  const demand = demandOf(spec, tenant)
  const volumes = newVolumesOf(spec).map((volume) => volume.name)
  const subject = { name, uid: stamp.uid, labels }
  const options = { explain: dryRun === true }
  if (plan) {
    const narrowed = asPlanned(demand, plan)
    const again = { ...options, asked: demand }
    const planned = placeMachine(state, subject, narrowed, volumes, again)
    if (planned.node !== '') return planned
  }
  return placeMachine(state, subject, demand, volumes, options)
}

/** Only the planned hosts; machine and standby may change places, which breaks no rule either. */
function asPlanned(demand: VirtualMachineDemand, plan: MachinePlan): VirtualMachineDemand {
  const hosts = [plan.node, plan.standbyNode].filter((node) => node !== '')
  return {
    ...demand,
    rules: { ...demand.rules, nodes: hosts },
    newVolumes: demand.newVolumes.map((volume, index) => {
      const nodes = plan.volumes[index]!.map(({ node }) => node)
      return { ...volume, rules: { ...volume.rules, nodes } }
    }),
  }
}

/**
 * A place for a machine that exists, on one of `nodes` if some are given. Taints keep newcomers
 * away, not what stays where it is.
 */
export function placeAgain(
  state: StateView,
  { meta, spec, status }: VirtualMachine,
  limits: { readonly nodes?: readonly string[]; readonly excludedNodes?: readonly string[] },
  explain: boolean,
): MachinePlacement {
  const { nodes = spec.rules.nodes, excludedNodes = [] } = limits
  const only = limits.nodes?.length === 1 ? limits.nodes[0] : undefined
  const stays = status.node !== '' && nodes.length === 1 && nodes[0] === status.node
  const demand: VirtualMachineDemand = {
    ...demandOf(spec, meta.tenant ?? ''),
    rules: {
      ...spec.rules,
      ...(only === undefined && {
        nodes,
        excludedNodes: [...spec.rules.excludedNodes, ...excludedNodes],
      }),
      ...(stays && { tolerations: [{ key: '' }] }),
    },
    volumes: status.disks.map(({ volume }) => volume),
    newVolumes: [],
  }
  // Its standby may be elsewhere, so one host alone is no rule of the machine.
  if (only !== undefined) return placeMachineOn(state, meta, demand, only, { explain })
  return placeMachineAgain(state, meta, demand, { explain })
}

/** The machine in its place, or without one if placement names none. */
export function withPlace(
  state: StateView,
  machine: VirtualMachine,
  { node, reserved, standbyNode }: Pick<MachinePlacement, 'node' | 'reserved' | 'standbyNode'>,
  now: number,
): VirtualMachine {
  const { reserved: _, ...status } = machine.status
  const placed = { ...status, node, standbyNode, ...(reserved && { reserved }) }
  return withTruth(state, { ...machine, status: placed }, now)
}

/** The machine with the phase and the conditions that follow from its place and its host. */
export function withTruth(state: StateView, machine: VirtualMachine, now: number): VirtualMachine {
  const placed = placedCondition(machine)
  const compliant = compliantCondition(state, machine)
  const conditions = [placed, compliant].reduce(
    (all, condition) => setCondition(all, condition, now),
    withGuarantee(state, machine, now),
  )
  return {
    ...machine,
    status: { ...machine.status, phase: machinePhase(state, machine), conditions },
  }
}

/** Condition of machines that an enforced guarantee covers: whether a standby keeps room. */
export const GUARANTEED = 'Guaranteed'

/** Whoever finds that there is no room for a standby says so; here it is only taken back. */
function withGuarantee(
  state: StateView,
  machine: VirtualMachine,
  now: number,
): readonly Condition[] {
  const { conditions, standbyNode } = machine.status
  if (!isCovered(state, machine)) {
    const others = conditions.filter(({ type }) => type !== GUARANTEED)
    return others.length < conditions.length ? others : conditions
  }
  if (standbyNode === '') return conditions
  const message = `${standbyNode} keeps room for it`
  const kept = { type: GUARANTEED, status: 'True' as const, reason: 'StandbyKept', message }
  return setCondition(conditions, kept, now)
}

/** Nobody runs machines yet: one that has a place is about to start. */
export function machinePhase(
  state: StateView,
  { spec, status }: VirtualMachine,
): VirtualMachinePhase {
  if (!wantsPlace(spec)) return 'Stopped'
  if (status.node === '') return 'Pending'
  if (state.nodes.get(status.node)?.status.phase !== 'Online') return 'Unknown'
  return spec.runPolicy === 'Manual' ? 'Stopped' : 'Starting'
}

function placedCondition({ spec, status }: VirtualMachine) {
  const condition = (truth: ConditionStatus, reason: string, message: string) => ({
    ...{ type: 'Placed', status: truth, reason, message },
  })
  if (status.node !== '') return condition('True', 'Placed', `on ${status.node}`)
  if (!wantsPlace(spec)) return condition('False', 'Halted', 'it does not run and holds no room')
  return condition('False', 'NoRoom', 'it has no place')
}

function compliantCondition(state: StateView, machine: VirtualMachine) {
  const condition = (truth: ConditionStatus, reason: string, message: string) => ({
    ...{ type: 'Compliant', status: truth, reason, message },
  })
  if (machine.status.node === '') return condition('Unknown', 'NoPlace', 'it has no place')
  const broken = brokenRules(state, machine)
  if (broken.length === 0) return condition('True', 'RulesKept', '')
  return condition('False', 'RulesBroken', broken.join('; '))
}

/** FAILED_PRECONDITION about a machine. */
export function refuseMachine(name: string, problem: string, ...details: string[]): never {
  throw new KeelsonError('FAILED_PRECONDITION', `machine "${name}" ${problem}`, { details })
}
