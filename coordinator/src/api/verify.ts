import type { Violation } from '@keelson/shared/model'
import type { Pipeline } from '../commit/index.ts'
import {
  encodeRecord,
  parseRecordKey,
  RECORD_KINDS,
  type RecordKind,
  type RecordTypes,
  recordKey,
  type StateView,
} from '../state/index.ts'
import type { Store } from '../store/index.ts'

/** What a comparison of store and memory found. */
export interface StoreVerification {
  readonly violations: readonly Violation[]
  readonly recordsChecked: number
  readonly revision: number
}

/**
 * Reads the whole store and compares it with the state in memory, record by record. Records that
 * were written while it read are left out: they are newer than the snapshot.
 */
export async function verifyStore(store: Store, pipeline: Pipeline): Promise<StoreVerification> {
  const { state } = pipeline
  const touched = new Set<string>()
  const unsubscribe = pipeline.feed.subscribe(({ changes }) => {
    for (const { kind, id } of changes) touched.add(recordKey(kind, id))
  })
  const violations: Violation[] = []
  const stored = new Map<string, string>()
  let revision = 0
  try {
    for await (const page of store.range('')) {
      revision = page.revision
      for (const { key, value } of page.records) stored.set(key, value)
    }
    // Compared in one breath. What differs because it is under way is told of once it is durable.
    violations.push(...compare(stored, state))
    await pipeline.settled()
  } finally {
    unsubscribe()
  }
  return {
    violations: violations.filter(({ subject }) => !touched.has(subject)),
    recordsChecked: stored.size,
    revision,
  }
}

function* compare(stored: ReadonlyMap<string, string>, state: StateView): Generator<Violation> {
  for (const [key, text] of stored) {
    const { kind, id } = parseRecordKey(key)
    const record = state.table(kind).get(id)
    if (record === undefined) yield differs(key, 'is in the store but not in memory')
    else if (encodeRecord(comparable(record)) !== encodeRecord(comparable(JSON.parse(text).r)))
      yield differs(key, 'differs between store and memory')
  }
  for (const kind of RECORD_KINDS)
    for (const id of state.table(kind).sortedIds()) {
      const key = recordKey(kind, id)
      if (!stored.has(key)) yield differs(key, 'is in memory but not in the store')
    }
}

function differs(key: string, message: string): Violation {
  return { rule: 'store-equals-memory', subject: key, message }
}

/** A record without its resource version, which the text does not carry. */
function comparable(record: RecordTypes[RecordKind]): RecordTypes[RecordKind] {
  if (!('meta' in record) || !('resourceVersion' in record.meta)) return record
  return { ...record, meta: { ...record.meta, resourceVersion: 0 } } as RecordTypes[RecordKind]
}
