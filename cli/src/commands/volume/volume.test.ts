import { type Volume, WatchType } from '@keelson/shared/api'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  createFakeCluster,
  deletingVolume,
  type FakeCluster,
  sampleReplica,
  sampleVolume,
  tellVolumes,
} from '../../testing/index.ts'

const { WATCH_TYPE_ADDED, WATCH_TYPE_MODIFIED, WATCH_TYPE_DELETED, WATCH_TYPE_BOOKMARK } = WatchType

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

function run(...args: Parameters<FakeCluster['run']>) {
  return cluster.run(...args)
}

describe('volume resize', () => {
  const growing = (actualSizeBytes: bigint) =>
    sampleVolume('data', {
      spec: { sizeBytes: 2n ** 31n, replicas: 1 },
      status: { actualSizeBytes, phase: 2 },
    })
  const resizing = (...steps: [WatchType, Volume][]) => {
    cluster.services = {
      volumes: {
        resizeVolume: async () => ({ volume: growing(2n ** 30n), operation: 'op-1' }),
        watchVolumes: tellVolumes(asked, steps),
      },
    }
  }

  it('waits until every replica has the size', async () => {
    resizing([WATCH_TYPE_MODIFIED, growing(2n ** 31n)])
    const { code, stdout } = await run('volume resize data --size 2GiB -o json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      operation: 'op-1',
      volume: { status: { actualSizeBytes: '2147483648' } },
    })
  })

  it('ends with 6 when the operation is cancelled', async () => {
    resizing([WATCH_TYPE_MODIFIED, sampleVolume()])
    const { code, stderr } = await run('volume resize data --size 2GiB')
    expect([code, stderr]).toEqual([6, 'error: growing volume "data" was cancelled\n'])
  })
})

describe('volume delete', () => {
  it.each([
    ['volume delete data', 'volume/data deleted\n', 2],
    ['volume delete data --no-wait', 'volume/data is being deleted\n', 1],
    ['volume delete data --dry-run', 'volume/data would be deleted\n', 1],
  ])('%s', async (line, expected, calls) => {
    cluster.services = {
      volumes: {
        async deleteVolume(request) {
          asked.push({ ...request })
          return { volume: deletingVolume() }
        },
        watchVolumes: tellVolumes(asked, [[WATCH_TYPE_DELETED, deletingVolume()]]),
      },
    }
    expect(await run(line)).toEqual({ code: 0, stdout: expected, stderr: '' })
    expect(asked[0]).toEqual({ name: 'data', dryRun: line.endsWith('--dry-run') })
    expect(asked).toHaveLength(calls)
  })
})

describe('volume list', () => {
  const listing = (total: number) => {
    cluster.services = {
      volumes: {
        async listVolumes(request) {
          asked.push({ ...request })
          const start = Number(request.pageToken)
          const end = Math.min(total, start + request.pageSize)
          const names = Array.from({ length: end - start }, (_, i) => `v${start + i}`)
          return {
            volumes: names.map((name) => sampleVolume(name)),
            nextPageToken: end < total ? String(end) : '',
            resourceVersion: 42n,
          }
        },
      },
    }
  }

  it('lists everything, over all pages, with the filters it was given', async () => {
    listing(1_500)
    const { stdout } = await run('volume list --node n1 -l app=db --match v -o name')
    expect(stdout.trimEnd().split('\n')).toHaveLength(1_500)
    expect(asked[1]).toEqual({
      ...{ labelSelector: 'app=db', nameFilter: 'v', node: 'n1' },
      ...{ pageSize: 1_000, pageToken: '1000' },
    })
  })

  it('stops at the limit, and says that there is more', async () => {
    listing(1_500)
    const { stdout, stderr } = await run('volume list --limit 2 --no-headers')
    expect(stdout.trimEnd().split('\n')).toHaveLength(2)
    expect(stderr).toBe('there are more volumes than these 2\n')
    const json = JSON.parse((await run('volume list --limit 2 -o json')).stdout)
    expect(json).toMatchObject({ nextPageToken: '2', resourceVersion: '42' })
    expect(json.volumes).toHaveLength(2)
  })

  it('an empty list is a list', async () => {
    listing(0)
    expect(JSON.parse((await run('volume list -o json')).stdout)).toEqual({
      ...{ volumes: [], resourceVersion: '42' },
    })
    expect((await run('volume list -o yaml')).stdout).toBe('volumes: []\nresourceVersion: "42"\n')
    expect(await run('volume list')).toEqual({ code: 0, stdout: '', stderr: 'no volumes\n' })
  })
})

describe('volume show', () => {
  it('has fields, then a table of replicas with both device paths', async () => {
    const volume = sampleVolume('data', {
      meta: { ...sampleVolume().meta, labels: { app: 'db' } },
      status: {
        phase: 3,
        actualSizeBytes: 2n ** 29n,
        conditions: [
          { type: 'Ready', status: 2, reason: 'ReplicaFailed', message: 'n2: no space' },
        ],
        replicas: [
          sampleReplica('n1'),
          { ...sampleReplica('n2', { phase: 3, message: 'no space' }), kernelDevice: '' },
        ],
      },
    })
    cluster.services = { volumes: { getVolume: async () => ({ volume }) } }
    const { stdout } = await run('volume show data')
    expect(stdout.replace(/Created: .*/, 'Created: …')).toBe(
      [
        'Name:          data',
        'Uid:           uid-data',
        'Labels:        app=db',
        'Phase:         Degraded',
        'Size:          1GiB (1073741824 bytes)',
        'Size reached:  512MiB (536870912 bytes)',
        'Replicas:      1/2 ready',
        'Pool:          local',
        'Created: …',
        'Conditions:',
        '  TYPE   STATUS  SINCE  REASON         MESSAGE',
        '  Ready  False   -      ReplicaFailed  n2: no space',
        'Replicas:',
        '  NODE  POOL   ROLE     PHASE   SIZE  ALLOCATED  DEVICE                          MESSAGE',
        '  n1    local  Diskful  Ready   1GiB     256MiB  /dev/keelson/data (/dev/loop3)  -',
        '  n2    local  Diskful  Failed  1GiB     256MiB  /dev/keelson/data               no space',
        '',
      ].join('\n'),
    )
  })
})

describe('a tie-breaker', () => {
  it('is not counted among the replicas, and is told apart from them', async () => {
    const witness = { pool: '', role: 3, devicePath: '', kernelDevice: '', sizeBytes: 0n } as const
    const volumeWith = (phase: 2 | 4) =>
      sampleVolume('data', {
        status: {
          replicas: [
            sampleReplica('n1'),
            sampleReplica('n2'),
            { ...sampleReplica('n3', { phase }), ...witness, allocatedBytes: 0n },
          ],
        },
      })
    const [voting, silent] = [volumeWith(2), volumeWith(4)]
    cluster.services = {
      volumes: {
        listVolumes: async () => ({
          ...{ volumes: [voting, silent], nextPageToken: '', resourceVersion: 42n },
        }),
        getVolume: async () => ({ volume: silent }),
      },
    }
    const rows = (text: string) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/ {2,}/))
    const { stdout: list } = await run('volume list -o wide --no-headers')
    for (const row of rows(list)) expect(row).toEqual(expect.arrayContaining(['2/2', 'n1,n2']))
    expect(list).toMatch(/ n3 .*\n.* n3 \(Unknown\) /)
    const { stdout: shown } = await run('volume show data')
    expect(shown).toMatch(/^Replicas: +2\/2 ready\nTie-breaker: +n3 \(Unknown\)$/m)
    expect(shown).toMatch(/^ +n3 +- +TieBreaker +Unknown +- /m)
  })
})

describe('volume watch', () => {
  it('shows what is there as one table, then every change, until interrupted', async () => {
    cluster.services = {
      volumes: {
        watchVolumes: tellVolumes(asked, [
          [WATCH_TYPE_ADDED, sampleVolume('a')],
          [WATCH_TYPE_ADDED, sampleVolume('a-longer-name')],
          [WATCH_TYPE_BOOKMARK],
          [WATCH_TYPE_DELETED, sampleVolume('a')],
        ]),
      },
    }
    const until = (text: string) => ({
      onOutput({ stdout }: { stdout: string }, interrupt: () => void) {
        if (stdout.includes(text)) interrupt()
      },
    })
    const { code, stdout } = await run('volume watch', until('Deleted'))
    expect(code).toBe(130)
    const lines = stdout.trimEnd().split('\n')
    expect(lines.map((line) => line.split(/ +/).slice(0, 3))).toEqual([
      ['CHANGE', 'NAME', 'SIZE'],
      ['Added', 'a', '1GiB'],
      ['Added', 'a-longer-name', '1GiB'],
      ['Deleted', 'a', '1GiB'],
    ])
    const json = await run('volume watch -o json', until('DELETED'))
    const steps = json.stdout.trimEnd().split('\n')
    expect(steps.map((line) => JSON.parse(line).type)).toEqual([
      'WATCH_TYPE_ADDED',
      'WATCH_TYPE_ADDED',
      'WATCH_TYPE_BOOKMARK',
      'WATCH_TYPE_DELETED',
    ])
  })
})

describe('a cluster that cannot be asked', () => {
  it.each([
    ['nobody there', 'volume list --server 127.0.0.1:1', 9, /^error: cannot reach 127.0.0.1:1/],
    ['a wrong token', 'volume list --token nope', 8, /^error: unknown token/],
    ['a verb without an engine', 'volume list', 1, /^error: the test has no listVolumes/],
  ])('%s', async (_, line, code, message) => {
    const ended = await run(line)
    expect(ended.stderr).toMatch(message)
    expect([ended.code, ended.stdout]).toEqual([code, ''])
  })

  it('an authority that is not the server’s', async () => {
    const other = await createFakeCluster()
    try {
      const ca = other.env.KEELSON_CA!
      const { code, stderr } = await run(['volume', 'list', '--ca', ca])
      expect([code, stderr]).toEqual([8, expect.stringContaining('cannot prove')])
    } finally {
      await other.close()
    }
  })
})
