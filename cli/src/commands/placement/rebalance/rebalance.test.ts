import {
  MoveKind,
  MovePhase,
  OperationPhase,
  Rebalance,
  RebalancePhase,
  RebalancePlan,
  WatchType,
} from '@keelson/shared/api'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createFakeCluster, type FakeCluster, sampleOperation } from '../../../testing/index.ts'

const { OPERATION_PHASE_RUNNING, OPERATION_PHASE_SUCCEEDED, OPERATION_PHASE_FAILED } =
  OperationPhase

let cluster: FakeCluster
/** Requests as the services got them. */
let asked: Record<string, unknown>[]

beforeAll(async () => {
  cluster = await createFakeCluster()
})
afterAll(() => cluster.close())
beforeEach(() => {
  asked = []
  cluster.services = {}
})

const GIB = 2n ** 30n
const place = { fromNode: 'n1', fromPool: 'local', toNode: 'n4', toPool: 'local' }
const { MOVE_KIND_REPLICA, MOVE_KIND_RESTART } = MoveKind
const { MOVE_PHASE_DONE, MOVE_PHASE_SKIPPED } = MovePhase
const { REBALANCE_PHASE_DONE, REBALANCE_PHASE_PAUSING, REBALANCE_PHASE_RUNNING } = RebalancePhase
const PLAN = RebalancePlan.fromPartial({
  id: 'plan-1',
  moves: [
    {
      ...{ number: 1, kind: MOVE_KIND_REPLICA, subject: 'volume/data', ...place },
      ...{ copiedBytes: 2n * GIB, gain: 0.0123 },
    },
    {
      ...{ number: 2, kind: MOVE_KIND_RESTART, subject: 'vm/web', after: [1] },
      ...{ fromNode: 'n4', toNode: 'n1' },
    },
  ],
  summary: '2 moves copying 2 GiB lower the imbalance from 0.2 to 0.1',
  expiresAt: new Date(Date.now() + 899_000),
})
const rebalance = (phase: RebalancePhase) =>
  Rebalance.fromPartial({
    operation: 'op-1',
    plan: PLAN,
    phase,
    limits: { movesPerNode: 1, movesPerDomain: 4 },
    moves: [
      { number: 1, phase: MOVE_PHASE_DONE, copiedBytes: 2n * GIB },
      { number: 2, phase: MOVE_PHASE_SKIPPED, message: 'vm/web is pinned by now' },
    ],
  })

/** A cluster that plans `PLAN`, or nothing, and whose rebalance ends in `phase`. */
function serve(phase: OperationPhase, plan = PLAN): void {
  const note = (request: object) => asked.push({ ...request })
  cluster.services = {
    placement: {
      async planRebalance(request) {
        note(request)
        return { plan }
      },
      async applyRebalance(request) {
        note(request)
        return {
          rebalance: {
            ...rebalance(REBALANCE_PHASE_RUNNING),
            operation: request.dryRun ? '' : 'op-1',
          },
        }
      },
      async getRebalance(request) {
        note(request)
        return { rebalance: rebalance(REBALANCE_PHASE_DONE) }
      },
      async pauseRebalance(request) {
        note(request)
        return { rebalance: rebalance(REBALANCE_PHASE_PAUSING) }
      },
      async resumeRebalance(request) {
        note(request)
        return { rebalance: rebalance(REBALANCE_PHASE_RUNNING) }
      },
    },
    operations: {
      getOperation: async () => ({ operation: sampleOperation('op-1', OPERATION_PHASE_RUNNING) }),
      async *watchOperations() {
        const operation = { ...sampleOperation('op-1', phase), message: '0 of 2 moves done' }
        yield { type: WatchType.WATCH_TYPE_MODIFIED, operation, resourceVersion: 8n }
      },
    },
  }
}

describe('placement rebalance plan', () => {
  it('lists moves with cost, gain and order, and sums them up', async () => {
    serve(OPERATION_PHASE_RUNNING)
    const line = 'placement rebalance plan --objective capacity --budget 200GiB --max-moves 9'
    const { code, stdout } = await cluster.run(line)
    expect(code).toBe(0)
    expect(stdout.split('\n').slice(0, 4)).toEqual([
      'NO  KIND     SUBJECT      FROM      TO        COPIES    GAIN  AFTER',
      ' 1  Replica  volume/data  n1/local  n4/local    2GiB  0.0123  -',
      ' 2  Restart  vm/web       n4        n1            0B  0.0000  1',
      '2 moves copying 2 GiB lower the imbalance from 0.2 to 0.1',
    ])
    expect(asked).toEqual([
      { objective: 2, budgetBytes: 200n * GIB, maxMoves: 9, labelSelector: '' },
    ])
  })

  it('says it in JSON', async () => {
    serve(OPERATION_PHASE_RUNNING)
    const { stdout } = await cluster.run('placement rebalance plan -o json')
    expect(JSON.parse(stdout)).toMatchObject({ plan: { id: 'plan-1', moves: [{}, {}] } })
  })
})

describe('placement rebalance apply', () => {
  it('waits until a plan is carried out, and shows every move', async () => {
    serve(OPERATION_PHASE_SUCCEEDED)
    const line = 'placement rebalance apply plan-1 --moves-per-node 2 --bandwidth 100MiB'
    const { code, stdout } = await cluster.run(line)
    expect(code).toBe(0)
    expect(stdout).toContain('vm/web is pinned by now')
    expect(asked[0]).toMatchObject({
      ...{ planId: 'plan-1', dryRun: false },
      limits: { movesPerNode: 2, movesPerDomain: 0, bandwidthBytesPerSecond: 100n * 2n ** 20n },
    })
  })

  it('plans, shows and applies at once', async () => {
    serve(OPERATION_PHASE_SUCCEEDED)
    const { stdout } = await cluster.run('placement rebalance apply --budget 5GiB --no-wait')
    expect(stdout).toContain('plan plan-1 expires in')
    expect(asked.map(({ planId }) => planId)).toEqual([undefined, 'plan-1'])
  })

  it('applies nothing when no move is worth it', async () => {
    serve(OPERATION_PHASE_SUCCEEDED, { ...PLAN, moves: [], summary: 'no move is worth its bytes' })
    const { code, stdout } = await cluster.run('placement rebalance apply')
    expect([code, stdout]).toEqual([0, 'no move is worth its bytes\n'])
    expect(asked).toHaveLength(1)
  })

  it('ends with 6 when moves failed', async () => {
    serve(OPERATION_PHASE_FAILED)
    const { code, stderr } = await cluster.run('placement rebalance apply plan-1')
    expect([code, stderr.includes('0 of 2 moves done')]).toEqual([6, true])
  })

  it('takes either a plan or wishes', async () => {
    serve(OPERATION_PHASE_SUCCEEDED)
    const { code } = await cluster.run('placement rebalance apply plan-1 --budget 1GiB')
    expect([code, asked]).toEqual([2, []])
  })
})

describe('placement rebalance show, pause, resume', () => {
  it.each([
    ['placement rebalance show', 'Phase:          Done', { operation: '' }],
    ['placement rebalance pause', 'operation/op-1 pauses', { operation: '', dryRun: false }],
    ['placement rebalance pause op-1 --dry-run', 'would pause', { dryRun: true }],
    ['placement rebalance resume', 'operation/op-1 goes on', { operation: '', dryRun: false }],
  ])('%s', async (line, expected, request) => {
    serve(OPERATION_PHASE_RUNNING)
    const { code, stdout } = await cluster.run(line)
    expect(code).toBe(0)
    expect(stdout).toContain(expected)
    expect(asked[0]).toMatchObject(request)
  })
})
