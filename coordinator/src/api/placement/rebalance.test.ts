import {
  MoveKind,
  MovePhase,
  type PlanRebalanceRequest,
  RebalanceObjective,
  RebalancePhase,
} from '@keelson/shared/api'
import type { CallContext } from '@keelson/shared/grpc'
import { seededRng } from '@keelson/shared/runtime'
import { createFakeClock } from '@keelson/shared/testing'
import { describe, expect, it } from 'vitest'
import { createAdmission } from '../../admission/index.ts'
import { createPipeline } from '../../commit/index.ts'
import { createClusterState } from '../../state/index.ts'
import { createMemoryDisk, openMemoryStore } from '../../store/index.ts'
import { createStamps, faithfulReport, initializeCluster, populate } from '../../testing/index.ts'
import type { Term } from '../term.ts'
import { rebalanceHandlers } from './rebalance.ts'

const GIB = 2 ** 30
const MINUTE_MS = 60_000

function context(role: 'admin' | 'viewer'): CallContext {
  const identity = { kind: 'user', name: 'ada', role } as const
  const { signal } = new AbortController()
  return { identity, method: 'keelson.v1.PlacementService.Test', signal } as CallContext
}
const ADMIN = context('admin')
const VIEWER = context('viewer')

const SPREAD: PlanRebalanceRequest = {
  objective: RebalanceObjective.REBALANCE_OBJECTIVE_UNSPECIFIED,
  budgetBytes: 0n,
  maxMoves: 0,
  labelSelector: '',
}

/** Three volumes on n0 and n1, while n2 and n3 stand empty. */
async function start() {
  const clock = createFakeClock()
  const state = createClusterState()
  const scene = { state, ...createStamps() }
  const store = openMemoryStore(createMemoryDisk())
  const pipeline = createPipeline({
    ...{ store, state, guards: [], checked: true, onFailure: () => undefined },
  })
  const admission = createAdmission({ clock, rng: seededRng(1) })
  await pipeline.submit(initializeCluster(scene))
  for (const command of populate(scene)) await pipeline.submit(command)
  const schedule = (node: string, schedulable: boolean) =>
    pipeline.submit(
      admission.plain('UpdateNode', 'user/ada', {
        ...{ node, schedulable, setLabels: {}, removeLabels: [] },
      }),
    )
  for (const node of ['n2', 'n3']) await schedule(node, false)
  const spec = { sizeBytes: GIB, storageClass: '', pool: '', replicas: 2, nodes: [] }
  for (const name of ['a', 'b', 'c']) {
    const fields = { name, labels: {}, spec: { ...spec, sourceSnapshot: '' } }
    await pipeline.submit(admission.plain('CreateVolume', 'user/ada', fields))
  }
  for (const node of ['n2', 'n3']) await schedule(node, true)
  for (const node of state.nodes.sortedIds())
    await pipeline.submit(
      admission.plain('RecordObserved', `node/${node}`, {
        ...{ node, observed: faithfulReport(state, node) },
      }),
    )
  const term = { pipeline, admission } as unknown as Term
  return { api: rebalanceHandlers(() => term), clock, state }
}

describe('planning', () => {
  it('says what moves, what it costs and why, and changes nothing', async () => {
    const { api, state } = await start()
    const { revision } = state
    const { plan } = await api.planRebalance(SPREAD, VIEWER)
    expect(state.revision).toBe(revision)
    expect(plan!.moves.length).toBeGreaterThan(0)
    expect(plan!.imbalanceAfter).toBeLessThan(plan!.imbalanceBefore)
    expect(plan!.copiedBytes).toBe(BigInt(plan!.moves.length * GIB))
    for (const move of plan!.moves) {
      expect(move).toMatchObject({ kind: MoveKind.MOVE_KIND_REPLICA, fromPool: 'p0', toPool: 'p0' })
      expect(move.reason).toMatch(/% of its storage taken, .*: 1 GiB go over$/)
    }
    expect(plan!.summary).toContain(`copying ${plan!.moves.length} GiB`)
  })

  it('keeps budgets and selectors', async () => {
    const { api } = await start()
    const cheap = { ...SPREAD, budgetBytes: BigInt(GIB) }
    expect((await api.planRebalance(cheap, VIEWER)).plan!.moves).toHaveLength(1)
    const short = { ...SPREAD, maxMoves: 1 }
    const few = (await api.planRebalance(short, VIEWER)).plan!.moves
    expect(few.length).toBeLessThanOrEqual(1)
    const nowhere = { ...SPREAD, labelSelector: 'rack=none' }
    const { plan } = await api.planRebalance(nowhere, VIEWER)
    expect(plan!.moves).toEqual([])
    expect(plan!.summary).toContain('no move is worth its bytes')
  })

  const refused: [name: string, change: Partial<PlanRebalanceRequest>, message: string][] = [
    ['load', { objective: RebalanceObjective.REBALANCE_OBJECTIVE_LOAD }, 'load of machines is not'],
    ['wear', { objective: RebalanceObjective.REBALANCE_OBJECTIVE_WEAR }, 'wear of disks is not'],
    ['a bad selector', { labelSelector: '=' }, 'selector'],
  ]
  it.each(refused)('refuses %s', async (_name, change, message) => {
    const { api } = await start()
    await expect(api.planRebalance({ ...SPREAD, ...change }, VIEWER)).rejects.toThrow(message)
  })
})

describe('carrying out', () => {
  it('begins a plan once, for admins, while the plan is kept', async () => {
    const { api, clock } = await start()
    const { plan } = await api.planRebalance(SPREAD, VIEWER)
    const request = { planId: plan!.id, limits: undefined, dryRun: false }
    await expect(api.applyRebalance(request, VIEWER)).rejects.toThrow('needs the role admin')
    const dry = await api.applyRebalance({ ...request, dryRun: true }, ADMIN)
    expect(dry.rebalance).toMatchObject({ operation: '' })
    const { rebalance } = await api.applyRebalance(request, ADMIN)
    expect(rebalance).toMatchObject({
      phase: RebalancePhase.REBALANCE_PHASE_RUNNING,
      limits: { movesPerNode: 1, movesPerDomain: 4 },
    })
    await expect(api.applyRebalance(request, ADMIN)).rejects.toThrow('does not exist')
    const another = (await api.planRebalance(SPREAD, VIEWER)).plan!.id
    await expect(api.applyRebalance({ ...request, planId: another }, ADMIN)).rejects.toThrow(
      'is under way',
    )
    await clock.advance(15 * MINUTE_MS)
    await expect(api.applyRebalance({ ...request, planId: another }, ADMIN)).rejects.toThrow(
      `plan "${another}" does not exist`,
    )
  })

  it('shows why moves wait', async () => {
    const { api } = await start()
    await expect(api.getRebalance({ operation: '' }, VIEWER)).rejects.toThrow('no rebalance')
    const { plan } = await api.planRebalance(SPREAD, VIEWER)
    const windows = [{ startMinute: 0, endMinute: 0, bandwidthBytesPerSecond: 0n }]
    const limits = {
      ...{ movesPerNode: 2, movesPerDomain: 2, failureDomain: '', windows },
      bandwidthBytesPerSecond: 0n,
    }
    await api.applyRebalance({ planId: plan!.id, limits, dryRun: false }, ADMIN)
    const { rebalance } = await api.getRebalance({ operation: '' }, VIEWER)
    expect(rebalance!.moves[0]).toMatchObject({
      phase: MovePhase.MOVE_PHASE_WAITING,
      message: 'no bandwidth at this time of day',
    })
  })

  it('pauses and goes on', async () => {
    const { api } = await start()
    const { plan } = await api.planRebalance(SPREAD, VIEWER)
    await api.applyRebalance({ planId: plan!.id, limits: undefined, dryRun: false }, ADMIN)
    const request = { operation: '', dryRun: false }
    const { rebalance: paused } = await api.pauseRebalance(request, ADMIN)
    expect(paused?.phase).toBe(RebalancePhase.REBALANCE_PHASE_PAUSED)
    const { rebalance: again } = await api.pauseRebalance(request, ADMIN)
    expect(again?.phase).toBe(RebalancePhase.REBALANCE_PHASE_PAUSED)
    const { rebalance: resumed } = await api.resumeRebalance(request, ADMIN)
    expect(resumed?.phase).toBe(RebalancePhase.REBALANCE_PHASE_RUNNING)
    await expect(api.pauseRebalance(request, VIEWER)).rejects.toThrow('needs the role admin')
  })
})
