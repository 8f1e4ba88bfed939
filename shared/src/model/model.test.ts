import { describe, expect, it } from 'vitest'
import { AssertionError } from '../errors/index.ts'
import {
  type Condition,
  finishOperation,
  type Operation,
  type Replica,
  type ReplicaPhase,
  type SnapshotPhase,
  type SnapshotReplica,
  setCondition,
  snapshotPhase,
  volumePhase,
} from './index.ts'

describe('the phase of a volume', () => {
  const cases: [replicas: ReplicaPhase[], phase: string][] = [
    [['Ready'], 'Ready'],
    [['Ready', 'Ready'], 'Ready'],
    [['Ready', 'Pending'], 'Degraded'],
    [['Ready', 'Failed'], 'Degraded'],
    [['Ready', 'Unknown'], 'Degraded'],
    [['Pending', 'Pending'], 'Pending'],
    [['Pending', 'Failed'], 'Pending'],
    [['Failed', 'Unknown'], 'Failed'],
    [['Unknown'], 'Failed'],
    [['Ready', 'Deleting'], 'Ready'],
    [['Failed', 'Deleting'], 'Failed'],
    [['Deleting'], 'Failed'],
    [[], 'Failed'],
  ]
  const copies = (phases: readonly ReplicaPhase[]) =>
    phases.map((phase) => ({ role: 'Diskful', phase }) as Replica)

  it.each(cases)('with replicas %s is %s', (phases, phase) => {
    expect(volumePhase(false, copies(phases))).toBe(phase)
    expect(volumePhase(true, copies(phases))).toBe('Deleting')
  })

  const votes: [replicas: ReplicaPhase[], tieBreaker: ReplicaPhase, phase: string][] = [
    [['Ready', 'Ready'], 'Ready', 'Ready'],
    [['Ready', 'Ready'], 'Pending', 'Degraded'],
    [['Ready', 'Ready'], 'Unknown', 'Degraded'],
    [['Ready', 'Ready'], 'Failed', 'Degraded'],
    [['Ready', 'Ready'], 'Deleting', 'Ready'],
    [['Ready', 'Failed'], 'Ready', 'Degraded'],
    [['Pending', 'Pending'], 'Ready', 'Pending'],
    [['Failed', 'Unknown'], 'Ready', 'Failed'],
    [['Failed', 'Failed'], 'Pending', 'Failed'],
  ]
  it.each(votes)('with replicas %s and a tie-breaker %s is %s', (phases, tieBreaker, phase) => {
    const witness = { role: 'TieBreaker', phase: tieBreaker } as Replica
    expect(volumePhase(false, [...copies(phases), witness])).toBe(phase)
  })
})

describe('the phase of a snapshot', () => {
  const cases: [replicas: SnapshotPhase[], phase: SnapshotPhase][] = [
    [['Ready', 'Ready'], 'Ready'],
    [['Ready', 'Pending'], 'Pending'],
    [['Pending', 'Failed'], 'Failed'],
    [['Ready', 'Failed'], 'Failed'],
  ]
  it.each(cases)('with replicas %s is %s', (phases, phase) => {
    const replicas = phases.map((one) => ({ phase: one }) as SnapshotReplica)
    expect(snapshotPhase(false, replicas)).toBe(phase)
    expect(snapshotPhase(true, replicas)).toBe('Deleting')
  })
})

describe('an operation', () => {
  const operation: Operation = {
    meta: { name: 'op-1', uid: 'u', labels: {}, generation: 1, resourceVersion: 0, createdAt: 0 },
    kind: 'VolumeResize',
    subject: 'volume/data',
    phase: 'Running',
    progressPercent: 40,
    message: 'growing',
  }
  it('ends once, with its progress as it was unless it succeeded', () => {
    const failed = finishOperation(operation, 'Failed', 'no space', 9)
    expect(failed).toMatchObject({ phase: 'Failed', message: 'no space', finishedAt: 9 })
    expect(failed.progressPercent).toBe(40)
    expect(finishOperation(operation, 'Succeeded', 'done', 9).progressPercent).toBe(100)
    for (const phase of ['Succeeded', 'Failed', 'Cancelled'] as const) {
      const ended = finishOperation(operation, phase, '', 9)
      expect(() => finishOperation(ended, 'Failed', '', 10)).toThrow(AssertionError)
    }
  })
})

describe('setting a condition', () => {
  const ready = { type: 'Ready', status: 'True', reason: 'PoolReady', message: '' } as const
  const other: Condition = { ...ready, type: 'Other', lastTransitionAt: 1 }
  const before: readonly Condition[] = [{ ...ready, lastTransitionAt: 5 }, other]

  it('that is as it was gives the same array', () => {
    expect(setCondition(before, ready, 9)).toBe(before)
  })

  it('moves the transition time only with the status', () => {
    const [, kept] = setCondition(before, { ...ready, message: 'still' }, 9)
    expect(kept).toMatchObject({ message: 'still', lastTransitionAt: 5 })
    const [, moved] = setCondition(before, { ...ready, status: 'False' }, 9)
    expect(moved).toMatchObject({ status: 'False', lastTransitionAt: 9 })
  })

  it('keeps the others and adds what is new', () => {
    expect(setCondition(before, { ...ready, status: 'False' }, 9)).toContain(other)
    expect(setCondition([], ready, 9)).toEqual([{ ...ready, lastTransitionAt: 9 }])
  })
})
