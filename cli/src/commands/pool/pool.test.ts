import { WatchType } from '@keelson/shared/api'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createFakeCluster, type FakeCluster, samplePool } from '../../testing/index.ts'

let cluster: FakeCluster
let asked: Record<string, unknown>[]

beforeAll(async () => {
  cluster = await createFakeCluster()
})
afterAll(() => cluster.close())
beforeEach(() => {
  asked = []
})

const pending = {
  ...samplePool(),
  status: { ...samplePool().status!, phase: 1, totalBytes: 0n },
} as const

describe('pool create', () => {
  it('asks for what was said and waits until the host has prepared it', async () => {
    cluster.services = {
      pools: {
        async createStoragePool(request) {
          asked.push({ ...request })
          return { storagePool: pending }
        },
        async *watchStoragePools({ resourceVersion }) {
          asked.push({ resourceVersion })
          const type = WatchType.WATCH_TYPE_MODIFIED
          yield { type, storagePool: samplePool('local', 'n2'), resourceVersion: 8n }
          yield { type, storagePool: samplePool(), resourceVersion: 9n }
        },
      },
    }
    const { code, stdout } = await cluster.run(
      'pool create local --node n1 --kind FILE_THIN --path /srv/pool ' +
        '--overcommit 1.5 --label tier=gold',
    )
    expect(asked).toEqual([
      {
        name: 'local',
        spec: { node: 'n1', kind: 6, path: '/srv/pool', overcommitPercent: 150 },
        labels: { tier: 'gold' },
        dryRun: false,
      },
      { resourceVersion: 7n },
    ])
    expect(code).toBe(0)
    expect(
      stdout
        .split('\n')
        .slice(0, 2)
        .map((line) => line.split(/ +/).slice(0, -1)),
    ).toEqual([
      [...['NAME', 'NODE', 'KIND', 'PHASE', 'TOTAL', 'FREE', 'PROMISED', 'REPLICAS', 'PATH']],
      [...['local', 'n1', 'FILE_THIN', 'Ready', '100GiB', '60GiB', '1GiB', '1', '/srv/pool']],
    ])
  })

  it('what the host has not reported yet is not shown as zero', async () => {
    cluster.services = { pools: { createStoragePool: async () => ({ storagePool: pending }) } }
    const { stdout } = await cluster.run(
      'pool create local --node n1 --kind FILE --path /srv/pool --no-wait --no-headers',
    )
    expect(stdout).toMatch(/^local +n1 +FILE_THIN +Pending +- +- +1GiB/)
  })
})

describe('a pool is named', () => {
  it.each([
    ['pool show local', { name: 'local', node: '' }],
    ['pool show local --node n1', { name: 'local', node: 'n1' }],
    ['pool show n1/local', { name: 'local', node: 'n1' }],
  ])('%s', async (line, expected) => {
    cluster.services = {
      pools: {
        async getStoragePool(request) {
          asked.push({ ...request })
          return { storagePool: samplePool() }
        },
      },
    }
    const { stdout } = await cluster.run(`${line} -o name`)
    expect(asked).toEqual([expected])
    expect(stdout).toBe('pool/n1/local\n')
  })
})

describe('pool delete', () => {
  it('waits until it is gone; a pool of the name on another host is another', async () => {
    const storagePool = { ...samplePool(), status: { ...samplePool().status!, phase: 4 as const } }
    cluster.services = {
      pools: {
        deleteStoragePool: async () => ({ storagePool }),
        async *watchStoragePools() {
          const type = WatchType.WATCH_TYPE_DELETED
          yield { type, storagePool: samplePool('local', 'n2'), resourceVersion: 8n }
          yield { type, storagePool, resourceVersion: 9n }
        },
      },
    }
    expect(await cluster.run('pool delete n1/local')).toEqual({
      ...{ code: 0, stdout: 'pool/n1/local deleted\n', stderr: '' },
    })
  })
})
