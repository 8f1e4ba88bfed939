import {
  type BatchCreateVirtualMachineResult,
  BatchCreateVirtualMachinesResponse,
  type CreateVirtualMachineRequest,
  CreateVirtualMachineResponse,
  RunPolicy,
  VirtualMachineServiceService,
  VirtualMachineSpec,
} from '@keelson/shared/api'
import { CODES, type Code, KeelsonError } from '@keelson/shared/errors'
import { listJson, listView, rowView } from '../../resource/index.ts'
import {
  argument,
  defineVerb,
  labels,
  mutating,
  type Session,
  text,
  texts,
  toggle,
  wholeNumber,
} from '../../verb/index.ts'
import {
  type ComputeValues,
  computeFlags,
  computeOf,
  type DiskWanted,
  diskFlags,
  disksOf,
  interfacesOf,
  locality,
  localityOf,
  network,
  type RuleValues,
  ruleFlags,
  rulesOf,
  type VolumeWanted,
} from '../demand/index.ts'
import { placementView } from '../volume/index.ts'
import { vmKind } from './kind.ts'
import { readSpec } from './spec-file.ts'

/** `vm create`. */
export const create = defineVerb({
  name: 'create',
  summary: 'place and create a machine with its volumes',
  description:
    'Machine and new volumes are one decision: all of it has a place, or nothing is made. The ' +
    'same name with the same parameters is the same machine, so the command can be repeated. ' +
    '--file has the spec as the API writes it (vm show -o yaml), and flags add to it.',
  args: { name: argument('name of the machine') },
  flags: {
    ...computeFlags,
    ...diskFlags,
    network,
    locality,
    node: texts('name', 'only these hosts; may be repeated', { complete: 'node' }),
    ...ruleFlags,
    halted: toggle('make it, and do not let it run yet'),
    tenant: text('name', 'whose it is (nobody: the operator)'),
    label: labels('labels; may be repeated'),
    file: text('file', 'spec to begin with, YAML or JSON', { complete: 'file' }),
    count: wholeNumber('count', 'this many, called name-1, name-2, …, placed as one', [1, 256]),
    ...mutating,
  },
  examples: [
    'vm create web --cpu 4 --memory 16GiB --disk 100GiB,replicas=2',
    'vm create db --cpu 8 --memory 64GiB --dedicated --hugepages 1GiB --numa single --volume data',
    'vm create web --cpu 2 --memory 4GiB --disk 20GiB --count 12 --spread web:rack:4',
    'vm create gpu --cpu 8 --memory 32GiB --device 10de:1eb8=2 --node-selector tier=gold',
    'vm create web --file web.yaml --dry-run',
  ],
  async run({ args: { name }, flags, session }) {
    const spec = await specOf(session, flags)
    const request = (machine: string): CreateVirtualMachineRequest => ({
      ...{ name: machine, spec, dryRun: flags.dryRun, tenant: flags.tenant ?? '' },
      labels: { ...flags.label },
    })
    if (flags.count !== undefined) {
      const names = Array.from({ length: flags.count }, (_, index) => `${name}-${index + 1}`)
      return createMany(session, names.map(request))
    }
    const client = await session.client()
    const { createVirtualMachine } = VirtualMachineServiceService
    const response = await client.call(createVirtualMachine, request(name))
    const json = CreateVirtualMachineResponse.toJSON(response)
    const report = response.placementReport
    if (flags.dryRun) return session.print(placementView(`vm/${name}`, { json, report }))
    await session.print(rowView(vmKind, response.virtualMachine, json))
  },
})

interface SpecValues extends ComputeValues, RuleValues {
  readonly disk: readonly DiskWanted[]
  readonly volume: readonly VolumeWanted[]
  readonly network: readonly string[]
  readonly locality: 'required' | 'preferred' | 'ignored' | undefined
  readonly halted: boolean
  readonly file: string | undefined
}

async function specOf(session: Session, flags: SpecValues): Promise<VirtualMachineSpec> {
  const { directory } = session.terminal
  const base =
    flags.file === undefined
      ? VirtualMachineSpec.fromPartial({})
      : (await readSpec(directory, flags.file)).spec
  const { disks, interfaces } = base
  return {
    ...base,
    runPolicy: flags.halted ? RunPolicy.RUN_POLICY_HALTED : base.runPolicy,
    compute: computeOf(flags, base.compute),
    rules: rulesOf(flags, base.rules),
    disks: [...disks, ...disksOf(flags.disk, flags.volume, disks.length)],
    interfaces: [...interfaces, ...interfacesOf(flags.network, interfaces.length)],
    volumeLocality: flags.locality ? localityOf(flags.locality) : base.volumeLocality,
  }
}

/** What was made is shown; then what was refused makes the command fail. */
async function createMany(
  session: Session,
  requests: CreateVirtualMachineRequest[],
): Promise<void> {
  const client = await session.client()
  const { batchCreateVirtualMachines } = VirtualMachineServiceService
  const response = await client.call(batchCreateVirtualMachines, { requests })
  const { results } = response
  const made = results.flatMap(({ virtualMachine }) => virtualMachine ?? [])
  const json = listJson('results', BatchCreateVirtualMachinesResponse.toJSON(response))
  await session.print(listView(vmKind, made, json))
  const refused = results.flatMap((result, index) =>
    result.code === 0 ? [] : { result, name: requests[index]?.name ?? '' },
  )
  if (requests[0]?.dryRun === true) session.progress.note('Dry run: nothing was created.')
  if (refused.length > 0) throw refusal(refused, results.length)
}

/** Machines that were refused, as one error: of the first one's code. */
function refusal(
  refused: readonly { readonly name: string; readonly result: BatchCreateVirtualMachineResult }[],
  all: number,
): KeelsonError {
  const [first] = refused
  const code = codeOf(first?.result.code ?? 0)
  return new KeelsonError(code, `${refused.length} of ${all} machines were not created`, {
    details: refused.map(({ name, result: { message, placementReport: report } }) =>
      report?.closestMiss
        ? `vm/${name}: ${message}; closest: ${report.closestMiss}`
        : `vm/${name}: ${message}`,
    ),
    ...(code === 'RESOURCE_EXHAUSTED' && { reason: 'not-placeable' as const }),
  })
}

function codeOf(number: number): Code {
  const known = Object.entries(CODES).find(([, code]) => code === number)
  return known ? (known[0] as Code) : 'UNKNOWN'
}
