import { describe, expect, it } from 'vitest'
import { abilities, desiredReplica, document, host, listed } from './fixture.ts'
import { plan } from './plan.ts'

describe('a tie-breaker', () => {
  const witness = { role: 'TieBreaker', poolUid: '', drbdNodeId: 2 } as const
  const desired = document({
    replicas: [
      desiredReplica('v1', witness),
      desiredReplica('v2', { ...witness, intent: 'Absent' }),
      desiredReplica('v3', { ...witness, role: 'Diskless' }),
    ],
  })
  const cases: [name: string, replication: boolean, phases: string[]][] = [
    ['votes at once where replication is simulated', true, ['Ready', 'Absent', 'Failed']],
    ['is refused without replication, but let go of', false, ['Failed', 'Absent', 'Failed']],
  ]
  it.each(cases)('%s', (_name, replication, phases) => {
    const planned = plan(desired, host({ p1: listed() }), { ...abilities, replication })
    expect(planned.replicas.map(({ observed }) => observed.phase)).toEqual(phases)
    for (const { made, observed, step } of planned.replicas) {
      expect({ made, step }).toEqual({ made: undefined, step: undefined })
      expect(observed).toMatchObject({ devicePath: '', sizeBytes: 0, allocatedBytes: 0 })
    }
  })
})
