import type { Operation } from '@keelson/shared/model'
import { describe, expect, it } from 'vitest'
import { createPopulatedWorld, fingerprint } from '../testing/index.ts'
import { createClusterState } from './cluster-state.ts'
import type { Write } from './records.ts'

function operation(name: string, phase: Operation['phase']): Write & { kind: 'operation' } {
  const meta = { name, uid: name, labels: {}, generation: 1, resourceVersion: 0, createdAt: 0 }
  const rest = { subject: 'volume/data', progressPercent: 0, message: '' }
  return { kind: 'operation', id: name, value: { meta, kind: 'VolumeResize', phase, ...rest } }
}

describe('applying', () => {
  it('stamps the revision on records that show one, and on no others', () => {
    const state = createClusterState()
    const write = operation('op-1', 'Running')
    state.apply([write, { kind: 'generation', id: 'n1', value: { generation: 3 } }], 7)
    expect(state.operations.get('op-1')?.meta.resourceVersion).toBe(7)
    expect(state.generations.get('n1')).toEqual({ generation: 3 })
    expect(state.revision).toBe(7)
    expect(write.value?.meta.resourceVersion, 'the write itself is not touched').toBe(0)
  })

  it('of the same writes gives equal states, in one go or one by one', () => {
    const source = createPopulatedWorld()
    const writes: Write[] = []
    for (const name of ['v1', 'v2']) {
      const spec = { sizeBytes: 2 ** 20, storageClass: '', pool: '', replicas: 3, nodes: [] }
      const decision = source.decide({
        type: 'CreateVolume',
        stamp: source.stamp(name),
        name,
        labels: {},
        spec: { ...spec, sourceSnapshot: '' },
      })
      writes.push(...decision.writes)
    }
    const together = createPopulatedWorld().state
    const revision = together.revision + 1
    together.apply(writes, revision)
    const singly = createPopulatedWorld().state
    for (const write of writes) singly.apply([write], revision)
    expect(fingerprint(singly)).toBe(fingerprint(together))
  })
})

describe('the running operation', () => {
  const find = (writes: readonly Write[]) => {
    const state = createClusterState()
    for (const write of writes) state.apply([write], state.revision + 1)
    return state.runningOperation('VolumeResize', 'volume/data')?.meta.name
  }
  const cases: [name: string, writes: Write[], running: string | undefined][] = [
    ['is the one that runs', [operation('a', 'Running')], 'a'],
    ['is none once it has ended', [operation('a', 'Running'), operation('a', 'Failed')], undefined],
    ['is none when it is gone', [operation('a', 'Running'), gone('a')], undefined],
    ['is none of those that ended before', [operation('a', 'Succeeded')], undefined],
    [
      'stays the later one when an earlier one ends after it began',
      [operation('a', 'Running'), operation('b', 'Running'), operation('a', 'Cancelled')],
      'b',
    ],
  ]
  it.each(cases)('%s', (_name, writes, running) => {
    expect(find(writes)).toBe(running)
  })

  function gone(id: string): Write {
    return { kind: 'operation', id, value: undefined }
  }
})

describe('events', () => {
  it('go on from the newest, also when older ones are removed', () => {
    const state = createClusterState()
    const event = (sequence: number, value = true): Write => ({
      kind: 'event',
      id: String(sequence),
      value: value
        ? { sequence, time: 0, type: 'Normal', reason: 'R', subject: 's', message: '', actor: 'a' }
        : undefined,
    })
    state.apply([event(4), event(5)], 1)
    state.apply([event(4, false)], 2)
    expect([state.lastEventSequence, state.events.size]).toEqual([5, 1])
  })
})
