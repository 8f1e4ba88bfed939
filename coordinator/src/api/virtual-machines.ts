import type {
  BatchCreateVirtualMachineResult,
  CreateVirtualMachineRequest,
  UpdateVirtualMachineRequest,
  VirtualMachineServiceService,
} from '@keelson/shared/api'
import {
  int64,
  placementReportCodec,
  required,
  runPolicyCodec,
  virtualMachineCodec,
  virtualMachineSpecCodec,
} from '@keelson/shared/codec'
import { CODES, KeelsonError } from '@keelson/shared/errors'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import { type PlacementReport, parseSelector, type VirtualMachine } from '@keelson/shared/model'
import type { Committed } from '../commit/index.ts'
import {
  type CommandOf,
  findMachine,
  findNode,
  notPlaceable,
  planVirtualMachines,
} from '../decide/index.ts'
import { admin, reader } from './access.ts'
import { pageOf, watch } from './listing.ts'
import { presentMachine, presentStep } from './present.ts'
import type { CurrentTerm, Term } from './term.ts'

/** Most creations in one batch. */
const LARGEST_BATCH = 256

/** VirtualMachineService. */
export function virtualMachineHandlers(
  current: CurrentTerm,
): ServiceHandlers<typeof VirtualMachineServiceService> {
  return {
    async createVirtualMachine(request, context) {
      const actor = admin(context)
      const term = current()
      const committed = await term.pipeline.submit(creation(term, actor, request))
      return {
        virtualMachine: shown(term, request.name, committed),
        placementReport: reportOf(committed),
      }
    },

    async batchCreateVirtualMachines({ requests }, context) {
      const actor = admin(context)
      const term = current()
      checkBatch(requests)
      return { results: await createTogether(term, actor, requests) }
    },

    async listVirtualMachines(request, context) {
      reader(context)
      const term = current()
      const { state } = term.pipeline
      const { node, tenant } = request
      if (node !== '') findNode(state, node)
      const page = pageOf(
        state.virtualMachines,
        request,
        ({ meta, status }) =>
          (node === '' || status.node === node) && (tenant === '' || meta.tenant === tenant),
      )
      const response = {
        virtualMachines: page.items.map((machine) => written(term, machine)),
        nextPageToken: page.nextPageToken,
        resourceVersion: BigInt(state.revision),
      }
      await term.pipeline.settled()
      return response
    },

    async getVirtualMachine({ name }, context) {
      reader(context)
      const term = current()
      const virtualMachine = written(term, findMachine(term.pipeline.state, name))
      await term.pipeline.settled()
      return { virtualMachine }
    },

    async *watchVirtualMachines(request, context) {
      reader(context)
      const term = current()
      const { pipeline } = term
      const selected = parseSelector(request.labelSelector)
      const steps = watch(pipeline, {
        kind: 'virtualMachine',
        table: pipeline.state.virtualMachines,
        resourceVersion: Number(request.resourceVersion),
        matches: ({ meta }) =>
          selected(meta.labels) && (request.name === '' || meta.name === request.name),
        signal: context.signal,
      })
      for await (const step of steps)
        yield { ...presentStep(step), virtualMachine: step.item && written(term, step.item) }
    },

    async updateVirtualMachine(request, context) {
      const actor = admin(context)
      const term = current()
      const committed = await term.pipeline.submit(change(term, actor, request))
      return {
        virtualMachine: shown(term, request.name, committed),
        placementReport: reportOf(committed),
      }
    },

    async moveVirtualMachine({ dryRun, name, toNode }, context) {
      const actor = admin(context)
      const term = current()
      // A machine that nobody runs needs no restart to move, whether it may have one or not.
      const command = term.admission.plain('MoveVirtualMachine', actor, { name, toNode, dryRun })
      const committed = await term.pipeline.submit(command)
      return {
        virtualMachine: shown(term, name, committed),
        operation: '',
        placementReport: reportOf(committed),
      }
    },

    async deleteVirtualMachine({ dryRun, keepVolumes, name }, context) {
      const actor = admin(context)
      const term = current()
      const { meta, ...before } = findMachine(term.pipeline.state, name)
      const fields = { name, keepVolumes, dryRun }
      const command = term.admission.plain('DeleteVirtualMachine', actor, fields)
      const { outcome } = await term.pipeline.submit(command)
      const deleting = {
        ...before,
        meta: { ...meta, deletionRequestedAt: command.stamp.now },
        status: { ...before.status, phase: 'Deleting' as const },
      }
      return {
        virtualMachine: written(term, deleting),
        deletedVolumes: [...(outcome.volumes ?? [])],
      }
    },
  }
}

function creation(
  { admission }: Term,
  actor: string,
  request: CreateVirtualMachineRequest,
): CommandOf<'CreateVirtualMachine'> {
  const spec = required(virtualMachineSpecCodec).read(request.spec, 'spec')
  return admission.createVirtualMachine(actor, request, spec)
}

function change(
  { admission }: Term,
  actor: string,
  request: UpdateVirtualMachineRequest,
): CommandOf<'UpdateVirtualMachine'> {
  const { dryRun, name, removeLabels, runPolicy, setLabels, spec } = request
  return admission.updateVirtualMachine(actor, {
    ...{ name, setLabels, removeLabels, dryRun },
    expectedResourceVersion: int64.read(
      request.expectedResourceVersion,
      'expected_resource_version',
    ),
    ...(spec && { spec: virtualMachineSpecCodec.read(spec, 'spec') }),
    ...(runPolicy !== undefined && { runPolicy: runPolicyCodec.read(runPolicy, 'run_policy') }),
  })
}

function checkBatch(requests: readonly CreateVirtualMachineRequest[]): void {
  if (requests.length > LARGEST_BATCH)
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `${requests.length} machines in one batch, at most ${LARGEST_BATCH} are possible`,
    )
  if (new Set(requests.map(({ dryRun }) => dryRun)).size > 1)
    throw new KeelsonError('INVALID_ARGUMENT', 'requests: dry_run differs among them')
}

/**
 * Plans all as one problem and creates each where it was planned. Nothing comes between the plan
 * and the decisions, so they hold; each checks its part again all the same.
 */
function createTogether(
  term: Term,
  actor: string,
  requests: readonly CreateVirtualMachineRequest[],
): Promise<BatchCreateVirtualMachineResult[]> {
  const made = requests.map((request) => attempt(() => creation(term, actor, request)))
  const valid = made.flatMap((one) => (one instanceof KeelsonError ? [] : one))
  const plans = planVirtualMachines(term.pipeline.state, valid)
  const planOf = new Map(valid.map((command, index) => [command, plans[index]]))
  return Promise.all(
    made.map(async (command) => {
      try {
        if (command instanceof KeelsonError) throw command
        return await createPlanned(term, command, planOf.get(command))
      } catch (error) {
        return refused(KeelsonError.from(error))
      }
    }),
  )
}

async function createPlanned(
  term: Term,
  command: CommandOf<'CreateVirtualMachine'>,
  plan: ReturnType<typeof planVirtualMachines>[number],
): Promise<BatchCreateVirtualMachineResult> {
  if (plan?.node === '') throw notPlaceable(plan.report)
  const committed = await term.pipeline.submit({ ...command, ...(plan && { plan }) })
  const { node } = committed.record('virtualMachine', command.name)?.status ?? {}
  // The decision looked at the planned hosts only; the plan says why it was these.
  const report = plan?.node === node ? plan?.report : committed.outcome.report
  return {
    virtualMachine: shown(term, command.name, committed),
    code: 0,
    message: '',
    placementReport: report && placementReportCodec.write(report),
  }
}

function attempt<T>(make: () => T): T | KeelsonError {
  try {
    return make()
  } catch (error) {
    return KeelsonError.from(error)
  }
}

function refused({ code, message, report }: KeelsonError): BatchCreateVirtualMachineResult {
  return {
    virtualMachine: undefined,
    code: CODES[code],
    message,
    placementReport:
      report === undefined ? undefined : placementReportCodec.write(report as PlacementReport),
  }
}

function reportOf({ outcome: { report } }: Committed) {
  return report && placementReportCodec.write(report)
}

function written({ pipeline }: Term, machine: VirtualMachine) {
  return virtualMachineCodec.write(presentMachine(pipeline.state, machine))
}

/** The machine as this call left it; for a dry run, as it would. One that existed, as it is. */
function shown(term: Term, name: string, { record }: Committed) {
  const machine = record('virtualMachine', name) ?? term.pipeline.state.virtualMachines.get(name)
  return machine && written(term, machine)
}
