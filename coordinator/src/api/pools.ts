import type { StoragePoolServiceService } from '@keelson/shared/api'
import { poolCodec, poolSpecCodec, required } from '@keelson/shared/codec'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import type { StoragePool } from '@keelson/shared/model'
import { parseSelector } from '@keelson/shared/model'
import { findNode, findPool } from '../decide/index.ts'
import { admin, reader } from './access.ts'
import { pageOf, watch } from './listing.ts'
import { presentPool, presentStep } from './present.ts'
import type { CurrentTerm, Term } from './term.ts'

/** StoragePoolService. */
export function poolHandlers(
  current: CurrentTerm,
): ServiceHandlers<typeof StoragePoolServiceService> {
  const shown = ({ pipeline }: Term, pool: StoragePool) =>
    poolCodec.write(presentPool(pipeline.state, pool))

  return {
    async createStoragePool(request, context) {
      const actor = admin(context)
      const term = current()
      const spec = required(poolSpecCodec).read(request.spec, 'spec')
      const { outcome, record } = await term.pipeline.submit(
        term.admission.createPool(actor, request, spec),
      )
      const pool = record('pool', outcome.name) ?? term.pipeline.state.pools.get(outcome.name)
      return { storagePool: pool && shown(term, pool) }
    },

    async listStoragePools(request, context) {
      reader(context)
      const term = current()
      const { state } = term.pipeline
      if (request.node !== '') findNode(state, request.node)
      const page = pageOf(
        state.pools,
        request,
        (pool) => request.node === '' || pool.spec.node === request.node,
      )
      const response = {
        storagePools: page.items.map((pool) => shown(term, pool)),
        nextPageToken: page.nextPageToken,
        resourceVersion: BigInt(state.revision),
      }
      await term.pipeline.settled()
      return response
    },

    async getStoragePool({ name, node }, context) {
      reader(context)
      const term = current()
      const storagePool = shown(term, findPool(term.pipeline.state, name, node))
      await term.pipeline.settled()
      return { storagePool }
    },

    async *watchStoragePools(request, context) {
      reader(context)
      const term = current()
      const selected = parseSelector(request.labelSelector)
      const steps = watch(term.pipeline, {
        kind: 'pool',
        table: term.pipeline.state.pools,
        resourceVersion: Number(request.resourceVersion),
        matches: (pool) => selected(pool.meta.labels),
        signal: context.signal,
      })
      for await (const step of steps)
        yield { ...presentStep(step), storagePool: step.item && shown(term, step.item) }
    },

    async deleteStoragePool(request, context) {
      const actor = admin(context)
      const term = current()
      const { name, node, dryRun } = request
      const pool = findPool(term.pipeline.state, name, node)
      const { outcome, record } = await term.pipeline.submit(
        term.admission.plain('DeletePool', actor, { name, node, dryRun }),
      )
      return { storagePool: shown(term, record('pool', outcome.name) ?? pool) }
    },
  }
}
