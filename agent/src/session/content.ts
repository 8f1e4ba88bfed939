/**
 * What the session carries, as it asks the rest of the agent for it. Everything here is a level: it
 * may be read at any time and says how things are now. What the coordinator has been told already
 * is the session's own business.
 */
import type {
  DesiredState,
  HardwareReadings,
  HardwareSection,
  Hello,
  ObservedPool,
  ObservedReplica,
  ObservedSnapshot,
} from '@keelson/shared/model'

/**
 * All items of the host by uid. An item is replaced, never changed, and only when its content
 * differs, so that the session finds what is new by comparing identities.
 */
export interface ObservedItems {
  readonly appliedGeneration: number
  readonly pools: ReadonlyMap<string, ObservedPool>
  readonly replicas: ReadonlyMap<string, ObservedReplica>
  readonly snapshots: ReadonlyMap<string, ObservedSnapshot>
}

/** The rest of the agent, as the session sees it. */
export interface SessionContent {
  hello(): Hello
  /** Generation of the document in the ledger; 0 for none. */
  ledgerGeneration(): number
  /**
   * Stores a document; it is on the disk when the promise resolves. Raises FAILED_PRECONDITION for
   * one that must not be stored; anything else means that the disk failed.
   */
  store(desired: DesiredState): Promise<void>
  /** Hardware sections as last read; empty before the first reading. */
  sections(): readonly HardwareSection[]
  /** Readings taken since the last call, if any. */
  freshReadings(): HardwareReadings | undefined
  /** Undefined until the host has been looked at. */
  observed(): ObservedItems | undefined
}
