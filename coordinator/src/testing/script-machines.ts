/**
 * The verbs of golden scripts about machines:
 *
 *     vm create web --cpu 2 --memory 2GiB --new root=10GiB/2 --volumes data,shared:ro
 *     vm update web --policy Halted        vm move web --to a2        vm delete web
 *     policy guarantee rack=Enforce        standbys assign
 */
import type {
  GuaranteeMode,
  NewVolume,
  RunPolicy,
  VirtualMachineDisk,
  VirtualMachineSpec,
} from '@keelson/shared/model'
import { NO_RULES, parseSize } from '@keelson/shared/model'
import type { ScriptCommand } from '@keelson/shared/testing'
import { pendingStandbys, planVirtualMachines } from '../decide/index.ts'
import { policyId } from '../state/index.ts'
import { list, longKey, pairs, submit, type Verb } from './script-tools.ts'
import { showDecision } from './show.ts'
import type { Fields, World } from './world.ts'

/** The verbs. */
export const MACHINE_VERBS: Readonly<Record<string, Verb>> = {
  'vm create': (world, command, [name = '']) =>
    submit(world, 'CreateVirtualMachine', name, creation(world, command, name)),
  'vm create-batch': createBatch,
  'vm update': (world, command, [name = '']) => {
    const { flag, has } = command
    const policy = flag('policy')
    const before = world.state.virtualMachines.get(name)
    const changed = SPEC_FLAGS.some((one) => flag(one) !== undefined)
    return submit(world, 'UpdateVirtualMachine', name, {
      name,
      setLabels: pairs(list(flag('labels'))),
      removeLabels: [],
      expectedResourceVersion: Number(flag('expect') ?? 0),
      dryRun: has('dry-run'),
      ...(policy !== undefined && { runPolicy: policy as RunPolicy }),
      ...(changed && before && { spec: specOf(command, name, before.spec) }),
    })
  },
  'vm move': (world, { flag, has }, [name = '']) =>
    submit(world, 'MoveVirtualMachine', name, {
      name,
      toNode: flag('to') ?? '',
      dryRun: has('dry-run'),
    }),
  'vm delete': (world, { has }, [name = '']) =>
    submit(world, 'DeleteVirtualMachine', name, { name, keepVolumes: has('keep-volumes') }),
  'policy guarantee': setGuarantee,
  'standbys assign': (world) =>
    submit(world, 'AssignStandbys', 'standbys', { standbys: pendingStandbys(world.state) }),
  'vm refresh': (world, _command, machines) =>
    submit(world, 'RefreshVirtualMachines', 'machines', { machines }),
}

/** `policy guarantee rack=Enforce hosts=Warn [--tenant blue]`: all guarantees of a scope. */
function setGuarantee(
  world: World,
  { flag }: ScriptCommand,
  guarantees: readonly string[],
): string {
  const name = flag('tenant') ?? ''
  const scope = name === '' ? 'Cluster' : 'Tenant'
  const id = policyId(scope, name)
  return submit(world, 'SetPolicy', id, {
    expectedVersion: world.state.policies.get(id)?.versions.at(-1)?.version ?? 0,
    policy: {
      ...{ scope, name, version: 0, weights: {} },
      guarantees: guarantees.map((text) => {
        const [domain = '', mode] = text.split('=')
        const failureDomain = domain === 'hosts' ? '' : longKey(domain)
        return { failureDomain, losses: 1, mode: mode as GuaranteeMode }
      }),
    },
  })
}

/** Flags that change a spec when they are given. */
const SPEC_FLAGS = ['cpu', 'memory', 'new', 'volumes', 'nodes', 'apart-from', 'pinned', 'evict']

/** Plans all of them as one problem, then creates each where it was planned. */
function createBatch(world: World, command: ScriptCommand, names: readonly string[]): string {
  const commands = names.map((name) => ({
    type: 'CreateVirtualMachine' as const,
    stamp: world.stamp(name),
    ...creation(world, command, name),
  }))
  const plans = planVirtualMachines(world.state, commands)
  return commands
    .map((one, index) => {
      const plan = plans[index]
      if (plan?.node === '') return `error RESOURCE_EXHAUSTED: ${plan.report.summary}`
      return showDecision(world.decide({ ...one, ...(plan && { plan }) }), world.state)
    })
    .join('\n')
}

function creation(
  world: World,
  command: ScriptCommand,
  name: string,
): Fields<'CreateVirtualMachine'> {
  const { flag, has } = command
  const spec = specOf(command, name)
  const tenant = flag('tenant')
  const made = spec.disks.filter(({ source }) => source.type === 'NewVolume')
  return {
    name,
    labels: pairs(list(flag('labels'))),
    ...(tenant !== undefined && { tenant }),
    dryRun: has('dry-run'),
    spec,
    volumeUids: made.map((disk) => world.stamp(`${name}/${disk.name}`).uid),
  }
}

/** A spec of small numbers, or `base`, with what the flags say. */
function specOf(
  { flag, has }: ScriptCommand,
  name: string,
  base: VirtualMachineSpec = SMALL,
): VirtualMachineSpec {
  const apart = list(flag('apart-from'))
  const disks = [...newDisks(name, flag('new'), has('keep')), ...oldDisks(flag('volumes'))]
  const given = flag('new') !== undefined || flag('volumes') !== undefined
  return {
    ...base,
    runPolicy: (flag('policy') ?? base.runPolicy) as RunPolicy,
    compute: {
      ...base.compute,
      vcpus: Number(flag('cpu') ?? base.compute.vcpus),
      memoryBytes: parseSize(flag('memory') ?? String(base.compute.memoryBytes)),
    },
    rules: {
      ...base.rules,
      ...(flag('nodes') !== undefined && { nodes: list(flag('nodes')) }),
      ...(flag('pinned') !== undefined && { pinned: flag('pinned') === 'yes' }),
      ...(apart.length > 0 && {
        affinities: [
          {
            target: 'VirtualMachine' as const,
            names: apart,
            labelSelector: '',
            relation: 'Apart' as const,
            failureDomain: '',
            strength: 'Required' as const,
            weight: 1,
          },
        ],
      }),
    },
    disks: given ? disks : base.disks,
    ...(flag('evict') === 'Block' && { evictionPolicy: 'Block' as const }),
  }
}

const SMALL: VirtualMachineSpec = {
  runPolicy: 'Always',
  compute: {
    vcpus: 1,
    cpuPolicy: 'Shared',
    isolateEmulatorThread: false,
    memoryBytes: 2 ** 30,
    hugepageSizeBytes: 0,
    numaPolicy: 'Any',
    devices: [],
    cpuModel: 'host-model',
    cpuFeatures: [],
    architecture: 'amd64',
    tpm: false,
    headless: false,
  },
  rules: NO_RULES,
  disks: [],
  interfaces: [],
  volumeLocality: 'Preferred',
  evictionPolicy: 'Migrate',
  priority: 0,
}

/** A small machine's spec, for tests that change what matters to them. */
export function machineSpec(changes: Partial<VirtualMachineSpec> = {}): VirtualMachineSpec {
  return { ...SMALL, ...changes }
}

/** A disk with a volume made for it. */
export function newDisk(
  machine: string,
  name: string,
  fields: { readonly sizeBytes: number; readonly replicas?: number; readonly keep?: boolean },
): VirtualMachineDisk {
  const { keep = false, replicas = 1, sizeBytes } = fields
  const newVolume: NewVolume = {
    name: `${machine}-${name}`,
    keep,
    spec: { sizeBytes, storageClass: '', pool: '', replicas, nodes: [], sourceSnapshot: '' },
  }
  return { name, source: { type: 'NewVolume', newVolume }, bus: 'Virtio', readOnly: false }
}

/** A disk of a volume that exists. */
export function volumeDisk(volume: string, readOnly = false): VirtualMachineDisk {
  return { name: volume, source: { type: 'Volume', volume }, bus: 'Virtio', readOnly }
}

/** `root=10GiB/2,log=1GiB`: name, size, replicas. */
function newDisks(machine: string, text: string | undefined, keep: boolean): VirtualMachineDisk[] {
  return list(text).map((item) => {
    const [, name = '', size = '', replicas = '1'] = /^([^=]+)=([^/]+)(?:\/(\d))?$/.exec(item) ?? []
    const sizeBytes = parseSize(size)
    return newDisk(machine, name, { sizeBytes, replicas: Number(replicas), keep })
  })
}

/** `data,shared:ro`. */
function oldDisks(text: string | undefined): VirtualMachineDisk[] {
  return list(text).map((item) => {
    const [volume = '', mode] = item.split(':')
    return volumeDisk(volume, mode === 'ro')
  })
}
