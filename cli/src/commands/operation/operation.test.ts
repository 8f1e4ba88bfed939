import { type Operation, WatchType } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFakeCluster, type FakeCluster, sampleOperation } from '../../testing/index.ts'

let cluster: FakeCluster

beforeAll(async () => {
  cluster = await createFakeCluster()
})
afterAll(() => cluster.close())

/** A running operation that ends like this. */
function ending(last: Operation) {
  cluster.services = {
    operations: {
      getOperation: async () => ({ operation: sampleOperation() }),
      async *watchOperations(_, { signal }) {
        const { WATCH_TYPE_ADDED, WATCH_TYPE_MODIFIED, WATCH_TYPE_BOOKMARK } = WatchType
        yield { type: WATCH_TYPE_ADDED, operation: sampleOperation(), resourceVersion: 5n }
        yield { type: WATCH_TYPE_BOOKMARK, operation: undefined, resourceVersion: 5n }
        yield { type: WATCH_TYPE_MODIFIED, operation: last, resourceVersion: 6n }
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      },
    },
  }
}

describe('operation watch of one', () => {
  it('ends by itself, with 0, when it succeeded', async () => {
    ending(sampleOperation('op-1', 2))
    const { code, stdout } = await cluster.run('operation watch op-1')
    expect(code).toBe(0)
    const phases = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ +/)[4])
    expect(phases).toEqual(['PHASE', 'Running', 'Succeeded'])
  })

  it.each([
    ['failed', 3 as const, 'Failed'],
    ['was cancelled', 4 as const, 'Cancelled'],
  ])('ends with 1 when it %s', async (_, phase, word) => {
    ending(sampleOperation('op-1', phase))
    const { code, stderr } = await cluster.run('operation watch op-1')
    expect([code, stderr]).toEqual([
      1,
      `error: operation "op-1" has ended: ${word}\n  growing from 1 GiB to 2 GiB\n`,
    ])
  })

  it('does not wait for one that does not exist', async () => {
    cluster.services = {
      operations: {
        async getOperation() {
          throw new KeelsonError('NOT_FOUND', 'operation "op-9" does not exist')
        },
      },
    }
    expect((await cluster.run('operation watch op-9')).code).toBe(7)
  })
})

describe('operation list and cancel', () => {
  it('lists progress, and shows the operation after the request', async () => {
    const operation = sampleOperation()
    cluster.services = {
      operations: {
        listOperations: async () => ({
          ...{ operations: [operation], nextPageToken: '', resourceVersion: 1n },
        }),
        cancelOperation: async () => ({ operation: sampleOperation('op-1', 4) }),
      },
    }
    const { stdout } = await cluster.run('operation list --no-headers')
    expect(stdout).toMatch(/^op-1 +VolumeResize +volume\/data +Running +50% /)
    expect((await cluster.run('operation cancel op-1 --no-headers')).stdout).toContain('Cancelled')
    const tried = await cluster.run('operation cancel op-1 --dry-run')
    expect(tried.stdout).toBe('operation/op-1 would be cancelled\n')
  })
})
