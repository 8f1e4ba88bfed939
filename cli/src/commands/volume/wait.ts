/** Waiting for a volume. */
import { ReplicaPhase, type Volume, VolumePhase, VolumeServiceService } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { type Standing, type Wait, waitFor } from '../../client/index.ts'
import type { Session } from '../../verb/index.ts'
import { replicaPhase, volumePhase } from './kind.ts'

/** What is waited for: usable on every host, of a size on every host, or gone. */
export type VolumeGoal = 'ready' | 'gone' | { readonly sizeBytes: bigint }

/** Waits until the volume has reached `goal`; returns its last state. Raises as `waitFor` does. */
export async function waitForVolume(
  session: Session,
  volume: Volume,
  goal: VolumeGoal,
): Promise<Volume> {
  const client = await session.client()
  const name = volume.meta?.name ?? ''
  const wait: Wait<Volume> = {
    subject: `volume/${name}`,
    initial: volume,
    async *watch(resourceVersion, signal) {
      const request = { labelSelector: '', resourceVersion, name }
      const { watchVolumes } = VolumeServiceService
      for await (const step of client.stream(watchVolumes, request, signal))
        yield { ...step, item: step.volume }
    },
    standing,
    ...(goal === 'gone' ? {} : { verdict: (item) => verdict(item, goal) }),
  }
  const { timeoutMs, progress, terminal } = session
  return waitFor(wait, { timeoutMs, progress, clock: terminal.clock, signal: terminal.signal })
}

function verdict(
  volume: Volume,
  goal: Exclude<VolumeGoal, 'gone'>,
): 'done' | 'waiting' | KeelsonError {
  const { status, spec, meta } = volume
  if (meta?.deletionRequestedAt)
    return new KeelsonError('ABORTED', `volume "${meta.name}" is being deleted`)
  if (goal === 'ready') return status?.phase === VolumePhase.VOLUME_PHASE_READY ? 'done' : 'waiting'
  if (spec && spec.sizeBytes < goal.sizeBytes)
    return new KeelsonError('ABORTED', `growing volume "${meta?.name}" was cancelled`)
  return status && status.actualSizeBytes >= goal.sizeBytes ? 'done' : 'waiting'
}

function standing(volume: Volume): Standing {
  const replicas = volume.status?.replicas ?? []
  const { REPLICA_PHASE_FAILED, REPLICA_PHASE_UNKNOWN } = ReplicaPhase
  const bad = replicas.filter(
    ({ phase }) => phase === REPLICA_PHASE_FAILED || phase === REPLICA_PHASE_UNKNOWN,
  )
  const each = replicas.map((replica) => `${replica.node} ${replicaPhase(replica)}`)
  return {
    summary: [volumePhase(volume), each.join(', ')].filter((part) => part !== '').join(': '),
    troubles: bad.map((replica) => {
      const message = replica.message || 'no reason given'
      return `replica on ${replica.node} is ${replicaPhase(replica)}: ${message}`
    }),
  }
}
