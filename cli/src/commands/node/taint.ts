import { NodeServiceService, UpdateNodeResponse } from '@keelson/shared/api'
import { checkLabelKey, parseTaint } from '@keelson/shared/model'
import { outcomeView, rowView } from '../../resource/index.ts'
import { argument, defineVerb, mutating, restArguments } from '../../verb/index.ts'
import { nodeKind } from './kind.ts'

/** `node taint`. */
export const taint = defineVerb({
  name: 'taint',
  summary: 'keep work away that does not put up with something (key=value:Effect, key-)',
  description:
    'As in Kubernetes: NoSchedule keeps new work away, PreferNoSchedule does if there is room ' +
    'elsewhere, NoExecute keeps new work away too. What is there stays until it is moved.',
  args: {
    name: argument('name of the host', 'node'),
    changes: restArguments('key=value:Effect sets a taint, key- removes all of that key'),
  },
  flags: mutating,
  examples: [
    'node taint n1 gpu=yes:NoSchedule',
    'node taint n1 maintenance:NoExecute gpu-',
    'node taint n1 gpu- --dry-run',
  ],
  async run({ args: { name, changes }, flags: { dryRun }, session }) {
    const isRemoval = (change: string) => change.endsWith('-') && !change.includes(':')
    const removeTaints = changes
      .filter(isRemoval)
      .map((change) => checkLabelKey(change.slice(0, -1)))
    const setTaints = changes.filter((change) => !isRemoval(change)).map(parseTaint)
    const client = await session.client()
    const response = await client.call(NodeServiceService.updateNode, {
      ...{ name, setTaints, removeTaints, dryRun },
      ...{ setLabels: {}, removeLabels: [], schedulable: undefined },
    })
    const json = UpdateNodeResponse.toJSON(response)
    if (dryRun) return session.print(outcomeView(`node/${name}`, 'would be tainted', json))
    await session.print(rowView(nodeKind, response.node, json))
  },
})
