/** What must hold of machines in every state. */
import type { Violation, VirtualMachine, VirtualMachineDisk } from '@keelson/shared/model'
import type { StateView } from './cluster-state.ts'

type Report = (rule: Violation['rule'], subject: string, message: string) => void
type Rule = (state: StateView, report: Report) => void

function machinesReferToNodes(state: StateView, report: Report): void {
  for (const machine of state.virtualMachines.values()) {
    const { node, standbyNode, targetNode } = machine.status
    for (const name of [node, standbyNode, targetNode])
      if (name !== '' && !state.nodes.has(name))
        report('machine-node-exists', subject(machine), `node ${name} does not exist`)
  }
}

function disksReferToVolumes(state: StateView, report: Report): void {
  const writers = new Map<string, string>()
  for (const machine of state.virtualMachines.values()) {
    const { spec, status } = machine
    for (const { volume } of status.disks)
      if (!state.volumes.has(volume))
        report('machine-volume-exists', subject(machine), `volume ${volume} does not exist`)
    const shown = status.disks.map((disk) => disk.volume).join(', ')
    const wanted = spec.disks.map(volumeOf).join(', ')
    if (shown !== wanted)
      report('machine-disks-shown', subject(machine), `has ${shown}, its spec ${wanted}`)
    for (const disk of spec.disks) {
      if (disk.readOnly) continue
      const other = writers.get(volumeOf(disk))
      if (other !== undefined)
        report('volume-has-one-writer', `volume/${volumeOf(disk)}`, `${other}, ${subject(machine)}`)
      writers.set(volumeOf(disk), subject(machine))
    }
  }
}

function volumeOf({ source }: VirtualMachineDisk): string {
  return source.type === 'Volume' ? source.volume : source.newVolume.name
}

/** Room is set aside for a machine that has a place, and for no other. */
function reservationsFollowPlaces(state: StateView, report: Report): void {
  for (const machine of state.virtualMachines.values()) {
    const { spec, status } = machine
    const { node, reserved, standbyNode, targetNode, targetReserved } = status
    if ((node !== '') !== (reserved !== undefined))
      report('machine-reserved-where-placed', subject(machine), `on "${node}"`)
    if ((targetNode !== '') !== (targetReserved !== undefined))
      report('machine-reserved-where-placed', subject(machine), `on the way to "${targetNode}"`)
    if (spec.runPolicy === 'Halted' && node !== '')
      report('machine-halted-has-no-place', subject(machine), `on ${node}`)
    if (standbyNode !== '' && standbyNode === node)
      report('machine-standby-elsewhere', subject(machine), `both on ${node}`)
    if (standbyNode !== '' && node === '')
      report('machine-standby-elsewhere', subject(machine), `on ${standbyNode}, it has no place`)
  }
}

function machinesAreNamed(state: StateView, report: Report): void {
  for (const [id, { meta }] of state.virtualMachines.entries())
    if (meta.name !== id) report('name-is-key', `vm/${id}`, `named ${meta.name}`)
}

/** The rules about machines. */
export const MACHINE_RULES: readonly Rule[] = [
  machinesReferToNodes,
  disksReferToVolumes,
  reservationsFollowPlaces,
  machinesAreNamed,
]

function subject({ meta }: VirtualMachine): string {
  return `vm/${meta.name}`
}
