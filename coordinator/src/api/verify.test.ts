import { createFakeClock } from '@keelson/shared/testing'
import { describe, expect, it } from 'vitest'
import { createPipeline } from '../commit/index.ts'
import { createClusterState } from '../state/index.ts'
import { createMemoryDisk, openMemoryStore } from '../store/index.ts'
import { createStamps, initializeCluster, populate } from '../testing/index.ts'
import { verifyStore } from './verify.ts'

const FLUSH_MS = 10

/** A populated cluster whose store takes `FLUSH_MS` of a clock that stands still. */
async function start() {
  const clock = createFakeClock()
  const disk = createMemoryDisk()
  const store = openMemoryStore(disk, { delay: { clock, delayMs: () => FLUSH_MS } })
  const state = createClusterState()
  const scene = { state, ...createStamps() }
  const parts = { store, state, guards: [], checked: true, onFailure: () => undefined }
  const pipeline = createPipeline(parts)
  void pipeline.submit(initializeCluster(scene))
  for (const command of populate(scene)) void pipeline.submit(command)
  await clock.advance(1_000)
  const cordon = (node: string) =>
    pipeline.submit({
      type: 'UpdateNode',
      stamp: scene.stamp(node),
      node,
      setLabels: {},
      removeLabels: [],
      schedulable: false,
    })
  return { clock, disk, store, state, pipeline, cordon }
}

describe('comparing store and memory', () => {
  it('finds nothing where nothing is wrong, and says how much it looked at', async () => {
    const { disk, store, pipeline } = await start()
    const { violations, recordsChecked, revision } = await verifyStore(store, pipeline)
    expect(violations).toEqual([])
    expect(recordsChecked).toBe(disk.records.size)
    expect(revision).toBe(disk.revision)
  })

  it('finds what is damaged, missing, and too much', async () => {
    const { disk, store, state, pipeline } = await start()
    const node = disk.records.get('node/n0')!
    const text = node.value.replace('"schedulable":true', '"schedulable":false')
    disk.records.set('node/n0', { ...node, value: text })
    disk.records.delete('pool/n1/p0')
    state.apply([{ kind: 'class', id: 'same', value: undefined }], state.revision)
    const { violations } = await verifyStore(store, pipeline)
    expect(violations.map(({ subject, message }) => `${subject} ${message}`).sort()).toEqual([
      'class/same is in the store but not in memory',
      'node/n0 differs between store and memory',
      'pool/n1/p0 is in memory but not in the store',
    ])
    expect(new Set(violations.map(({ rule }) => rule))).toEqual(new Set(['store-equals-memory']))
  })

  it('is not alarmed by writes that are under way, whenever they began', async () => {
    const { clock, store, pipeline, cordon } = await start()
    const first = cordon('n0')
    const verifying = verifyStore(store, pipeline)
    await clock.settle()
    // While it waits for the first write to be durable, the state is ahead by another.
    const second = cordon('n1')
    await clock.advance(FLUSH_MS)
    await first
    await clock.advance(FLUSH_MS)
    await second
    expect((await verifying).violations).toEqual([])
  })
})
