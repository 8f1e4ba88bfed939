/** Waiting for a snapshot. */
import { type Snapshot, SnapshotPhase, SnapshotServiceService } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { type Standing, type Wait, waitFor } from '../../client/index.ts'
import { size } from '../../output/index.ts'
import type { Session } from '../../verb/index.ts'
import { snapshotPhase } from './kind.ts'

/** Waits until the snapshot is ready, or gone; returns its last state. Raises as `waitFor` does. */
export async function waitForSnapshot(
  session: Session,
  snapshot: Snapshot,
  goal: 'ready' | 'gone',
): Promise<Snapshot> {
  const client = await session.client()
  const wait: Wait<Snapshot> = {
    subject: `snapshot/${snapshot.meta?.name ?? ''}`,
    initial: snapshot,
    async *watch(resourceVersion, signal) {
      const request = { labelSelector: '', resourceVersion }
      const { watchSnapshots } = SnapshotServiceService
      for await (const step of client.stream(watchSnapshots, request, signal))
        yield { ...step, item: step.snapshot }
    },
    standing,
    ...(goal === 'gone' ? {} : { verdict }),
  }
  const { timeoutMs, progress, terminal } = session
  return waitFor(wait, { timeoutMs, progress, clock: terminal.clock, signal: terminal.signal })
}

function verdict({ meta, status }: Snapshot): 'done' | 'waiting' | KeelsonError {
  if (meta?.deletionRequestedAt)
    return new KeelsonError('ABORTED', `snapshot "${meta.name}" is being deleted`)
  return status?.phase === SnapshotPhase.SNAPSHOT_PHASE_READY ? 'done' : 'waiting'
}

function standing({ status }: Snapshot): Standing {
  const replicas = status?.replicas ?? []
  const each = replicas.map((replica) => {
    const copied = replica.copiedBytes === 0n ? '' : ` (${size(replica.copiedBytes)} copied)`
    return `${replica.node} ${snapshotPhase(replica)}${copied}`
  })
  const failed = replicas.filter(({ phase }) => phase === SnapshotPhase.SNAPSHOT_PHASE_FAILED)
  return {
    summary: [snapshotPhase(status), each.join(', ')].filter((part) => part !== '').join(': '),
    troubles: failed.map(
      ({ node, message }) => `replica on ${node} is Failed: ${message || 'no reason given'}`,
    ),
  }
}
