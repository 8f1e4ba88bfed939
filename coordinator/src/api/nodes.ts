import type { NodeServiceService } from '@keelson/shared/api'
import {
  hardwareReadingsCodec,
  hardwareSectionCodec,
  list,
  nodeCodec,
  taintCodec,
} from '@keelson/shared/codec'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import type { Node } from '@keelson/shared/model'
import { parseSelector } from '@keelson/shared/model'
import { findNode } from '../decide/index.ts'
import { admin, reader } from './access.ts'
import { pageOf, watch } from './listing.ts'
import { presentNode, presentStep } from './present.ts'
import type { CurrentTerm, Term } from './term.ts'

/** NodeService. */
export function nodeHandlers(current: CurrentTerm): ServiceHandlers<typeof NodeServiceService> {
  const shown = ({ pipeline, dispatcher }: Term, node: Node) =>
    nodeCodec.write(presentNode(pipeline.state, node, dispatcher.presence(node.meta.name)))

  return {
    async listNodes(request, context) {
      reader(context)
      const term = current()
      const { state } = term.pipeline
      const page = pageOf(state.nodes, request)
      const response = {
        nodes: page.items.map((node) => shown(term, node)),
        nextPageToken: page.nextPageToken,
        resourceVersion: BigInt(state.revision),
      }
      await term.pipeline.settled()
      return response
    },

    async getNode({ name }, context) {
      reader(context)
      const term = current()
      const node = shown(term, findNode(term.pipeline.state, name))
      await term.pipeline.settled()
      return { node }
    },

    async *watchNodes(request, context) {
      reader(context)
      const term = current()
      const selected = parseSelector(request.labelSelector)
      const steps = watch(term.pipeline, {
        kind: 'node',
        table: term.pipeline.state.nodes,
        resourceVersion: Number(request.resourceVersion),
        matches: (node) => selected(node.meta.labels),
        signal: context.signal,
      })
      for await (const step of steps)
        yield { ...presentStep(step), node: step.item && shown(term, step.item) }
    },

    async updateNode(request, context) {
      const actor = admin(context)
      const term = current()
      const { name, setLabels, removeLabels, setTaints, removeTaints, schedulable, dryRun } =
        request
      const command = term.admission.plain('UpdateNode', actor, {
        node: name,
        setLabels,
        removeLabels,
        setTaints: list(taintCodec).read(setTaints, 'set_taints'),
        removeTaints,
        ...(schedulable !== undefined && { schedulable }),
        dryRun,
      })
      const { record } = await term.pipeline.submit(command)
      const node = record('node', name) ?? findNode(term.pipeline.state, name)
      return { node: shown(term, node) }
    },

    async deleteNode({ name, dryRun }, context) {
      const actor = admin(context)
      const { admission, pipeline } = current()
      await pipeline.submit(admission.plain('DeleteNode', actor, { node: name, dryRun }))
      return {}
    },

    async getNodeHardware({ node, sections }, context) {
      reader(context)
      const { pipeline, dispatcher } = current()
      const { state } = pipeline
      findNode(state, node)
      const stored = state.inventory
        .idsWithPrefix(`${node}/`)
        .map((id) => state.inventory.get(id)!)
        .filter(({ meta }) => sections.length === 0 || sections.includes(meta.name))
      await pipeline.settled()
      const presence = dispatcher.presence(node)
      const readings = presence?.connected ? presence.readings : undefined
      const times = stored.map(({ meta }) => meta.collectedAt)
      return {
        hardware: {
          node,
          collectedAt: times.length > 0 ? new Date(Math.max(...times)) : undefined,
          sections: stored.map(hardwareSectionCodec.write),
        },
        readings: readings && hardwareReadingsCodec.write(readings),
      }
    },
  }
}
