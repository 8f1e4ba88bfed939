/**
 * What the coordinator does by itself. Each controller is a loop that reads everything anew and
 * submits what is missing; none keeps a memory that a restart could lose.
 *
 *   name            reads              writes
 *   node-liveness   nodes, presence    nodes (phase)
 *   volume-phase    nodes, volumes     volumes (replicas of offline hosts)
 *   machine-state   nodes, machines    machines (phase, conditions)
 *   standbys        policies, machines machines (standby), events about those without room
 *   rebalance       rebalances, volumes begins moves and notes their ends
 *   history         events, operations removes the oldest
 */
import type { KeelsonError } from '@keelson/shared/errors'
import type { ControllerStatus } from '@keelson/shared/model'
import {
  type Clock,
  type ReconcileLoop,
  type Rng,
  startReconcileLoop,
} from '@keelson/shared/runtime'
import type { Admission } from '../admission/index.ts'
import type { Pipeline } from '../commit/index.ts'
import { hasStalePhase, needsRefresh } from '../decide/index.ts'
import type { Presence } from '../dispatch/index.ts'
import { advanceRebalances } from './rebalance.ts'
import { standbyKeeper } from './standbys.ts'

/** What controllers need. */
export interface ControllerOptions {
  readonly pipeline: Pipeline
  readonly admission: Admission
  readonly clock: Clock
  readonly rng: Rng
  readonly presence: (node: string) => Presence | undefined
  /** Ends the session of a host that was judged offline. */
  readonly expel: (node: string) => void
  /** A host silent for longer is offline. */
  readonly livenessTimeoutMs: number
  /** Hosts get this long to come back after a start before any is judged. */
  readonly startGraceMs: number
  readonly keepEvents: number
  readonly keepOperations: number
  readonly onError: (controller: string, error: KeelsonError) => void
}

/** The running controllers. */
export interface Controllers {
  status(): ControllerStatus[]
  stop(): Promise<void>
}

const LIVENESS_PERIOD_MS = 1_000
/** A look that comes this much after the one before was held up by the coordinator itself. */
const STALL_MS = 3 * LIVENESS_PERIOD_MS

/** Volumes put right per transaction; each writes one record. */
const VOLUMES_PER_COMMAND = 50

/** Machines put right per transaction; each writes at most one record. */
const MACHINES_PER_COMMAND = 50
/** Machines whose rules one pass judges. */
const MACHINES_PER_PASS = 200

/** Starts all controllers. */
export function startControllers(options: ControllerOptions): Controllers {
  const { pipeline, clock, rng } = options
  const start = (name: string, periodMs: number, pass: (signal: AbortSignal) => Promise<void>) =>
    startReconcileLoop({
      name,
      clock,
      rng,
      periodMs,
      pass,
      onError: (error) => options.onError(name, error),
    })
  const volumePhase = start('volume-phase', 5_000, () => refreshVolumes(options))
  const machineState = start('machine-state', 10_000, machineRefresher(options))
  const standbys = start('standbys', 10_000, standbyKeeper(options))
  const rebalance = start('rebalance', 5_000, (signal) => advanceRebalances(options, signal))
  const loops: ReconcileLoop[] = [
    start('node-liveness', LIVENESS_PERIOD_MS, nodeJudge(options)),
    volumePhase,
    machineState,
    standbys,
    rebalance,
    start('history', 10_000, (signal) => pruneHistory(options, signal)),
  ]
  const unsubscribe = pipeline.feed.subscribe(({ changes }) => {
    if (changes.some(({ kind }) => kind === 'rebalance' || kind === 'volume')) rebalance.trigger()
    if (changes.some(({ kind }) => kind === 'policy' || kind === 'node')) standbys.trigger()
    if (!changes.some((change) => change.kind === 'node')) return
    volumePhase.trigger()
    machineState.trigger()
  })
  return {
    status: () =>
      loops.map((loop) => {
        const { name, passes, lastStartedAt, lastDurationMs, lastError } = loop.status()
        return {
          name,
          passes,
          lastDurationMs: lastDurationMs ?? 0,
          lastError: lastError ?? '',
          ...(lastStartedAt !== undefined && { lastStartedAt }),
        }
      }),
    async stop() {
      unsubscribe()
      await Promise.all(loops.map((loop) => loop.stop()))
    },
  }
}

/**
 * Judges hosts by their silence. While the coordinator itself stood still, heartbeats waited to be
 * read: that silence was its own, so after a stall every host is listened to anew.
 */
function nodeJudge(options: ControllerOptions): () => Promise<void> {
  const { pipeline, admission, clock, presence, livenessTimeoutMs } = options
  const startedAt = clock.now()
  let listeningSince = startedAt
  let lookedAt = startedAt
  return async () => {
    const now = clock.now()
    if (now - lookedAt > STALL_MS) listeningSince = now
    lookedAt = now
    if (now - startedAt < options.startGraceMs) return
    for (const { meta, status } of pipeline.state.nodes.values()) {
      if (status.phase !== 'Online') continue
      const lastSeenAt = presence(meta.name)?.lastSeenAt ?? startedAt
      const silentMs = now - Math.max(lastSeenAt, listeningSince)
      if (silentMs <= livenessTimeoutMs) continue
      await pipeline.submit(
        admission.plain('SetNodePhase', 'controller/node-liveness', {
          node: meta.name,
          phase: 'Offline',
          reason: `no heartbeat for ${(silentMs / 1000).toFixed(1)} s`,
        }),
      )
      // Only a hello makes a host online again; a session that was merely slow must say a new one.
      options.expel(meta.name)
    }
    lookedAt = clock.now()
  }
}

async function refreshVolumes({ pipeline, admission }: ControllerOptions): Promise<void> {
  const { state } = pipeline
  const names = new Set<string>()
  for (const { meta, status } of state.nodes.values()) {
    if (status.phase === 'Online') continue
    for (const volume of state.hosts.volumesOn(meta.name))
      if (needsRefresh(state, volume)) names.add(volume)
  }
  const all = [...names]
  for (let i = 0; i < all.length; i += VOLUMES_PER_COMMAND)
    await pipeline.submit(
      admission.plain('RefreshVolumes', 'controller/volume-phase', {
        volumes: all.slice(i, i + VOLUMES_PER_COMMAND),
      }),
    )
}

/**
 * Phases follow hosts at once. Judging rules takes longer, so each pass judges some machines and
 * the next goes on behind them; where it begins does not matter.
 */
function machineRefresher({ pipeline, admission }: ControllerOptions): () => Promise<void> {
  const { state } = pipeline
  let next = 0
  return async () => {
    const names = state.virtualMachines.sortedIds()
    if (next >= names.length) next = 0
    const judged = names.slice(next, next + MACHINES_PER_PASS)
    next += MACHINES_PER_PASS
    const stale = names.filter((name) => hasStalePhase(state, name))
    const all = [...new Set([...stale, ...judged])]
    for (let i = 0; i < all.length; i += MACHINES_PER_COMMAND)
      await pipeline.submit(
        admission.plain('RefreshVirtualMachines', 'controller/machine-state', {
          machines: all.slice(i, i + MACHINES_PER_COMMAND),
        }),
      )
  }
}

async function pruneHistory(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const { pipeline, admission, keepEvents, keepOperations } = options
  const { state } = pipeline
  while (!signal.aborted) {
    const before = state.events.size + state.operations.size
    await pipeline.submit(
      admission.plain('PruneHistory', 'controller/history', { keepEvents, keepOperations }),
    )
    if (state.events.size + state.operations.size >= before) return
  }
}
