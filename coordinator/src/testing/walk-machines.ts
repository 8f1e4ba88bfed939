/** What the actions of a walk about machines mean. */
import { NO_RULES, type VirtualMachineDisk } from '@keelson/shared/model'
import { type Command, type CommandOf, planVirtualMachines } from '../decide/index.ts'
import { machineSpec, newDisk, volumeDisk } from './script-machines.ts'
import type { Action } from './walk.ts'
import { made, type Scene } from './world.ts'

const GIB = 2 ** 30

/** The command, or undefined for actions about other things. */
export function machineCommand(scene: Scene, step: Action): Command | undefined {
  switch (step.does) {
    case 'createMachine':
      return creation(scene, step)
    case 'updateMachine':
      return update(scene, step)
    case 'moveMachine': {
      const name = oneThatExists(scene, step.machine)
      return made(scene, 'MoveVirtualMachine', name, { name, toNode: step.to })
    }
    case 'deleteMachine': {
      const { keepVolumes } = step
      const name = oneThatExists(scene, step.machine)
      return made(scene, 'DeleteVirtualMachine', name, { name, keepVolumes })
    }
    default:
      return undefined
  }
}

/** The one drawn if it exists, else the first; the one drawn if there is none. */
function oneThatExists({ state: { virtualMachines } }: Scene, drawn: string): string {
  return virtualMachines.has(drawn) ? drawn : (virtualMachines.sortedIds()[0] ?? drawn)
}

type Of<T extends Action['does']> = Extract<Action, { readonly does: T }>

const COMPUTE = machineSpec().compute

function creation(scene: Scene, step: Of<'createMachine'>): Command {
  const { apartFrom, halted, keep, machine, memoryGib, vcpus } = step
  const spec = machineSpec({
    runPolicy: halted ? 'Halted' : 'Always',
    compute: { ...COMPUTE, vcpus, memoryBytes: memoryGib * GIB },
    rules: apartFrom.length === 0 ? NO_RULES : { ...NO_RULES, affinities: [apart(apartFrom)] },
    disks: [
      ...step.made.map((replicas, index) =>
        newDisk(machine, `d${index}`, { sizeBytes: GIB / 4, replicas, keep }),
      ),
      ...disksOf(scene, step.volumes, step.readOnly),
    ],
  })
  const command: CommandOf<'CreateVirtualMachine'> = {
    type: 'CreateVirtualMachine',
    stamp: scene.stamp(`CreateVirtualMachine ${machine}`),
    name: machine,
    labels: {},
    spec,
    volumeUids: step.made.map((_, index) => scene.stamp(`${machine} volume ${index}`).uid),
  }
  if (!step.planned) return command
  const [plan] = planVirtualMachines(scene.state, [command])
  return { ...command, ...(plan && plan.node !== '' && { plan }) }
}

function apart(names: readonly string[]) {
  return {
    target: 'VirtualMachine' as const,
    names,
    labelSelector: '',
    relation: 'Apart' as const,
    failureDomain: '',
    strength: 'Required' as const,
    weight: 1,
  }
}

/** Disks of those that exist: the others would only be refused. */
function disksOf(
  { state }: Scene,
  volumes: readonly string[],
  readOnly: boolean,
): VirtualMachineDisk[] {
  return volumes.filter((name) => state.volumes.has(name)).map((name) => volumeDisk(name, readOnly))
}

/** A run policy alone, or a whole spec based on what is there. */
function update(scene: Scene, step: Of<'updateMachine'>): Command {
  const { machine, runPolicy, vcpus, volumes } = step
  const name = oneThatExists(scene, machine)
  const fields = { name, setLabels: {}, removeLabels: [], expectedResourceVersion: 0 }
  const before = scene.state.virtualMachines.get(name)
  if (!before || (vcpus === 0 && volumes.length === 0))
    return made(scene, 'UpdateVirtualMachine', name, { ...fields, runPolicy })
  const { compute, disks } = before.spec
  const own = disks.filter(({ source }) => source.type === 'NewVolume')
  const spec = {
    ...before.spec,
    runPolicy,
    compute: { ...compute, vcpus: vcpus || compute.vcpus },
    disks: volumes.length > 0 ? [...own, ...disksOf(scene, volumes, false)] : disks,
  }
  return made(scene, 'UpdateVirtualMachine', name, { ...fields, spec })
}
