/**
 * The agent's memory of what its host should be: the last desired document, on the disk before
 * anything is done about it. It lets a host bring its volumes back after a reboot with no
 * coordinator in sight, and it is why an old document can never undo a new one.
 *
 * It also knows what the host has made, on the disk before anybody is told: data that was there
 * once is missed when it is gone, whatever the coordinator had heard of it by then.
 */
import { KeelsonError } from '@keelson/shared/errors'
import type { DesiredReplica, DesiredSnapshot, DesiredState } from '@keelson/shared/model'

/** A replica or snapshot that is in its pool. */
export interface MadeItem {
  readonly kind: 'Replica' | 'Snapshot'
  /** Of the volume, or of the snapshot. */
  readonly uid: string
  readonly poolUid: string
}

/** Where the desired document is kept. */
export interface Ledger {
  /** The document as last stored; undefined if there is none, or none that can be trusted. */
  current(): DesiredState | undefined
  /** What was wrong with the stored document at start; undefined if nothing was. */
  readonly damage: KeelsonError | undefined
  /**
   * Replaces the document; it is on the disk when the promise resolves. What the stored one marks
   * `provisioned` stays marked for as long as it should be present in the same pool. Raises
   * FAILED_PRECONDITION for a document of another cluster or host, or older than the stored one,
   * and UNAVAILABLE when the disk fails; both leave the stored one as it is.
   */
  store(desired: DesiredState): Promise<void>
  /**
   * Marks what was made `provisioned` in the stored document; the marks are on the disk when the
   * promise resolves. Items that should not be present any more stay unmarked, and nothing is
   * written when nothing changes. Raises UNAVAILABLE when the disk fails.
   */
  recordMade(items: readonly MadeItem[]): Promise<void>
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

/** `next` as it takes the place of `stored`. Raises as `checkSuccessor` does. */
export function successorOf(
  stored: DesiredState | undefined,
  next: DesiredState,
  node: string,
): DesiredState {
  checkSuccessor(stored, next, node)
  return stored === undefined ? next : withMade(next, madeIn(stored))
}

/** The document with these items marked `provisioned`; the very same one if they all are. */
export function withMade(document: DesiredState, made: readonly MadeItem[]): DesiredState {
  const keys = new Set(made.map(keyOf))
  let changed = false
  const mark = <T extends DesiredReplica | DesiredSnapshot>(item: T): T => {
    if (item.provisioned || item.intent === 'Absent' || !keys.has(keyOf(itemOf(item)))) return item
    changed = true
    return { ...item, provisioned: true }
  }
  const replicas = document.replicas.map(mark)
  const snapshots = document.snapshots.map(mark)
  return changed ? { ...document, replicas, snapshots } : document
}

/** An item that is to go may come back under its uid, and is then made from the beginning. */
function madeIn({ replicas, snapshots }: DesiredState): MadeItem[] {
  return [...replicas, ...snapshots]
    .filter(({ intent, provisioned }) => intent === 'Present' && provisioned)
    .map(itemOf)
}

function itemOf(wanted: DesiredReplica | DesiredSnapshot): MadeItem {
  const { poolUid } = wanted
  return 'role' in wanted
    ? { kind: 'Replica', uid: wanted.volumeUid, poolUid }
    : { kind: 'Snapshot', uid: wanted.uid, poolUid }
}

function keyOf({ kind, uid, poolUid }: MadeItem): string {
  return `${kind}/${uid}/${poolUid}`
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
      stored = successorOf(stored, desired, node)
    },
    async recordMade(items) {
      stored &&= withMade(stored, items)
    },
  }
}
