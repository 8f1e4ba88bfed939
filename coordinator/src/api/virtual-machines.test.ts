import {
  CreateVirtualMachineRequest,
  type DeepPartial,
  RunPolicy,
  UpdateVirtualMachineRequest,
  type VirtualMachineServiceService,
  WatchType,
} from '@keelson/shared/api'
import { CODES } from '@keelson/shared/errors'
import type { CallContext, ServiceHandlers } from '@keelson/shared/grpc'
import { seededRng } from '@keelson/shared/runtime'
import { createFakeClock } from '@keelson/shared/testing'
import { describe, expect, it } from 'vitest'
import { createAdmission } from '../admission/index.ts'
import { createPipeline } from '../commit/index.ts'
import { createClusterState } from '../state/index.ts'
import { createMemoryDisk, openMemoryStore } from '../store/index.ts'
import {
  createStamps,
  faithfulReport,
  initializeCluster,
  made,
  populate,
} from '../testing/index.ts'
import type { Term } from './term.ts'
import { virtualMachineHandlers } from './virtual-machines.ts'

const GIB = 2n ** 30n

const as = (role: 'admin' | 'viewer', signal = new AbortController().signal) =>
  ({ identity: { kind: 'user', name: 'ada', role }, method: 'a.B.C', signal }) as CallContext
const ADMIN = as('admin')

type Service = Required<ServiceHandlers<typeof VirtualMachineServiceService>>

/** The service on a populated cluster: hosts n0 to n3 with 8 GiB of memory and a pool each. */
async function start() {
  const state = createClusterState()
  const scene = { state, ...createStamps() }
  const store = openMemoryStore(createMemoryDisk())
  const parts = { store, state, guards: [], checked: true, onFailure: () => undefined }
  const pipeline = createPipeline(parts)
  await pipeline.submit(initializeCluster(scene))
  for (const command of populate(scene)) await pipeline.submit(command)
  const admission = createAdmission({ clock: createFakeClock(), rng: seededRng(1) })
  const term = { pipeline, admission } as unknown as Term
  const service = virtualMachineHandlers(() => term) as Service
  const report = async () => {
    for (const node of state.nodes.sortedIds()) {
      const observed = faithfulReport(state, node)
      await pipeline.submit(made(scene, 'RecordObserved', node, { node, observed }))
    }
  }
  return { service, state, report }
}

type Fields = DeepPartial<CreateVirtualMachineRequest>

function creation(name: string, fields: Fields = {}, memoryGib = 1n): CreateVirtualMachineRequest {
  const disks = [
    { name: 'root', source: { $case: 'newVolume' as const, value: { spec: { sizeBytes: GIB } } } },
  ]
  const compute = { vcpus: 1, memoryBytes: memoryGib * GIB }
  return CreateVirtualMachineRequest.fromPartial({ name, spec: { compute, disks }, ...fields })
}

async function create(service: Service, request: CreateVirtualMachineRequest) {
  const { virtualMachine } = await service.createVirtualMachine(request, ADMIN)
  return virtualMachine!
}

describe('a machine', () => {
  it('is made with its volumes; asked for again it is the same', async () => {
    const { service, state, report } = await start()
    const request = creation('web', { tenant: 't1', labels: { app: 'web' } })
    const { virtualMachine, placementReport } = await service.createVirtualMachine(request, ADMIN)
    expect(virtualMachine?.status).toMatchObject({ phase: 2, disks: [{ local: false }] })
    expect(virtualMachine?.status?.reserved?.memoryBytes).toBeGreaterThan(GIB)
    expect(placementReport).toMatchObject({ placeable: true, parts: [{ placeable: true }] })
    expect(state.volumes.get('web-root')?.meta).toMatchObject({ tenant: 't1' })
    await report()
    const again = await service.createVirtualMachine(request, ADMIN)
    expect(again.virtualMachine?.meta?.uid).toBe(virtualMachine?.meta?.uid)
    expect(again.virtualMachine?.status?.disks).toMatchObject([{ local: true, message: '' }])
    expect(again.placementReport).toBeUndefined()
  })

  it('of a dry run is shown as it would be, and is not there', async () => {
    const { service, state } = await start()
    const { status } = await create(service, creation('web', { dryRun: true }))
    expect(status?.node).not.toBe('')
    expect([state.virtualMachines.size, state.volumes.size]).toEqual([0, 0])
  })

  it('is changed, stopped, started, moved and deleted', async () => {
    const { service, state } = await start()
    const { meta, status } = await create(service, creation('web', {}, 2n))
    const change = (fields: object) =>
      service.updateVirtualMachine(
        UpdateVirtualMachineRequest.fromPartial({ name: 'web', ...fields }),
        ADMIN,
      )
    const stopped = await change({ runPolicy: RunPolicy.RUN_POLICY_HALTED })
    expect(stopped.virtualMachine?.status).toMatchObject({
      ...{ phase: 6, node: '', reserved: undefined, lastNode: status?.node },
    })
    const started = await change({ runPolicy: RunPolicy.RUN_POLICY_ALWAYS })
    expect(started.virtualMachine?.status?.node).toBe(status?.node)
    const spec = started.virtualMachine!.spec!
    const grown = { ...spec, compute: { ...spec.compute!, vcpus: 3 } }
    await expect(change({ spec: grown })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    const stale = { spec: grown, expectedResourceVersion: meta!.resourceVersion }
    await expect(change(stale)).rejects.toMatchObject({ code: 'ABORTED' })
    const { resourceVersion } = started.virtualMachine!.meta!
    const after = await change({ spec: grown, expectedResourceVersion: resourceVersion })
    expect(after.virtualMachine).toMatchObject({
      meta: { generation: 4n },
      spec: { compute: { vcpus: 3 } },
      status: { node: status?.node },
    })
    // Its volume is on one host and cannot be reached from another.
    const move = { name: 'web', toNode: '', allowRestart: false, dryRun: false }
    await expect(service.moveVirtualMachine(move, ADMIN)).rejects.toMatchObject({
      ...{ code: 'RESOURCE_EXHAUSTED', reason: 'not-placeable' },
    })
    const deletion = { name: 'web', keepVolumes: false, dryRun: false }
    const deleted = await service.deleteVirtualMachine(deletion, ADMIN)
    expect(deleted).toMatchObject({
      virtualMachine: { status: { phase: 9 } },
      deletedVolumes: ['web-root'],
    })
    expect(state.virtualMachines.size).toBe(0)
    expect(state.volumes.get('web-root')?.status.phase).toBe('Deleting')
  })

  it('is changed by admins only, and read by viewers', async () => {
    const { service } = await start()
    await expect(service.createVirtualMachine(creation('web'), as('viewer'))).rejects.toMatchObject(
      { code: 'PERMISSION_DENIED' },
    )
    await create(service, creation('web'))
    const { virtualMachine } = await service.getVirtualMachine({ name: 'web' }, as('viewer'))
    expect(virtualMachine?.meta?.name).toBe('web')
  })

  it.each<[string, Fields, string]>([
    ['no spec', { spec: undefined }, 'spec: is missing'],
    ['no compute', { spec: {} }, 'spec.compute: is missing'],
    ['no CPU', { spec: { compute: { memoryBytes: GIB } } }, 'spec.compute.vcpus: 0 is not 1 to'],
    [
      'a disk without a volume',
      { spec: { compute: { vcpus: 1, memoryBytes: GIB }, disks: [{ name: 'a' }] } },
      'spec.disks[0].source: is missing',
    ],
    [
      'an affinity to nothing',
      {
        spec: {
          compute: { vcpus: 1, memoryBytes: GIB },
          rules: { affinities: [{ target: 1, relation: 2 }] },
        },
      },
      'spec.rules.affinities[0]: names and label_selector are both empty',
    ],
  ])('with %s is refused', async (_name, fields, message) => {
    const { service } = await start()
    const creating = service.createVirtualMachine(creation('web', fields), ADMIN)
    await expect(creating).rejects.toMatchObject({
      ...{ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) },
    })
  })
})

describe('a batch', () => {
  it('is placed as one; what is impossible or wrong takes nothing from the others', async () => {
    const { service, state } = await start()
    const requests = [
      creation('a', {}, 4n),
      creation('huge', {}, 64n),
      creation('b', {}, 4n),
      creation('Bad'),
      creation('c', {}, 4n),
      creation('a', {}, 4n),
    ]
    const { results } = await service.batchCreateVirtualMachines({ requests }, ADMIN)
    expect(results.map(({ code }) => code)).toEqual([
      ...[0, CODES.RESOURCE_EXHAUSTED, 0, CODES.INVALID_ARGUMENT, 0, 0],
    ])
    expect(results[1]).toMatchObject({ virtualMachine: undefined, placementReport: {} })
    expect(results[0]?.placementReport?.placeable).toBe(true)
    expect(results[5]?.virtualMachine?.meta?.uid).toBe(results[0]?.virtualMachine?.meta?.uid)
    expect(state.virtualMachines.sortedIds()).toEqual(['a', 'b', 'c'])
  })

  it('of a dry run makes nothing, and counts what the others would take', async () => {
    const { service, state } = await start()
    const requests = Array.from({ length: 6 }, (_, index) =>
      creation(`m${index}`, { dryRun: true }, 6n),
    )
    const { results } = await service.batchCreateVirtualMachines({ requests }, ADMIN)
    expect(results.filter(({ code }) => code === 0)).toHaveLength(4)
    const nodes = results.flatMap((one) => one.virtualMachine?.status?.node ?? [])
    expect(new Set(nodes).size).toBe(4)
    expect(state.virtualMachines.size).toBe(0)
  })

  it('is all dry or all real, and not too large', async () => {
    const { service } = await start()
    const batch = (requests: CreateVirtualMachineRequest[]) =>
      service.batchCreateVirtualMachines({ requests }, ADMIN)
    await expect(batch([creation('a'), creation('b', { dryRun: true })])).rejects.toThrow('dry_run')
    await expect(batch(Array(257).fill(creation('a')))).rejects.toThrow('at most 256')
  })
})

describe('a listing', () => {
  it('has pages, and filters by host, tenant, name and label', async () => {
    const { service } = await start()
    const first = await create(service, creation('a', { tenant: 't1', labels: { x: 'y' } }))
    for (const name of ['b', 'c']) await create(service, creation(name))
    const list = async (fields: object) => {
      const empty = { labelSelector: '', nameFilter: '', pageSize: 0, pageToken: '' }
      const request = { ...empty, tenant: '', node: '', ...fields }
      const { nextPageToken, virtualMachines } = await service.listVirtualMachines(request, ADMIN)
      return { names: virtualMachines.map(({ meta }) => meta?.name), nextPageToken }
    }
    const page = await list({ pageSize: 2 })
    expect(page.names).toEqual(['a', 'b'])
    const { nextPageToken } = page
    expect((await list({ pageSize: 2, pageToken: nextPageToken })).names).toEqual(['c'])
    expect((await list({ tenant: 't1' })).names).toEqual(['a'])
    expect((await list({ labelSelector: 'x=y' })).names).toEqual(['a'])
    expect((await list({ nameFilter: 'c' })).names).toEqual(['c'])
    expect((await list({ node: first.status!.node })).names).toContain('a')
    await expect(list({ node: 'ghost' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('can be watched', async () => {
    const { service } = await start()
    await create(service, creation('a'))
    const done = new AbortController()
    const request = { labelSelector: '', resourceVersion: 0n, name: 'a' }
    const seen: [WatchType, string | undefined][] = []
    for await (const step of service.watchVirtualMachines(request, as('viewer', done.signal))) {
      seen.push([step.type, step.virtualMachine?.meta?.name])
      if (step.type === WatchType.WATCH_TYPE_DELETED) break
      if (step.type === WatchType.WATCH_TYPE_BOOKMARK) {
        await create(service, creation('b'))
        const deletion = { name: 'a', keepVolumes: true, dryRun: false }
        await service.deleteVirtualMachine(deletion, ADMIN)
      }
    }
    done.abort()
    const { WATCH_TYPE_ADDED, WATCH_TYPE_BOOKMARK, WATCH_TYPE_DELETED } = WatchType
    expect(seen).toEqual([
      [WATCH_TYPE_ADDED, 'a'],
      [WATCH_TYPE_BOOKMARK, undefined],
      [WATCH_TYPE_DELETED, 'a'],
    ])
  })
})
