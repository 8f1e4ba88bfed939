import { PlacementReport, type Volume, WatchType } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  createFakeCluster,
  deletingVolume,
  type FakeCluster,
  NOW_MS,
  pendingVolume,
  sampleReplica,
  sampleVolume,
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

/** A watch that tells these steps and then stays silent. */
function telling(...steps: [type: WatchType, volume?: Volume][]) {
  return async function* (request: object, { signal }: { signal: AbortSignal }) {
    asked.push({ ...request })
    let resourceVersion = 7n
    for (const [type, volume] of steps) yield { type, volume, resourceVersion: ++resourceVersion }
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  }
}

function creating(volume: Volume, ...steps: Parameters<typeof telling>) {
  cluster.services = {
    volumes: {
      async createVolume(request) {
        asked.push({ ...request })
        return { volume, placementReport: undefined }
      },
      watchVolumes: telling(...steps),
    },
  }
}

function run(...args: Parameters<FakeCluster['run']>) {
  return cluster.run(...args)
}

/** Runs until stderr tells of this; then the user's patience ends, however long that took. */
function runUntilToldOf(text: string, line: string) {
  const timers: (() => void)[] = []
  return run(line, {
    clock: {
      now: () => NOW_MS,
      after(_, callback) {
        timers.push(callback)
        return { cancel: () => undefined }
      },
    },
    onOutput({ stderr }) {
      if (stderr.includes(text)) for (const fire of timers.splice(0)) fire()
    },
  })
}

describe('volume create', () => {
  it('asks for what was said, waits until the hosts have made it, and shows the row', async () => {
    creating(pendingVolume(), [WATCH_TYPE_MODIFIED, sampleVolume()])
    const { code, stdout, stderr } = await run(
      'volume create data --size 1GiB --class gold --replicas 2 --node n1,n2 --label app=db',
    )
    expect(asked).toEqual([
      {
        name: 'data',
        spec: {
          ...{ sizeBytes: 1_073_741_824n, storageClass: 'gold', pool: '', replicas: 2 },
          ...{ nodes: ['n1', 'n2'], sourceSnapshot: '' },
        },
        labels: { app: 'db' },
        dryRun: false,
      },
      { labelSelector: '', resourceVersion: 7n, name: 'data' },
    ])
    expect(stdout).toMatch(/^NAME +SIZE +PHASE +REPLICAS +POOL +CLASS +NODES +AGE\n/)
    expect(stdout).toMatch(/\ndata +1GiB +Ready +1\/1 +local +- +n1 +\S+\n$/)
    expect([code, stderr]).toEqual([0, ''])
  })

  it('prints the response with the final state as JSON, and a name as a name', async () => {
    creating(pendingVolume(), [WATCH_TYPE_MODIFIED, sampleVolume()])
    const { stdout } = await run('volume create data --size 1GiB -o json')
    expect(JSON.parse(stdout).volume.status).toMatchObject({
      phase: 'VOLUME_PHASE_READY',
      actualSizeBytes: '1073741824',
    })
    creating(sampleVolume())
    expect((await run('volume create data --size 1GiB -o name')).stdout).toBe('volume/data\n')
  })

  it('returns at once with --no-wait', async () => {
    creating(pendingVolume())
    const { code, stdout } = await run('volume create data --size 1GiB --no-wait --no-headers')
    expect([code, asked.length]).toEqual([0, 1])
    expect(stdout).toMatch(/^data +1GiB +Pending +0\/1/)
  })

  it('shows a failing replica, goes on waiting, and ends with 5 and the last state', async () => {
    const failing = pendingVolume('data', { message: 'no space left (ENOSPC)' })
    creating(pendingVolume(), [WATCH_TYPE_MODIFIED, failing])
    const ended = await runUntilToldOf('still waiting', 'volume create data --size 1GiB')
    expect(ended).toEqual({
      code: 5,
      stdout: '',
      stderr: [
        'warning: volume/data: replica on n1 is Failed: no space left (ENOSPC); still waiting',
        'error: volume/data is not ready after 30s',
        '  last state: Pending: n1 Failed',
        '  replica on n1 is Failed: no space left (ENOSPC)',
        '  the work goes on; --timeout waits longer',
        '',
      ].join('\n'),
    })
  })

  it('ends with 6 when somebody deletes it meanwhile', async () => {
    creating(pendingVolume(), [WATCH_TYPE_MODIFIED, deletingVolume()])
    const { code, stderr } = await run('volume create data --size 1GiB')
    expect([code, stderr]).toEqual([6, 'error: volume "data" is being deleted\n'])
  })

  it('says why there is no place, with the report for programs, and ends with 3', async () => {
    const report = PlacementReport.fromPartial({
      subject: 'volume/data',
      nodes: [{ node: 'n1', rejectedBy: 'space' }],
    })
    cluster.services = {
      volumes: {
        async createVolume() {
          throw new KeelsonError('RESOURCE_EXHAUSTED', '1 × 1 GiB cannot be placed', {
            reason: 'not-placeable',
            details: ['n1/local: space: needs 1 GiB, 2 MiB free'],
            report,
          })
        },
      },
    }
    const text = await run('volume create data --size 1GiB')
    expect(text).toEqual({
      code: 3,
      stdout: '',
      stderr: 'error: 1 × 1 GiB cannot be placed\n  n1/local: space: needs 1 GiB, 2 MiB free\n',
    })
    const json = await run('volume create data --size 1GiB -o json')
    expect(JSON.parse(json.stderr)).toMatchObject({
      ...{ code: 'RESOURCE_EXHAUSTED', reason: 'not-placeable' },
      report: { subject: 'volume/data', nodes: [{ node: 'n1', rejectedBy: 'space' }] },
    })
  })

  it('with --dry-run it shows where the volume would go, and waits for nothing', async () => {
    const placementReport = PlacementReport.fromPartial({
      ...{ placeable: true, summary: '1 × 1 GiB fits', closestMiss: 'n2 lacks 3 GiB' },
      nodes: [
        { node: 'n1', pool: 'local', chosen: true, totalScore: 0.75 },
        { node: 'n2', pool: 'local', rejectedBy: 'space', reason: 'needs 4 GiB, 1 GiB free' },
      ],
    })
    cluster.services = {
      volumes: { createVolume: async () => ({ volume: pendingVolume(), placementReport }) },
    }
    const { stdout } = await run('volume create data --size 4GiB --dry-run')
    expect(stdout).toBe(
      [
        '1 × 1 GiB fits',
        'NODE  POOL   VERDICT  SCORE  REASON',
        'n1    local  chosen    0.75  -',
        'n2    local  space        -  needs 4 GiB, 1 GiB free',
        'Closest miss:  n2 lacks 3 GiB',
        'Dry run: nothing was created.',
        '',
      ].join('\n'),
    )
  })
})

describe('volume resize', () => {
  const growing = (actualSizeBytes: bigint) =>
    sampleVolume('data', {
      spec: { sizeBytes: 2n ** 31n, replicas: 1 },
      status: { actualSizeBytes, phase: 2 },
    })
  const resizing = (...steps: Parameters<typeof telling>) => {
    cluster.services = {
      volumes: {
        resizeVolume: async () => ({ volume: growing(2n ** 30n), operation: 'op-1' }),
        watchVolumes: telling(...steps),
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
        watchVolumes: telling([WATCH_TYPE_DELETED, deletingVolume()]),
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

describe('volume watch', () => {
  it('shows what is there as one table, then every change, until interrupted', async () => {
    cluster.services = {
      volumes: {
        watchVolumes: telling(
          [WATCH_TYPE_ADDED, sampleVolume('a')],
          [WATCH_TYPE_ADDED, sampleVolume('a-longer-name')],
          [WATCH_TYPE_BOOKMARK],
          [WATCH_TYPE_DELETED, sampleVolume('a')],
        ),
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
