import type { SnapshotServiceService } from '@keelson/shared/api'
import { int64, snapshotCodec, volumeCodec } from '@keelson/shared/codec'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import { parseSelector } from '@keelson/shared/model'
import { findVolume, found } from '../decide/index.ts'
import { admin, reader } from './access.ts'
import { pageOf, watch } from './listing.ts'
import { presentStep } from './present.ts'
import type { CurrentTerm } from './term.ts'

/** SnapshotService. */
export function snapshotHandlers(
  current: CurrentTerm,
): ServiceHandlers<typeof SnapshotServiceService> {
  return {
    async createSnapshot(request, context) {
      const actor = admin(context)
      const { admission, pipeline } = current()
      const { outcome, record } = await pipeline.submit(
        admission.createSnapshot(actor, request, request.volume),
      )
      const snapshot =
        record('snapshot', request.name) ?? pipeline.state.snapshots.get(request.name)
      return {
        snapshot: snapshot && snapshotCodec.write(snapshot),
        operation: outcome.operation ?? '',
      }
    },

    async listSnapshots(request, context) {
      reader(context)
      const { pipeline } = current()
      const { state } = pipeline
      if (request.volume !== '') findVolume(state, request.volume)
      const page = pageOf(
        state.snapshots,
        request,
        ({ spec }) => request.volume === '' || spec.volume === request.volume,
      )
      const resourceVersion = BigInt(state.revision)
      await pipeline.settled()
      return {
        snapshots: page.items.map(snapshotCodec.write),
        nextPageToken: page.nextPageToken,
        resourceVersion,
      }
    },

    async getSnapshot({ name }, context) {
      reader(context)
      const { pipeline } = current()
      const snapshot = found(pipeline.state.snapshots.get(name), 'snapshot', name)
      await pipeline.settled()
      return { snapshot: snapshotCodec.write(snapshot) }
    },

    async *watchSnapshots(request, context) {
      reader(context)
      const { pipeline } = current()
      const selected = parseSelector(request.labelSelector)
      const steps = watch(pipeline, {
        kind: 'snapshot',
        table: pipeline.state.snapshots,
        resourceVersion: Number(request.resourceVersion),
        matches: ({ meta }) => selected(meta.labels),
        signal: context.signal,
      })
      for await (const step of steps)
        yield { ...presentStep(step), snapshot: step.item && snapshotCodec.write(step.item) }
    },

    async restoreSnapshot(request, context) {
      const actor = admin(context)
      const { admission, pipeline } = current()
      const sizeBytes = int64.read(request.sizeBytes, 'size_bytes')
      const { outcome, record } = await pipeline.submit(
        admission.restoreSnapshot(actor, { ...request, sizeBytes }),
      )
      const volume = record('volume', request.volume) ?? pipeline.state.volumes.get(request.volume)
      return { volume: volume && volumeCodec.write(volume), operation: outcome.operation ?? '' }
    },

    async deleteSnapshot({ name, dryRun }, context) {
      const actor = admin(context)
      const { admission, pipeline } = current()
      const before = found(pipeline.state.snapshots.get(name), 'snapshot', name)
      const { record } = await pipeline.submit(
        admission.plain('DeleteSnapshot', actor, { name, dryRun }),
      )
      return { snapshot: snapshotCodec.write(record('snapshot', name) ?? before) }
    },
  }
}
