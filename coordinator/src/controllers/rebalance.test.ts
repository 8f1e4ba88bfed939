import type { Move, RebalanceLimits } from '@keelson/shared/model'
import { seededRng } from '@keelson/shared/runtime'
import { createFakeClock } from '@keelson/shared/testing'
import { describe, expect, it } from 'vitest'
import { createAdmission } from '../admission/index.ts'
import { createPipeline } from '../commit/index.ts'
import type { CommandOf } from '../decide/index.ts'
import { createClusterState } from '../state/index.ts'
import { createMemoryDisk, openMemoryStore } from '../store/index.ts'
import { createStamps, faithfulReport, initializeCluster, populate } from '../testing/index.ts'
import { advanceRebalances } from './rebalance.ts'

const GIB = 2 ** 30
const NO_LIMITS: RebalanceLimits = {
  movesPerNode: 0,
  movesPerDomain: 0,
  failureDomain: '',
  bandwidthBytesPerSecond: 0,
  windows: [],
}

/** Volumes a and b on n0 and n1, free to go anywhere, and a plan that brings both to n2. */
async function start() {
  const clock = createFakeClock()
  const state = createClusterState()
  const scene = { state, ...createStamps() }
  const store = openMemoryStore(createMemoryDisk())
  const pipeline = createPipeline({
    ...{ store, state, guards: [], checked: true, onFailure: () => undefined },
  })
  const admission = createAdmission({ clock, rng: seededRng(1) })
  await pipeline.submit(initializeCluster(scene))
  for (const command of populate(scene)) await pipeline.submit(command)
  const cordon = (node: string, schedulable: boolean) =>
    pipeline.submit(
      admission.plain('UpdateNode', 'user/ada', {
        ...{ node, schedulable, setLabels: {}, removeLabels: [] },
      }),
    )
  for (const node of ['n2', 'n3']) await cordon(node, false)
  const spec = { sizeBytes: GIB, storageClass: '', pool: '', replicas: 2, nodes: [] }
  for (const name of ['a', 'b']) {
    const fields = { name, labels: {}, spec: { ...spec, sourceSnapshot: '' } }
    await pipeline.submit(admission.plain('CreateVolume', 'user/ada', fields))
  }
  await cordon('n2', true)
  const report = (node: string) =>
    pipeline.submit(
      admission.plain('RecordObserved', `node/${node}`, {
        ...{ node, observed: faithfulReport(state, node) },
      }),
    )
  for (const node of state.nodes.sortedIds()) await report(node)
  const advance = () => advanceRebalances({ admission, pipeline }, new AbortController().signal)
  const apply = admission.plain('ApplyRebalance', 'user/ada', { limits: NO_LIMITS, plan: PLAN })
  const { outcome } = await pipeline.submit(apply)
  const record = () => state.rebalances.get(outcome.operation!)!
  const phases = () => record().moves.map(({ phase }) => phase)
  return { admission, advance, apply, phases, pipeline, record, report, state }
}

const moves = ['a', 'b'].map(
  (name, index): Move => ({
    ...{ number: index + 1, kind: 'Replica', subject: `volume/${name}`, copiedBytes: GIB },
    ...{ fromNode: 'n0', fromPool: 'p0', toNode: 'n2', toPool: 'p0' },
    ...{ gain: 0, reason: '', after: [] },
  }),
)
const PLAN: CommandOf<'ApplyRebalance'>['plan'] = {
  ...{ id: 'plan-1', objective: 'Spread', moves, copiedBytes: 2 * GIB, resourceVersion: 1 },
  ...{ imbalanceBefore: 1, imbalanceAfter: 0, summary: '2 moves' },
}

describe('the controller of rebalances', () => {
  it('begins what the limits allow, notes what has ended, and ends with numbers', async () => {
    const { advance, phases, record, report, state } = await start()
    await advance()
    expect(phases()).toEqual(['Running', 'Waiting'])
    const [move] = [...state.operations.values()].filter(({ kind }) => kind === 'VolumeMove')
    expect(move).toMatchObject({ subject: 'volume/a', phase: 'Running' })
    await report('n2')
    await advance()
    expect(phases()).toEqual(['Running', 'Waiting'])
    await report('n0')
    await advance()
    expect(phases()).toEqual(['Done', 'Running'])
    expect(state.operations.get(record().operation)).toMatchObject({
      ...{ phase: 'Running', progressPercent: 50 },
      message: 'Running: 1 of 2 moves done (1 GiB copied), 1 under way',
    })
    await report('n2')
    await report('n0')
    await advance()
    expect(record().phase).toBe('Done')
    expect(state.operations.get(record().operation)).toMatchObject({
      ...{ phase: 'Succeeded', progressPercent: 100 },
      message: '2 of 2 moves done (2 GiB copied)',
    })
  })

  it('writes nothing while there is nothing new', async () => {
    const { advance, pipeline } = await start()
    await advance()
    const { revision } = pipeline.state
    await advance()
    expect(pipeline.state.revision).toBe(revision)
  })

  it('a paused one lets its move end and begins no other until it is resumed', async () => {
    const { admission, advance, phases, pipeline, record, report } = await start()
    await advance()
    await pipeline.submit(admission.plain('PauseRebalance', 'user/ada', { operation: '' }))
    expect(record().phase).toBe('Pausing')
    await report('n2')
    await report('n0')
    await advance()
    expect([record().phase, ...phases()]).toEqual(['Paused', 'Done', 'Waiting'])
    await pipeline.submit(admission.plain('ResumeRebalance', 'user/ada', { operation: '' }))
    await advance()
    expect([record().phase, ...phases()]).toEqual(['Running', 'Done', 'Running'])
  })

  it('a cancelled one begins nothing more, and another may begin', async () => {
    const { admission, advance, apply, phases, pipeline, record, report } = await start()
    await advance()
    await expect(pipeline.submit(apply)).rejects.toThrow('is under way')
    const name = record().operation
    await pipeline.submit(admission.plain('CancelOperation', 'user/ada', { name }))
    expect([record().phase, ...phases()]).toEqual(['Done', 'Running', 'Skipped'])
    await report('n2')
    await report('n0')
    await advance()
    expect(phases()).toEqual(['Done', 'Skipped'])
    await pipeline.submit(admission.plain('ApplyRebalance', 'user/ada', apply))
  })

  it('skips what would break a rule by now, and says why', async () => {
    const { admission, advance, pipeline, record } = await start()
    const away = { node: 'n2', setLabels: {}, removeLabels: [], schedulable: false }
    await pipeline.submit(admission.plain('UpdateNode', 'user/ada', away))
    await advance()
    expect(record().phase).toBe('Done')
    for (const { message, phase } of record().moves) {
      expect(phase).toBe('Skipped')
      expect(message).toContain('cannot be placed')
    }
  })
})
