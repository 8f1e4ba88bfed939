/**
 * An agent from its parts: a ledger, a storage driver, a way to the coordinator, a look at the
 * hardware. A real host, a simulated one and a test differ only in the parts they bring. Whatever
 * waits or rolls dice does so through the clock and the chance it is given.
 */
import type { KeelsonError } from '@keelson/shared/errors'
import type { Logger } from '@keelson/shared/logging'
import type { HardwareInventory, HardwareReadings, Hello } from '@keelson/shared/model'
import type { Clock, LoopStatus, Rng } from '@keelson/shared/runtime'
import type { Ledger } from '../ledger/index.ts'
import { type Abilities, type ReconcilerStatus, startReconciler } from '../reconcile/index.ts'
import {
  type ConnectionLimits,
  type Session,
  type SessionContent,
  type SessionStatus,
  type SessionTransport,
  startSession,
} from '../session/index.ts'
import type { StorageDriver } from '../storage/driver.ts'

/** What a host says of itself in Hello, but for what the ledger knows. */
export type HostFacts = Omit<Hello, 'node' | 'ledgerGeneration' | 'clusterId'>

/** The hardware of a host, as it is watched. */
export interface InventorySource {
  /** The report as last read; undefined before the first reading. */
  current(): HardwareInventory | undefined
  /** Takes the volatile readings now; undefined if there are none. */
  readings(): HardwareReadings | undefined
  status?(): LoopStatus
  stop(): Promise<void>
}

/** What an agent is made of. */
export interface AgentParts {
  readonly node: string
  readonly facts: HostFacts
  readonly ledger: Ledger
  readonly driver: StorageDriver
  readonly abilities: Abilities
  readonly transport: SessionTransport
  /** Starts to watch the hardware; `onChange` tells that `current` has changed. */
  readonly inventory: (onChange: () => void) => InventorySource
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Logger
  readonly limits?: ConnectionLimits
}

/** What an agent is doing, for `debug` output. */
export interface AgentStatus {
  readonly node: string
  readonly session: SessionStatus
  readonly reconciler: ReconcilerStatus
  readonly inventory: LoopStatus | undefined
  readonly ledgerGeneration: number
  readonly ledgerDamage: string | undefined
}

/** A running agent. */
export interface Agent {
  status(): AgentStatus
  /** Settles when the agent has nothing left to do: with an error if nobody asked for that. */
  readonly ended: Promise<KeelsonError | undefined>
  /** Ends the session and aborts steps under way. Volumes stay attached and in use. */
  stop(): Promise<void>
}

/** What an agent of this version can do on a real host. */
export const REAL_ABILITIES: Abilities = {
  poolKinds: new Set(['FILE', 'FILE_THIN']),
  replication: false,
}

/** How often readings go with a heartbeat. */
const READINGS_MS = 15_000

/** Starts an agent; it serves its host at once and connects as soon as it can. */
export function createAgent(parts: AgentParts): Agent {
  const { clock, driver, facts, ledger, log, node, rng } = parts
  let readAt: number | undefined
  let session: Session | undefined

  const reconciler = startReconciler({
    driver,
    abilities: parts.abilities,
    desired: ledger.current,
    recordMade: ledger.recordMade,
    clock,
    rng,
    log,
    onChange: () => session?.poke(),
  })
  const inventory = parts.inventory(() => session?.poke())
  const content: SessionContent = {
    hello: () => ({
      ...facts,
      node,
      ledgerGeneration: ledger.current()?.generation ?? 0,
      clusterId: ledger.current()?.clusterId ?? '',
    }),
    ledgerGeneration: () => ledger.current()?.generation ?? 0,
    async store(desired) {
      await ledger.store(desired)
      log.debug({ generation: desired.generation }, 'desired document stored')
      reconciler.trigger()
    },
    sections: () => inventory.current()?.sections ?? [],
    freshReadings() {
      if (readAt !== undefined && clock.now() - readAt < READINGS_MS) return undefined
      readAt = clock.now()
      return inventory.readings()
    },
    observed: reconciler.observed,
  }
  if (ledger.damage) log.error({ err: ledger.damage }, 'the ledger is damaged')
  const { limits, transport } = parts
  const started = startSession({
    transport,
    content,
    clock,
    rng,
    log,
    ...(limits && { limits }),
  })
  session = started

  return {
    status: () => ({
      node,
      session: started.status(),
      reconciler: reconciler.status(),
      inventory: inventory.status?.(),
      ledgerGeneration: content.ledgerGeneration(),
      ledgerDamage: ledger.damage?.message,
    }),
    ended: started.ended,
    async stop() {
      started.stop()
      await Promise.all([reconciler.stop(), inventory.stop()])
    },
  }
}
