import type { MoveReplicaRequest, VolumeServiceService } from '@keelson/shared/api'
import type { CallContext, ServiceHandlers } from '@keelson/shared/grpc'
import { seededRng } from '@keelson/shared/runtime'
import { createFakeClock } from '@keelson/shared/testing'
import { describe, expect, it } from 'vitest'
import { createAdmission } from '../admission/index.ts'
import { createPipeline } from '../commit/index.ts'
import { createClusterState } from '../state/index.ts'
import { createMemoryDisk, openMemoryStore } from '../store/index.ts'
import { createStamps, faithfulReport, initializeCluster, populate } from '../testing/index.ts'
import type { Term } from './term.ts'
import { volumeHandlers } from './volumes.ts'

function context(role: 'admin' | 'viewer'): CallContext {
  const identity = { kind: 'user', name: 'ada', role } as const
  const { signal } = new AbortController()
  return { identity, method: 'keelson.v1.VolumeService.MoveReplica', signal } as CallContext
}

/** Volume "data" with two replicas that are Ready, and the host of one of them. */
async function start() {
  const state = createClusterState()
  const scene = { state, ...createStamps() }
  const store = openMemoryStore(createMemoryDisk())
  const pipeline = createPipeline({
    ...{ store, state, guards: [], checked: true, onFailure: () => undefined },
  })
  const admission = createAdmission({ clock: createFakeClock(), rng: seededRng(1) })
  await pipeline.submit(initializeCluster(scene))
  for (const command of populate(scene)) await pipeline.submit(command)
  const spec = { sizeBytes: 2 ** 30, storageClass: '', pool: '', replicas: 2, nodes: [] }
  await pipeline.submit(
    admission.plain('CreateVolume', 'user/ada', {
      ...{ name: 'data', labels: {}, spec: { ...spec, sourceSnapshot: '' } },
    }),
  )
  for (const node of state.nodes.sortedIds())
    await pipeline.submit(
      admission.plain('RecordObserved', `node/${node}`, {
        ...{ node, observed: faithfulReport(state, node) },
      }),
    )
  const term = { pipeline, admission } as unknown as Term
  const { moveReplica } = volumeHandlers(() => term) as Required<
    ServiceHandlers<typeof VolumeServiceService>
  >
  const fromNode = state.volumes.get('data')!.status.replicas[0]!.node
  const request = { volume: 'data', fromNode, toNode: '', toPool: '', dryRun: false }
  return { moveReplica, request, state }
}

describe('MoveReplica', () => {
  it('only says where it would go in a dry run', async () => {
    const { moveReplica, request, state } = await start()
    const { revision } = state
    const answer = await moveReplica({ ...request, dryRun: true }, context('admin'))
    expect(answer.operation).toBe('')
    expect(answer.placementReport).toMatchObject({ placeable: true })
    expect(answer.volume?.status?.move).toMatchObject({ fromNode: request.fromNode })
    expect(state.revision).toBe(revision)
  })

  it('begins the move and names its operation', async () => {
    const { moveReplica, request, state } = await start()
    const { operation, volume } = await moveReplica(request, context('admin'))
    expect(state.operations.get(operation)).toMatchObject({ kind: 'VolumeMove', phase: 'Running' })
    expect(volume?.status?.move).toMatchObject({ fromNode: request.fromNode, operation })
    // Two copies, their tie-breaker, and the copy that joins.
    expect(volume?.status?.replicas).toHaveLength(4)
  })

  const refused: [name: string, change: Partial<MoveReplicaRequest>, code: string][] = [
    ['a volume that does not exist', { volume: 'none' }, 'NOT_FOUND'],
    ['a host without a replica', { fromNode: 'n9' }, 'NOT_FOUND'],
    ['a goal that does not exist', { toNode: 'n9' }, 'NOT_FOUND'],
    ['a pool that does not exist', { toPool: 'none' }, 'RESOURCE_EXHAUSTED'],
  ]
  it.each(refused)('refuses %s', async (_name, change, code) => {
    const { moveReplica, request } = await start()
    const asked = moveReplica({ ...request, ...change }, context('admin'))
    await expect(asked).rejects.toMatchObject({ code })
  })

  it('is not for viewers', async () => {
    const { moveReplica, request } = await start()
    await expect(moveReplica(request, context('viewer'))).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
    })
  })
})
