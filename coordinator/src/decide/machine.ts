import { KeelsonError } from '@keelson/shared/errors'
import type { VirtualMachine, VirtualMachineSpec } from '@keelson/shared/model'
import type { MachinePlacement, MachineWanted } from '../placement/index.ts'
import { checkRules, machineWarnings, placeMachines } from '../placement/index.ts'
import type { StateView } from '../state/index.ts'
import type { CommandOf } from './command.ts'
import { createDraft, type Decision } from './draft.ts'
import { conflicting, differences, findMachine, found, newMeta } from './lookup.ts'
import { demandOf, placeNew, wantsPlace, withPlace } from './machine-place.ts'
import {
  checkAttachable,
  checkNewNames,
  completeDisks,
  diskStatuses,
  interfaceStatuses,
  makeVolumes,
  newVolumesOf,
} from './machine-volumes.ts'
import { checkVolumeNames, markDeleting, notPlaceable, refuseWithSnapshots } from './volume.ts'
import { tellWarnings } from './warn.ts'

/**
 * Places and creates a machine with its new volumes: one decision, one transaction. The same name
 * with the same parameters is the same machine. One that is halted gets its volumes where it could
 * run, and no place.
 */
export function decideCreateVirtualMachine(
  state: StateView,
  command: CommandOf<'CreateVirtualMachine'>,
): Decision {
  const { name, stamp, tenant = '', volumeUids } = command
  const spec = completeDisks(state, command.spec)
  const draft = createDraft(state, stamp)
  const existing = state.virtualMachines.get(name)
  if (existing) {
    refuseOther(existing, spec, tenant)
    return draft.decision({ name })
  }
  checkNames(state, name, spec)
  const halted = !wantsPlace(spec)
  const machine = newMachine(command, spec)
  if (halted && volumeUids.length === 0) {
    checkRules(state, machine.meta, demandOf(spec, tenant))
    draft.put('virtualMachine', name, withPlace(state, machine, NOWHERE, stamp.now))
    draft.event('Normal', 'VirtualMachineCreated', `vm/${name}`, 'it does not run')
    return draft.decision({ name })
  }
  const placement = placeNew(state, command, spec)
  if (placement.node === '') throw notPlaceable(placement.report)
  const { tieBreakers, volumes: places } = placement
  makeVolumes(draft, { spec, tenant, uids: volumeUids, places, tieBreakers })
  const place = halted ? NOWHERE : placement
  const names = newVolumesOf(spec).map((volume) => volume.name)
  const demand = demandOf(spec, tenant)
  const placed = { ...placement, ...place }
  const warnings = machineWarnings(state, machine.meta, demand, names, placed)
  const report = tellWarnings(draft, `vm/${name}`, placement.report, warnings)
  draft.put('virtualMachine', name, withPlace(state, machine, place, stamp.now))
  const message = halted ? 'it does not run' : `placed on ${placement.node}`
  draft.event('Normal', 'VirtualMachineCreated', `vm/${name}`, message)
  return draft.decision({ name, report })
}

/** No place. */
export const NOWHERE = { node: '', standbyNode: '', reserved: undefined } as const

function newMachine(
  { labels, name, stamp, tenant }: CommandOf<'CreateVirtualMachine'>,
  spec: VirtualMachineSpec,
): VirtualMachine {
  return {
    meta: newMeta(name, labels, stamp, tenant),
    spec,
    status: {
      phase: 'Pending',
      conditions: [],
      node: '',
      targetNode: '',
      disks: diskStatuses(spec),
      interfaces: interfaceStatuses(spec),
      standbyNode: '',
    },
  }
}

function refuseOther(
  { meta, spec: existing }: VirtualMachine,
  spec: VirtualMachineSpec,
  tenant: string,
): void {
  const { compute: has, ...others } = existing
  const { compute: wants, ...wanted } = spec
  const changed = [
    ...differences({ tenant: meta.tenant ?? '' }, { tenant }),
    ...differences<object>(has, { confidentialMode: undefined, ...wants }),
    ...differences(others, wanted),
  ]
  if (changed.length > 0) conflicting('machine', meta.name, changed)
}

/** A name that exists nowhere is a mistake, not a shortage: NOT_FOUND before placing. */
function checkNames(state: StateView, name: string, spec: VirtualMachineSpec): void {
  for (const node of spec.rules.nodes) found(state.nodes.get(node), 'node', node)
  const existing = spec.disks.filter(({ source }) => source.type === 'Volume')
  checkAttachable(state, name, existing)
  checkNewNames(state, spec)
  for (const volume of newVolumesOf(spec)) checkVolumeNames(state, volume.spec)
}

/**
 * Places for machines that are to be created together, found as one problem; undefined for those
 * that exist or are refused whatever the places are: their own decision says so.
 */
export function planVirtualMachines(
  state: StateView,
  commands: readonly CommandOf<'CreateVirtualMachine'>[],
): readonly (MachinePlacement | undefined)[] {
  const wanted = commands.map((command) => plannable(state, command))
  const placements = placeMachines(
    state,
    wanted.flatMap((one) => one ?? []),
  )
  let next = 0
  return wanted.map((one) => one && placements[next++])
}

function plannable(
  state: StateView,
  { labels, name, spec, stamp, tenant = '' }: CommandOf<'CreateVirtualMachine'>,
): MachineWanted | undefined {
  if (state.virtualMachines.has(name)) return undefined
  try {
    const completed = completeDisks(state, spec)
    checkNames(state, name, completed)
    const newVolumes = newVolumesOf(completed).map((volume) => volume.name)
    if (!wantsPlace(completed) && newVolumes.length === 0) return undefined
    const subject = { name, uid: stamp.uid, labels }
    return { subject, demand: demandOf(completed, tenant), newVolumes }
  } catch (error) {
    if (error instanceof KeelsonError) return undefined
    throw error
  }
}

/**
 * Deletes a machine, and the volumes made with it that are not to be kept. Nobody runs it, so its
 * record goes at once.
 */
export function decideDeleteVirtualMachine(
  state: StateView,
  command: CommandOf<'DeleteVirtualMachine'>,
): Decision {
  const { keepVolumes, name, stamp } = command
  const machine = findMachine(state, name)
  const draft = createDraft(state, stamp)
  const volumes = keepVolumes ? [] : volumesOfItsOwn(machine)
  for (const volume of volumes) {
    refuseShared(state, volume, name)
    refuseWithSnapshots(state, volume)
    markDeleting(draft, found(state.volumes.get(volume), 'volume', volume))
    draft.event('Normal', 'VolumeDeleting', `volume/${volume}`, `it goes with vm/${name}`)
  }
  draft.remove('virtualMachine', name)
  draft.event('Normal', 'VirtualMachineDeleted', `vm/${name}`, 'deletion requested')
  return draft.decision({ name, volumes })
}

function volumesOfItsOwn({ spec }: VirtualMachine): string[] {
  return newVolumesOf(spec).flatMap(({ keep, name }) => (keep ? [] : name))
}

function refuseShared(state: StateView, volume: string, name: string): void {
  const others = [...state.hosts.machinesOf(volume)].filter((other) => other !== name).sort()
  if (others.length === 0) return
  throw new KeelsonError(
    'FAILED_PRECONDITION',
    `volume "${volume}" of machine "${name}" is used by machine "${others[0]}" too`,
    { reason: 'in-use', details: ['keep the volumes, or take it from the other machine first'] },
  )
}
