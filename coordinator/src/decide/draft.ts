/**
 * A draft collects the writes of one decision. It reads through its own writes, numbers events, and
 * gives the touched hosts a new generation of their desired document: one, however many of their
 * items changed.
 */
import { assert } from '@keelson/shared/errors'
import type { Event, EventType } from '@keelson/shared/model'
import {
  eventId,
  type RecordKind,
  type RecordTypes,
  recordKey,
  type StateView,
  type Write,
} from '../state/index.ts'
import type { Outcome, Stamp } from './command.ts'

/** Writes of one transaction, at most; the store takes 128 operations, the rest is for guards. */
export const MAXIMUM_WRITES = 120

/** What a decision is: the writes of one transaction and what to tell whoever asked. */
export interface Decision {
  readonly writes: readonly Write[]
  readonly outcome: Outcome
}

/** Writes being collected. */
export interface Draft {
  readonly state: StateView
  readonly stamp: Stamp
  get<K extends RecordKind>(kind: K, id: string): RecordTypes[K] | undefined
  put<K extends RecordKind>(kind: K, id: string, value: RecordTypes[K]): void
  remove(kind: RecordKind, id: string): void
  /** The host's desired document changes with this transaction. */
  touchNode(node: string): void
  event(type: EventType, reason: string, subject: string, message: string): void
  decision(outcome: Outcome): Decision
}

/** An empty draft on a state. */
export function createDraft(state: StateView, stamp: Stamp): Draft {
  const writes = new Map<string, Write>()
  let sequence = state.lastEventSequence
  const write = (kind: RecordKind, id: string, value: unknown) =>
    writes.set(recordKey(kind, id), { kind, id, value } as Write)

  return {
    state,
    stamp,
    get(kind, id) {
      const own = writes.get(recordKey(kind, id))
      if (own) return own.value as never
      return state.table(kind).get(id)
    },
    put: (kind, id, value) => void write(kind, id, value),
    remove: (kind, id) => void write(kind, id, undefined),
    touchNode(node) {
      if (writes.has(recordKey('generation', node))) return
      const before = state.generations.get(node)?.generation ?? 0
      write('generation', node, { generation: before + 1 })
    },
    event(type, reason, subject, message) {
      sequence++
      const event: Event = {
        sequence,
        time: stamp.now,
        type,
        reason,
        subject,
        message,
        actor: stamp.actor,
      }
      write('event', eventId(sequence), event)
    },
    decision(outcome) {
      assert(writes.size <= MAXIMUM_WRITES, `${writes.size} writes in one transaction`)
      return { writes: [...writes.values()], outcome }
    },
  }
}
