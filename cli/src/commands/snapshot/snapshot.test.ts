import { Snapshot, WatchType } from '@keelson/shared/api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createFakeCluster,
  type FakeCluster,
  sampleSnapshot,
  sampleVolume,
} from '../../testing/index.ts'

let cluster: FakeCluster

beforeAll(async () => {
  cluster = await createFakeCluster()
})
afterAll(() => cluster.close())

const taking = Snapshot.fromPartial({
  ...sampleSnapshot(),
  status: { phase: 1, replicas: [{ node: 'n1', phase: 1, copiedBytes: 2n ** 29n }] },
})
const taken = Snapshot.fromPartial({
  ...sampleSnapshot(),
  status: {
    ...{ phase: 2, sizeBytes: 2n ** 30n },
    replicas: [{ node: 'n1', pool: 'local', phase: 2, method: 2, allocatedBytes: 2n ** 30n }],
  },
})

describe('snapshot create', () => {
  it('shows on a terminal how far the copy is, and then how it was kept', async () => {
    cluster.services = {
      snapshots: {
        createSnapshot: async () => ({ snapshot: taking, operation: 'op-1' }),
        async *watchSnapshots() {
          const type = WatchType.WATCH_TYPE_MODIFIED
          yield { type, snapshot: sampleSnapshot('other'), resourceVersion: 8n }
          yield { type, snapshot: taken, resourceVersion: 9n }
        },
      },
    }
    const line = 'snapshot create monday --volume data'
    const { code, stdout, stderr } = await cluster.run(line, {
      isTTY: true,
      env: { NO_COLOR: '1' },
    })
    expect(stderr).toContain('snapshot/monday: Pending: n1 Pending (512MiB copied)')
    expect(stderr.endsWith('\r\x1b[K')).toBe(true)
    expect(stdout).toMatch(/\nmonday +data +1GiB +Ready +Copy +1GiB +n1 /)
    expect(code).toBe(0)
  })
})

describe('snapshot restore', () => {
  it('asks for a new volume and shows it', async () => {
    const asked: object[] = []
    cluster.services = {
      snapshots: {
        async restoreSnapshot(request) {
          asked.push({ ...request })
          return { volume: sampleVolume('copy'), operation: 'op-2' }
        },
      },
    }
    const { stdout } = await cluster.run('snapshot restore monday --to copy --size 2GiB -o name')
    expect(asked).toEqual([
      { snapshot: 'monday', volume: 'copy', sizeBytes: 2n ** 31n, labels: {}, dryRun: false },
    ])
    expect(stdout).toBe('volume/copy\n')
  })
})
