/** Waiting for a pool. */
import { type StoragePool, StoragePoolServiceService } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { type Standing, type Wait, waitFor } from '../../client/index.ts'
import { subjectOf } from '../../resource/index.ts'
import type { Session } from '../../verb/index.ts'
import { poolKind, poolPhase, poolStanding } from './kind.ts'

/** Waits until the pool is ready, or gone; returns its last state. Raises as `waitFor` does. */
export async function waitForPool(
  session: Session,
  pool: StoragePool,
  goal: 'ready' | 'gone',
): Promise<StoragePool> {
  const client = await session.client()
  const wait: Wait<StoragePool> = {
    subject: subjectOf(poolKind, pool),
    initial: pool,
    async *watch(resourceVersion, signal) {
      const { watchStoragePools } = StoragePoolServiceService
      const request = { labelSelector: '', resourceVersion }
      for await (const step of client.stream(watchStoragePools, request, signal))
        yield { ...step, item: step.storagePool }
    },
    standing,
    ...(goal === 'gone' ? {} : { verdict }),
  }
  const { timeoutMs, progress, terminal } = session
  return waitFor(wait, { timeoutMs, progress, clock: terminal.clock, signal: terminal.signal })
}

function verdict(pool: StoragePool): 'done' | 'waiting' | KeelsonError {
  switch (poolStanding(pool)) {
    case 'ready':
      return 'done'
    case 'deleting':
      return new KeelsonError('ABORTED', `pool "${poolKind.id(pool)}" is being deleted`)
    case 'other':
      return 'waiting'
  }
}

function standing(pool: StoragePool): Standing {
  const phase = poolPhase(pool)
  const messages = (pool.status?.conditions ?? [])
    .map(({ message }) => message)
    .filter((message) => message !== '')
  return {
    summary: phase,
    troubles: phase === 'Failed' ? [`${phase}: ${messages.join('; ') || 'no reason given'}`] : [],
  }
}
