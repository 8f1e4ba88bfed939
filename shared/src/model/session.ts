/** The messages of an agent's session, as the state machines on both sides see them. */
import type { DesiredState } from './desired-state.ts'
import type { HardwareReadings, HardwareSection } from './hardware.ts'
import type { ObservedState } from './observed-state.ts'

/** First message of a session: who dials, and what it is. */
export interface Hello {
  readonly node: string
  readonly agentVersion: string
  /** Generation in the ledger; 0 for none. */
  readonly ledgerGeneration: number
  /** Cluster of the ledger; empty for none. */
  readonly clusterId: string
  readonly capabilities: readonly string[]
  readonly bootId: string
  readonly os: string
  readonly simulated: boolean
  readonly cpuCount: number
  readonly memoryBytes: number
}

/** The coordinator's answer. */
export interface Welcome {
  readonly clusterId: string
  readonly heartbeatIntervalMs: number
  /** Hash by section name of what the coordinator holds. */
  readonly inventoryHashes: Readonly<Record<string, string>>
}

/** From agent to coordinator. */
export type AgentMessage =
  | { readonly type: 'hello'; readonly hello: Hello }
  | {
      readonly type: 'heartbeat'
      readonly readings?: HardwareReadings
      /** Generation in the ledger; 0 for none. */
      readonly ledgerGeneration: number
    }
  | { readonly type: 'inventory'; readonly sections: readonly HardwareSection[] }
  | { readonly type: 'observed'; readonly observed: ObservedState }

/** From coordinator to agent. */
export type CoordinatorMessage =
  | { readonly type: 'welcome'; readonly welcome: Welcome }
  | { readonly type: 'desired'; readonly desired: DesiredState }
