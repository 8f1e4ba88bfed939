import {
  RunPolicy,
  UpdateVirtualMachineRequest,
  UpdateVirtualMachineResponse,
  VirtualMachineServiceService,
  type VirtualMachineSpec,
} from '@keelson/shared/api'
import { usageError } from '../../errors/index.ts'
import { outcomeView, present, rowView } from '../../resource/index.ts'
import {
  argument,
  choice,
  defineVerb,
  labels,
  mutating,
  sizeBytes,
  text,
  texts,
  wholeNumber,
} from '../../verb/index.ts'
import { diskFlags, disksOf, type VolumeWanted } from '../demand/index.ts'
import { placementView } from '../volume/index.ts'
import { vmKind } from './kind.ts'
import { readSpec } from './spec-file.ts'

const RUN_POLICIES = {
  always: RunPolicy.RUN_POLICY_ALWAYS,
  halted: RunPolicy.RUN_POLICY_HALTED,
  manual: RunPolicy.RUN_POLICY_MANUAL,
  'rerun-on-failure': RunPolicy.RUN_POLICY_RERUN_ON_FAILURE,
  once: RunPolicy.RUN_POLICY_ONCE,
} as const

/** `vm update`. */
export const update = defineVerb({
  name: 'update',
  summary: 'change labels, compute, disks, rules and when a machine runs',
  description:
    'A machine keeps its place: what it gets more has to fit there. A changed rule moves nothing; ' +
    'the condition Compliant tells. --file replaces the whole spec, and may be what vm show -o yaml has printed. Refused if somebody else ' +
    'changed the machine in between.',
  args: { name: argument('name of the machine', 'vm') },
  flags: {
    cpu: wholeNumber('count', 'virtual CPUs', [1, 1024]),
    memory: sizeBytes('memory the guest sees, such as 16GiB'),
    volume: diskFlags.volume,
    detach: texts('name', 'disks to take away, by name; their volumes stay'),
    runPolicy: choice(
      ['always', 'halted', 'manual', 'rerun-on-failure', 'once'],
      'when the machine runs',
    ),
    label: labels('labels to set; may be repeated'),
    removeLabel: texts('key', 'labels to remove; may be repeated'),
    file: text('file', 'the whole new spec, YAML or JSON', { complete: 'file' }),
    ...mutating,
  },
  examples: [
    'vm update web --cpu 8 --memory 32GiB',
    'vm update web --volume data --detach old',
    'vm update web --label tier=gold --remove-label spare',
    'vm update web --run-policy manual',
    'vm update web --file web.yaml --dry-run',
  ],
  async run({ args: { name }, flags, session }) {
    const client = await session.client()
    const { getVirtualMachine, updateVirtualMachine } = VirtualMachineServiceService
    const runPolicy = flags.runPolicy && RUN_POLICIES[flags.runPolicy]
    const { cpu, detach, file, memory, volume } = flags
    const changesSpec =
      [cpu, file, memory].some((flag) => flag !== undefined) || detach.length + volume.length > 0
    const request = UpdateVirtualMachineRequest.fromPartial({
      ...{ name, dryRun: flags.dryRun, setLabels: { ...flags.label } },
      removeLabels: [...flags.removeLabel],
      ...(runPolicy !== undefined && { runPolicy }),
    })
    if (changesSpec) {
      const { virtualMachine } = await client.call(getVirtualMachine, { name })
      const machine = present(virtualMachine, `machine "${name}"`)
      const { directory } = session.terminal
      const read = file === undefined ? undefined : await readSpec(directory, file)
      const base = read?.spec ?? present(machine.spec, 'spec')
      request.spec = changed(base, { cpu, memory, detach, volume })
      // A whole spec has its own run policy.
      if (runPolicy !== undefined) request.spec.runPolicy = runPolicy
      request.runPolicy = undefined
      request.expectedResourceVersion =
        read?.resourceVersion || (machine.meta?.resourceVersion ?? 0n)
    }
    const response = await client.call(updateVirtualMachine, request)
    const json = UpdateVirtualMachineResponse.toJSON(response)
    const report = response.placementReport
    if (!flags.dryRun) return session.print(rowView(vmKind, response.virtualMachine, json))
    const subject = `vm/${name}`
    await session.print(
      report ? placementView(subject, { json, report }) : outcomeView(subject, 'would fit', json),
    )
  },
})

function changed(
  spec: VirtualMachineSpec,
  flags: {
    readonly cpu: number | undefined
    readonly memory: bigint | undefined
    readonly detach: readonly string[]
    readonly volume: readonly VolumeWanted[]
  },
): VirtualMachineSpec {
  const { cpu, detach, memory, volume } = flags
  const missing = detach.find((name) => !spec.disks.some((disk) => disk.name === name))
  if (missing !== undefined) throw usageError(`--detach: it has no disk "${missing}"`)
  const kept = spec.disks.filter(({ name }) => !detach.includes(name))
  return {
    ...spec,
    ...(spec.compute && {
      compute: {
        ...spec.compute,
        vcpus: cpu ?? spec.compute.vcpus,
        memoryBytes: memory ?? spec.compute.memoryBytes,
      },
    }),
    disks: [...kept, ...disksOf([], volume)],
  }
}
