import { OperationPhase, WatchType } from '@keelson/shared/api'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  createFakeCluster,
  type FakeCluster,
  sampleOperation,
  sampleReplica,
  sampleVolume,
} from '../../testing/index.ts'

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

/** A volume whose replica goes from n1 to n4; the operation ends in `phase`. */
function moving(phase: OperationPhase): void {
  const move = { fromNode: 'n1', toNode: 'n4', operation: 'op-1' }
  const replicas = [sampleReplica('n1'), sampleReplica('n2'), sampleReplica('n4', { phase: 1 })]
  cluster.services = {
    volumes: {
      async moveReplica(request) {
        asked.push({ ...request })
        const volume = sampleVolume('data', { status: { phase: 2, replicas, move } })
        return { volume, operation: request.dryRun ? '' : 'op-1', placementReport: undefined }
      },
      async getVolume() {
        const moved = [sampleReplica('n2'), sampleReplica('n4')]
        return { volume: sampleVolume('data', { status: { phase: 2, replicas: moved } }) }
      },
    },
    operations: {
      getOperation: async () => ({ operation: sampleOperation('op-1', OPERATION_PHASE_RUNNING) }),
      async *watchOperations() {
        const operation = { ...sampleOperation('op-1', phase), message: 'n4: no DRBD' }
        yield { type: WatchType.WATCH_TYPE_MODIFIED, operation, resourceVersion: 8n }
      },
    },
  }
}

describe('volume move', () => {
  it('waits for the operation and shows where the volume is then', async () => {
    moving(OPERATION_PHASE_SUCCEEDED)
    const { code, stdout } = await cluster.run('volume move data --from n1 --to n4 --no-headers')
    expect(code).toBe(0)
    expect(stdout).toContain('n2,n4')
    expect(asked).toEqual([
      { volume: 'data', fromNode: 'n1', toNode: 'n4', toPool: '', dryRun: false },
    ])
  })

  it('ends with 6 and the reason when the move is given up', async () => {
    moving(OPERATION_PHASE_FAILED)
    const { code, stderr } = await cluster.run('volume move data --from n1')
    expect(code).toBe(6)
    expect(stderr).toContain('operation "op-1" has ended: Failed')
    expect(stderr).toContain('n4: no DRBD')
  })

  it('does not wait when told so', async () => {
    moving(OPERATION_PHASE_RUNNING)
    const { code, stdout } = await cluster.run('volume move data --from n1 --no-wait -o json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ operation: 'op-1' })
  })

  it('needs the host to leave', async () => {
    const { code, stderr } = await cluster.run('volume move data')
    expect([code, stderr.includes('--from')]).toEqual([2, true])
  })
})

describe('volume show', () => {
  it('shows a move under way', async () => {
    const move = { fromNode: 'n1', toNode: 'n4', operation: 'op-1' }
    const volume = sampleVolume('data', { status: { phase: 2, move } })
    cluster.services = { volumes: { getVolume: async () => ({ volume }) } }
    const { stdout } = await cluster.run('volume show data')
    expect(stdout).toContain('n1 → n4 (op-1)')
  })
})
