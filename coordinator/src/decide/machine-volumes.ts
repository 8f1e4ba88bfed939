/** The volumes of a machine: those it names, and those that are made with it. */
import { KeelsonError } from '@keelson/shared/errors'
import {
  formatSize,
  type NewVolume,
  type Replica,
  type VirtualMachineDisk,
  type VirtualMachineDiskStatus,
  type VirtualMachineInterfaceStatus,
  type VirtualMachineSpec,
} from '@keelson/shared/model'
import type { Place } from '../placement/index.ts'
import type { StateView } from '../state/index.ts'
import type { Stamp } from './command.ts'
import type { Draft } from './draft.ts'
import { findVolume, newMeta, stillDeleting } from './lookup.ts'
import { newReplicas, numbersBeside, whereAre } from './replicas.ts'
import { completeVolumeSpec, putVolume } from './volume.ts'

/** Name of the volume behind a disk. */
export function volumeOf({ source }: VirtualMachineDisk): string {
  return source.type === 'Volume' ? source.volume : source.newVolume.name
}

/** The volumes a spec asks to be made, in the order of the disks. */
export function newVolumesOf({ disks }: Pick<VirtualMachineSpec, 'disks'>): NewVolume[] {
  return disks.flatMap(({ source }) => (source.type === 'NewVolume' ? source.newVolume : []))
}

/** The spec with the rules of classes in its new volumes; NOT_FOUND for what does not exist. */
export function completeDisks(state: StateView, spec: VirtualMachineSpec): VirtualMachineSpec {
  const disks = spec.disks.map((disk): VirtualMachineDisk => {
    const { source } = disk
    if (source.type === 'Volume') return disk
    const { newVolume } = source
    const wanted = completeVolumeSpec(state, newVolume.spec)
    return { ...disk, source: { type: 'NewVolume', newVolume: { ...newVolume, spec: wanted } } }
  })
  return { ...spec, disks }
}

/**
 * Whether a machine may use these volumes: they exist, stay, and nobody else writes to one that
 * it writes to, or reads what it writes. Raises NOT_FOUND and FAILED_PRECONDITION.
 */
export function checkAttachable(
  state: StateView,
  machine: string,
  disks: readonly VirtualMachineDisk[],
): void {
  for (const disk of disks) {
    const name = volumeOf(disk)
    const volume = findVolume(state, name)
    if (volume.meta.deletionRequestedAt !== undefined) stillDeleting('volume', name)
    if (disk.readOnly) continue
    const writer = [...state.hosts.machinesOf(name)].sort().find((other) => {
      if (other === machine) return false
      const used = state.virtualMachines.get(other)!.spec.disks
      return used.some((one) => volumeOf(one) === name && !one.readOnly)
    })
    if (writer !== undefined)
      throw new KeelsonError(
        'FAILED_PRECONDITION',
        `volume "${name}" is written by machine "${writer}"`,
        { reason: 'in-use', details: ['one machine alone may write to a volume'] },
      )
  }
}

/** ALREADY_EXISTS if a volume to be made has the name of another. */
export function checkNewNames(state: StateView, spec: VirtualMachineSpec): void {
  for (const { name } of newVolumesOf(spec))
    if (state.volumes.has(name))
      throw new KeelsonError('ALREADY_EXISTS', `volume "${name}" exists`, {
        details: ['use it as an existing volume, or give the new one another name'],
      })
}

/** How new volumes are made. */
export interface VolumesToMake {
  readonly spec: VirtualMachineSpec
  readonly tenant: string
  /** One for each. */
  readonly uids: readonly string[]
  /** For each the places of its replicas. */
  readonly places: readonly (readonly Place[])[]
  /** For each the host of its tie-breaker; empty for none. */
  readonly tieBreakers: readonly string[]
}

/** Makes the volumes of a machine. Together they get DRBD numbers as one after the other would. */
export function makeVolumes(draft: Draft, volumes: VolumesToMake): void {
  const { places, spec, tenant, tieBreakers, uids } = volumes
  const made: Replica[] = []
  for (const [index, { name, spec: wanted }] of newVolumesOf(spec).entries()) {
    const stamp: Stamp = { ...draft.stamp, uid: uids[index]! }
    const taken = numbersBeside(draft.state, made)
    const replicas = newReplicas(taken, places[index]!, tieBreakers[index]!)
    made.push(...replicas)
    putVolume(draft, {
      meta: newMeta(name, {}, stamp, tenant),
      spec: wanted,
      status: { phase: 'Pending', conditions: [], replicas, actualSizeBytes: 0 },
    })
    for (const { node } of replicas) draft.touchNode(node)
    const placed = `${formatSize(wanted.sizeBytes)} placed on ${whereAre(replicas)}`
    draft.event('Normal', 'VolumeCreated', `volume/${name}`, placed)
  }
}

/** Disks as their volumes are known; whether they are local follows from the volumes. */
export function diskStatuses({ disks }: VirtualMachineSpec): VirtualMachineDiskStatus[] {
  return disks.map((disk) => ({
    name: disk.name,
    volume: volumeOf(disk),
    local: false,
    message: '',
  }))
}

/** Interfaces with the addresses the spec gives them. */
export function interfaceStatuses({
  interfaces,
}: VirtualMachineSpec): VirtualMachineInterfaceStatus[] {
  return interfaces.map((one) => ({ ...one, observedIpAddresses: [], message: '' }))
}
