/**
 * The agent's memory of what its host should be: the last desired document, on the disk before
 * anything is done about it. It lets a host bring its volumes back after a reboot with no
 * coordinator in sight, and it is why an old document can never undo a new one.
 */
import { KeelsonError } from '@keelson/shared/errors'
import type { DesiredState } from '@keelson/shared/model'

/** Where the desired document is kept. */
export interface Ledger {
  /** The document as last stored; undefined if there is none, or none that can be trusted. */
  current(): DesiredState | undefined
  /** What was wrong with the stored document at start; undefined if nothing was. */
  readonly damage: KeelsonError | undefined
  /**
   * Replaces the document; it is on the disk when the promise resolves. Raises FAILED_PRECONDITION
   * for a document of another cluster or host, or older than the stored one, and UNAVAILABLE when
   * the disk fails; both leave the stored one as it is.
   */
  store(desired: DesiredState): Promise<void>
}

/**
 * Raises FAILED_PRECONDITION unless `next` may take the place of `stored`. A document of the same
 * generation may: every session begins with one, and a coordinator that was restored from a backup
 * can have given the number to another.
 */
export function checkSuccessor(
  stored: DesiredState | undefined,
  next: DesiredState,
  node: string,
): void {
  if (next.node !== node) throw refused(`it is for node "${next.node}", this is "${node}"`)
  if (stored === undefined) return
  if (next.clusterId !== stored.clusterId)
    throw refused(`it is of cluster ${next.clusterId}, this host is of ${stored.clusterId}`)
  if (next.generation < stored.generation)
    throw refused(`its generation is ${next.generation}, stored is ${stored.generation}`)
}

function refused(why: string): KeelsonError {
  return new KeelsonError('FAILED_PRECONDITION', `desired document refused: ${why}`)
}

/** A ledger that dies with the process, for tests and for the simulation. */
export function createMemoryLedger(node: string, initial?: DesiredState): Ledger {
  let stored = initial
  return {
    damage: undefined,
    current: () => stored,
    async store(desired) {
      checkSuccessor(stored, desired, node)
      stored = desired
    },
  }
}
