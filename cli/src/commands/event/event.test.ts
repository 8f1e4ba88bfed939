import { KeelsonError } from '@keelson/shared/errors'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createFakeCluster, type FakeCluster, sampleEvent } from '../../testing/index.ts'

let cluster: FakeCluster
let asked: object[]

beforeAll(async () => {
  cluster = await createFakeCluster()
})
afterAll(() => cluster.close())
beforeEach(() => {
  asked = []
  cluster.services = {
    events: {
      async listEvents(request) {
        asked.push({ ...request })
        return { events: [sampleEvent(1n), sampleEvent(3n)], lastSequence: 4n }
      },
    },
  }
})

describe('event list', () => {
  it('passes its filters on, and shows the oldest first', async () => {
    const { stdout } = await cluster.run('event list --subject volume --warnings --limit 5')
    expect(asked).toEqual([
      { subject: 'volume', warningsOnly: true, afterSequence: undefined, pageSize: 5 },
    ])
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^TIME +TYPE +REASON +SUBJECT +MESSAGE$/)
    expect(lines[1]).toMatch(/^2026-05-0. .* +Normal +VolumeCreated +volume\/data +1 GiB placed/)
    expect(lines).toHaveLength(3)
  })

  it('--follow goes on after the list, over a restart, without a hole', async () => {
    const streams = [
      [
        sampleEvent(5n, 'PoolReady'),
        new KeelsonError('UNAVAILABLE', 'the server is shutting down'),
      ],
      [sampleEvent(6n, 'VolumeDeleted')],
    ]
    cluster.services.events = {
      ...cluster.services.events,
      async *watchEvents({ afterSequence }) {
        asked.push({ afterSequence })
        for (const next of streams.shift() ?? []) {
          if (next instanceof KeelsonError) throw next
          yield { event: next }
        }
      },
    }
    const { stdout, stderr, code } = await cluster.run('event list --follow -o json')
    expect([code, stderr]).toEqual([0, ''])
    const sequences = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).sequence)
    expect(sequences).toEqual(['1', '3', '5', '6'])
    expect(asked.slice(1)).toEqual([{ afterSequence: 4n }, { afterSequence: 5n }])
  })
})
