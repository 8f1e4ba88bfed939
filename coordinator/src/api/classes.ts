import type { StorageClassServiceService } from '@keelson/shared/api'
import { classCodec, classSpecCodec, required } from '@keelson/shared/codec'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import { parseSelector } from '@keelson/shared/model'
import { found } from '../decide/index.ts'
import { admin, reader } from './access.ts'
import { pageOf, watch } from './listing.ts'
import { presentStep } from './present.ts'
import type { CurrentTerm } from './term.ts'

/** StorageClassService. */
export function classHandlers(
  current: CurrentTerm,
): ServiceHandlers<typeof StorageClassServiceService> {
  return {
    async createStorageClass(request, context) {
      const actor = admin(context)
      const { admission, pipeline } = current()
      const spec = required(classSpecCodec).read(request.spec, 'spec')
      const { record } = await pipeline.submit(admission.createClass(actor, request, spec))
      const created = record('class', request.name) ?? pipeline.state.classes.get(request.name)
      return { storageClass: created && classCodec.write(created) }
    },

    async listStorageClasses(request, context) {
      reader(context)
      const { pipeline } = current()
      const page = pageOf(pipeline.state.classes, request)
      const resourceVersion = BigInt(pipeline.state.revision)
      await pipeline.settled()
      return {
        storageClasses: page.items.map(classCodec.write),
        nextPageToken: page.nextPageToken,
        resourceVersion,
      }
    },

    async getStorageClass({ name }, context) {
      reader(context)
      const { pipeline } = current()
      const storageClass = found(pipeline.state.classes.get(name), 'class', name)
      await pipeline.settled()
      return { storageClass: classCodec.write(storageClass) }
    },

    async *watchStorageClasses(request, context) {
      reader(context)
      const { pipeline } = current()
      const selected = parseSelector(request.labelSelector)
      const steps = watch(pipeline, {
        kind: 'class',
        table: pipeline.state.classes,
        resourceVersion: Number(request.resourceVersion),
        matches: (item) => selected(item.meta.labels),
        signal: context.signal,
      })
      for await (const step of steps)
        yield { ...presentStep(step), storageClass: step.item && classCodec.write(step.item) }
    },

    async deleteStorageClass({ name, dryRun }, context) {
      const actor = admin(context)
      const { admission, pipeline } = current()
      await pipeline.submit(admission.plain('DeleteClass', actor, { name, dryRun }))
      return {}
    },
  }
}
