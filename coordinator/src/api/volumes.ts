import type { CreateVolumeRequest, VolumeServiceService } from '@keelson/shared/api'
import {
  int64,
  placementReportCodec,
  required,
  volumeCodec,
  volumeSpecCodec,
} from '@keelson/shared/codec'
import { CODES, KeelsonError } from '@keelson/shared/errors'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import { parseSelector } from '@keelson/shared/model'
import type { Committed } from '../commit/index.ts'
import { findNode, findVolume } from '../decide/index.ts'
import { admin, reader } from './access.ts'
import { pageOf, watch } from './listing.ts'
import { presentStep } from './present.ts'
import type { CurrentTerm, Term } from './term.ts'

/** Most creations in one batch. */
const LARGEST_BATCH = 256

/** VolumeService. */
export function volumeHandlers(current: CurrentTerm): ServiceHandlers<typeof VolumeServiceService> {
  return {
    async createVolume(request, context) {
      const actor = admin(context)
      const term = current()
      const committed = await create(term, actor, request)
      const { report } = committed.outcome
      return {
        volume: shown(term, request.name, committed),
        placementReport: report && placementReportCodec.write(report),
      }
    },

    async batchCreateVolumes({ requests }, context) {
      const actor = admin(context)
      const term = current()
      if (requests.length > LARGEST_BATCH)
        throw new KeelsonError(
          'INVALID_ARGUMENT',
          `${requests.length} volumes in one batch, at most ${LARGEST_BATCH} are possible`,
        )
      const results = requests.map(async (request) => {
        try {
          const committed = await create(term, actor, request)
          return { volume: shown(term, request.name, committed), code: 0, message: '' }
        } catch (error) {
          const { code, message } = KeelsonError.from(error)
          return { volume: undefined, code: CODES[code], message }
        }
      })
      return { results: await Promise.all(results) }
    },

    async listVolumes(request, context) {
      reader(context)
      const { pipeline } = current()
      const { state } = pipeline
      if (request.node !== '') findNode(state, request.node)
      const onNode = state.hosts.volumesOn(request.node)
      const page = pageOf(
        state.volumes,
        request,
        (volume) => request.node === '' || onNode.has(volume.meta.name),
      )
      const response = {
        volumes: page.items.map(volumeCodec.write),
        nextPageToken: page.nextPageToken,
        resourceVersion: BigInt(state.revision),
      }
      await pipeline.settled()
      return response
    },

    async getVolume({ name }, context) {
      reader(context)
      const { pipeline } = current()
      const volume = volumeCodec.write(findVolume(pipeline.state, name))
      await pipeline.settled()
      return { volume }
    },

    async *watchVolumes(request, context) {
      reader(context)
      const { pipeline } = current()
      const selected = parseSelector(request.labelSelector)
      const steps = watch(pipeline, {
        kind: 'volume',
        table: pipeline.state.volumes,
        resourceVersion: Number(request.resourceVersion),
        matches: ({ meta }) =>
          selected(meta.labels) && (request.name === '' || meta.name === request.name),
        signal: context.signal,
      })
      for await (const step of steps)
        yield { ...presentStep(step), volume: step.item && volumeCodec.write(step.item) }
    },

    async resizeVolume(request, context) {
      const actor = admin(context)
      const term = current()
      const sizeBytes = int64.read(request.sizeBytes, 'size_bytes')
      const command = term.admission.resizeVolume(actor, { ...request, sizeBytes })
      const committed = await term.pipeline.submit(command)
      return {
        volume: shown(term, request.name, committed),
        operation: committed.outcome.operation ?? '',
      }
    },

    async moveReplica(request, context) {
      const actor = admin(context)
      const term = current()
      const command = term.admission.plain('MoveReplica', actor, request)
      const committed = await term.pipeline.submit(command)
      const { operation = '', report } = committed.outcome
      return {
        volume: shown(term, request.volume, committed),
        operation: request.dryRun ? '' : operation,
        placementReport: report && placementReportCodec.write(report),
      }
    },

    async deleteVolume({ name, dryRun }, context) {
      const actor = admin(context)
      const term = current()
      const before = findVolume(term.pipeline.state, name)
      const command = term.admission.plain('DeleteVolume', actor, { name, dryRun })
      const committed = await term.pipeline.submit(command)
      return { volume: volumeCodec.write(committed.record('volume', name) ?? before) }
    },
  }
}

function create(term: Term, actor: string, request: CreateVolumeRequest): Promise<Committed> {
  const spec = required(volumeSpecCodec).read(request.spec, 'spec')
  return term.pipeline.submit(term.admission.createVolume(actor, request, spec))
}

/** The volume as this call left it; for a dry run, as it would. One that existed, as it is. */
function shown({ pipeline }: Term, name: string, { record }: Committed) {
  const volume = record('volume', name) ?? pipeline.state.volumes.get(name)
  return volume && volumeCodec.write(volume)
}
