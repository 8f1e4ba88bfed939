import {
  ExplainVirtualMachineResponse,
  ExplainVolumeResponse,
  PlacementServiceService,
} from '@keelson/shared/api'
import {
  argument,
  defineVerb,
  text,
  toggle,
  type VerbGroup,
  wholeNumber,
} from '../../verb/index.ts'
import { FLAVOR_HELP, isFlavor, machineDemandOf, volumeDemandOf } from './flavor.ts'
import { explanationView } from './report-view.ts'

const flags = {
  whyNot: text('node', 'explain this host in detail', { complete: 'node' }),
  at: wholeNumber('revision', 'explain at this store revision (the newest)', [
    1,
    Number.MAX_SAFE_INTEGER,
  ]),
  full: toggle('the verdict of every candidate, not only of those that came furthest'),
} as const

const volume = defineVerb({
  name: 'volume',
  summary: 'why a volume is where it is, or where one would go',
  description:
    'A volume that exists is judged where it is, as if the rest of the cluster had come first. ' +
    FLAVOR_HELP,
  args: { subject: argument('name of a volume, or a flavor such as 100GiB,r3', 'volume') },
  flags,
  examples: [
    'placement explain volume data',
    'placement explain volume 100GiB,r3,class=fast',
    'placement explain volume data --why-not n4',
  ],
  async run({ args: { subject }, flags: { at, full, whyNot }, session }) {
    const client = await session.client()
    const response = await client.call(PlacementServiceService.explainVolume, {
      subject: isFlavor(subject)
        ? { $case: 'demand', value: volumeDemandOf(subject) }
        : { $case: 'name', value: subject },
      whyNotNode: whyNot ?? '',
      resourceVersion: BigInt(at ?? 0),
      full,
    })
    const title = isFlavor(subject) ? subject : undefined
    const json = ExplainVolumeResponse.toJSON(response)
    await session.print(explanationView(response, json, { title, full }))
  },
})

const machine = defineVerb({
  name: 'vm',
  summary: 'why a virtual machine is where it is, or where one would go',
  description:
    'A machine that exists is judged where it is, as if the rest of the cluster had come first. ' +
    FLAVOR_HELP,
  args: { subject: argument('name of a machine, or a flavor such as 4cpu,16GiB,100GiB,r2', 'vm') },
  flags,
  examples: [
    'placement explain vm web',
    'placement explain vm 4cpu,16GiB,100GiB,r2',
    'placement explain vm web --why-not n4',
  ],
  async run({ args: { subject }, flags: { at, full, whyNot }, session }) {
    const client = await session.client()
    const response = await client.call(PlacementServiceService.explainVirtualMachine, {
      subject: isFlavor(subject)
        ? { $case: 'demand', value: machineDemandOf(subject) }
        : { $case: 'name', value: subject },
      whyNotNode: whyNot ?? '',
      resourceVersion: BigInt(at ?? 0),
      full,
    })
    const title = isFlavor(subject) ? subject : undefined
    const json = ExplainVirtualMachineResponse.toJSON(response)
    await session.print(explanationView(response, json, { title, full }))
  },
})

/** `placement explain`. */
export const explain: VerbGroup = {
  name: 'explain',
  summary: 'why things are where they are, and why not elsewhere',
  verbs: [volume, machine],
}
