import { PlacementReport, type Volume, WatchType } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  createFakeCluster,
  deletingVolume,
  type FakeCluster,
  NOW_MS,
  pendingVolume,
  sampleVolume,
  tellVolumes,
} from '../../testing/index.ts'

const { WATCH_TYPE_MODIFIED } = WatchType

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

/** A creation that is answered with `volume`, and what a watch then tells. */
function creating(volume: Volume, ...states: readonly Volume[]) {
  cluster.services = {
    volumes: {
      async createVolume(request) {
        asked.push({ ...request })
        return { volume, placementReport: undefined }
      },
      watchVolumes: tellVolumes(
        asked,
        states.map((state) => [WATCH_TYPE_MODIFIED, state]),
      ),
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
    creating(pendingVolume(), sampleVolume())
    const { code, stdout, stderr } = await run(
      'volume create data --size 1GiB --class gold --replicas 2 --node n1,n2 --label app=db',
    )
    expect(asked).toEqual([
      {
        name: 'data',
        spec: {
          ...{ sizeBytes: 1_073_741_824n, storageClass: 'gold', pool: '', replicas: 2 },
          ...{ nodes: ['n1', 'n2'], sourceSnapshot: '' },
          ...{ replicaRules: [], tieBreakerMode: 0 },
        },
        labels: { app: 'db' },
        dryRun: false,
        tenant: '',
      },
      { labelSelector: '', resourceVersion: 7n, name: 'data' },
    ])
    expect(stdout).toMatch(/^NAME +SIZE +PHASE +REPLICAS +POOL +CLASS +NODES +AGE\n/)
    expect(stdout).toMatch(/\ndata +1GiB +Ready +1\/1 +local +- +n1 +\S+\n$/)
    expect([code, stderr]).toEqual([0, ''])
  })

  it('prints the response with the final state as JSON, and a name as a name', async () => {
    creating(pendingVolume(), sampleVolume())
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
    creating(pendingVolume(), failing)
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
    creating(pendingVolume(), deletingVolume())
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
        'Dry run: nothing was changed.',
        '',
      ].join('\n'),
    )
  })
})
