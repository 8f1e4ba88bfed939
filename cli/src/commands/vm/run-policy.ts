import {
  RunPolicy,
  UpdateVirtualMachineRequest,
  UpdateVirtualMachineResponse,
  VirtualMachineServiceService,
} from '@keelson/shared/api'
import { outcomeView, rowView } from '../../resource/index.ts'
import { argument, defineVerb, mutating, type Verb } from '../../verb/index.ts'
import { vmKind } from './kind.ts'

/** `vm start`. */
export const start = running({
  name: 'start',
  summary: 'let a machine run, on the host it had before if it can be',
  runPolicy: RunPolicy.RUN_POLICY_ALWAYS,
  outcome: 'would be started',
})

/** `vm stop`. */
export const stop = running({
  name: 'stop',
  summary: 'halt a machine: it keeps its volumes, and holds no CPU, memory or device',
  runPolicy: RunPolicy.RUN_POLICY_HALTED,
  outcome: 'would be stopped',
})

function running(verb: {
  readonly name: string
  readonly summary: string
  readonly runPolicy: RunPolicy
  readonly outcome: string
}): Verb {
  const { outcome, runPolicy } = verb
  return defineVerb({
    name: verb.name,
    summary: verb.summary,
    args: { name: argument('name of the machine', 'vm') },
    flags: mutating,
    examples: [`vm ${verb.name} web`, `vm ${verb.name} web --dry-run`],
    async run({ args: { name }, flags: { dryRun }, session }) {
      const client = await session.client()
      const response = await client.call(
        VirtualMachineServiceService.updateVirtualMachine,
        UpdateVirtualMachineRequest.fromPartial({ name, runPolicy, dryRun }),
      )
      const json = UpdateVirtualMachineResponse.toJSON(response)
      if (dryRun) return session.print(outcomeView(`vm/${name}`, outcome, json))
      await session.print(rowView(vmKind, response.virtualMachine, json))
    },
  })
}
