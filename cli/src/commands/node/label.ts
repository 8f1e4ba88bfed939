import { NodeServiceService, UpdateNodeResponse } from '@keelson/shared/api'
import { checkLabels } from '@keelson/shared/model'
import { usageError } from '../../errors/index.ts'
import { outcomeView, rowView } from '../../resource/index.ts'
import { argument, defineVerb, mutating, parseLabel, restArguments } from '../../verb/index.ts'
import { nodeKind } from './kind.ts'

/** `node label`. */
export const label = defineVerb({
  name: 'label',
  summary: 'set labels (key=value) and remove them (key-)',
  description:
    'topology.kubernetes.io/rack and topology.kubernetes.io/zone are failure domains: replicas ' +
    'of a volume keep apart by them.',
  args: {
    name: argument('name of the host', 'node'),
    changes: restArguments('key=value sets a label, key- removes it'),
  },
  flags: mutating,
  examples: [
    'node label n1 topology.kubernetes.io/rack=a',
    'node label n1 tier=gold spare-',
    'node label n1 tier=gold --dry-run',
  ],
  async run({ args: { name, changes }, flags: { dryRun }, session }) {
    const { setLabels, removeLabels } = parseChanges(changes)
    const client = await session.client()
    const response = await client.call(NodeServiceService.updateNode, {
      ...{ name, setLabels, removeLabels, dryRun },
      ...{ setTaints: [], removeTaints: [], schedulable: undefined },
    })
    const json = UpdateNodeResponse.toJSON(response)
    if (dryRun) return session.print(outcomeView(`node/${name}`, 'would be labelled', json))
    await session.print(rowView(nodeKind, response.node, json))
  },
})

/** Raises INVALID_ARGUMENT for what is neither, and for a key that is both set and removed. */
export function parseChanges(changes: readonly string[]): {
  readonly setLabels: Record<string, string>
  readonly removeLabels: string[]
} {
  const removed = changes.filter((change) => !change.includes('=') && change.endsWith('-'))
  const set = changes.filter((change) => !removed.includes(change)).map(parseLabel)
  const removeLabels = removed.map((change) => change.slice(0, -1))
  const setLabels = Object.fromEntries(set)
  checkLabels({ ...setLabels, ...Object.fromEntries(removeLabels.map((key) => [key, ''])) })
  for (const key of removeLabels)
    if (key in setLabels) throw usageError(`label ${key} is both set and removed`)
  return { setLabels, removeLabels }
}
