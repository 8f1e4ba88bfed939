import { NodeServiceService, UpdateNodeResponse } from '@keelson/shared/api'
import { outcomeView, rowView } from '../../resource/index.ts'
import { argument, defineVerb, mutating, type Verb } from '../../verb/index.ts'
import { nodeKind } from './kind.ts'

/** `node cordon`. */
export const cordon = scheduling({
  name: 'cordon',
  summary: 'place nothing new on a host; what is there stays',
  schedulable: false,
})

/** `node uncordon`. */
export const uncordon = scheduling({
  name: 'uncordon',
  summary: 'place on a host again',
  schedulable: true,
})

function scheduling(verb: {
  readonly name: string
  readonly summary: string
  readonly schedulable: boolean
}): Verb {
  const { schedulable } = verb
  return defineVerb({
    name: verb.name,
    summary: verb.summary,
    args: { name: argument('name of the host', 'node') },
    flags: mutating,
    examples: [`node ${verb.name} n1`, `node ${verb.name} n1 --dry-run`],
    async run({ args: { name }, flags: { dryRun }, session }) {
      const client = await session.client()
      const response = await client.call(NodeServiceService.updateNode, {
        ...{ name, schedulable, dryRun },
        ...{ setLabels: {}, removeLabels: [], setTaints: [], removeTaints: [] },
      })
      const json = UpdateNodeResponse.toJSON(response)
      if (dryRun) return session.print(outcomeView(`node/${name}`, `would be ${verb.name}ed`, json))
      await session.print(rowView(nodeKind, response.node, json))
    },
  })
}
